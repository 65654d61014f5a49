"""How real generated points look, and how much of the real is generated, from balls to the k-th neighbour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from otgan.checks import as_count
from otgan.errors import InvalidShapeError
from otgan.quality.balls import in_balls, kth_nearest
from otgan.quality.inputs import read_two


@dataclass(frozen=True)
class PrecisionRecall:
    r"""What the balls around real and generated points say, each reaching to the k-th neighbour on its own side.

    Attributes:
        precision: Share of the generated points that lie in a ball of some real point.
        recall: Share of the real points that lie in a ball of some generated point.
        density: Mean number of balls of real points that a generated point lies in, over k; about 1 for one law, more
            where points crowd at the modes.
        coverage: Share of the real points whose ball holds a generated point.
        coverage_of_chance: What coverage is on average where both sides have one law,
            $1 - \prod_{i=1}^{k} \frac{n-i}{n+m-i}$.
        k: Neighbours.
        sizes: Number of real points n, and of generated points m.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    coverage_of_chance: float
    k: int
    sizes: tuple[int, int]


def precision_recall(real: Any, generated: Any, *, k: int = 5) -> PrecisionRecall:
    r"""Precision and recall, density and coverage, by k nearest neighbours.

    Precision and recall have no known value for a perfect generator: it depends on law, n and k. So read them beside
    two real samples. Density has the mean 1 and coverage that of `coverage_of_chance`, whatever the law, if no
    point of it has mass: repeated points lie in each other's balls, and both are larger. One real
    outlier has a large ball, in which precision finds bad points good; density counts it once in k. Euclidean
    distances, see `otgan.quality.balls`: in up to 4 dimensions the time grows little faster than n + m, in 8 as its
    power 1.6 or so, above as (n + m)² d; memory O((n + m) d).

    Args:
        real: Real points or their features, (n, d), n > k.
        generated: Generated ones, (m, d), m > k.
        k: Neighbours, a point itself not counted; Kynkäänniemi et al. take 3, Naeem et al. 5.

    Raises:
        InvalidShapeError: If they differ in d, or a side has k points or fewer.

    Source: Kynkäänniemi et al. (2019), Improved Precision and Recall Metric for Assessing Generative Models, and Naeem
    et al. (2020), Reliable Fidelity and Diversity Metrics for Generative Models. Balls are closed here, as in the
    former's formula, so that repeated points are found in balls of radius 0.

    >>> real, generated = [[0.0], [1.0], [2.0], [3.0]], [[0.5], [1.5], [9.0], [9.5]]
    >>> found = precision_recall(real, generated, k=1)
    >>> found.precision, found.recall, found.density, found.coverage
    (0.5, 0.75, 1.0, 0.75)
    """
    x, y = read_two(("real", "generated"), real, generated)
    k = as_count("k", k)
    for name, points in (("real", x), ("generated", y)):
        if len(points) <= k:
            raise InvalidShapeError(
                name, f"have more than k = {k} points", f"{len(points)}", "draw more points, or lower k"
            )
    n, m = len(x), len(y)
    of_real, of_generated = (kth_nearest(side, side, k + 1) for side in (x, y))  # the nearest is the point itself
    balls, recalled, covered = in_balls(x, y, of_real, of_generated)
    i = np.arange(1, k + 1)
    chance = 1 - float(np.prod((n - i) / (n + m - i)))
    return PrecisionRecall(
        float((balls > 0).mean()), float(recalled.mean()), float(balls.mean() / k), float(covered.mean()), chance, k,
        (n, m),
    )  # fmt: skip
