"""Whether generated points are copies: how near they come to the training points, beside points held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from otgan.quality.balls import kth_nearest
from otgan.quality.inputs import read_two

#: The quantile of the held-out points' distances below which a point counts as close.
QUANTILE = 0.05


@dataclass(frozen=True)
class NearestTraining:
    """Distances to the nearest training point, generated points beside held-out ones.

    Attributes:
        median_generated: Median over the generated points, in units of length.
        median_held_out: Median over the held-out points: what new points of the law have.
        share_close: Share of the generated points that are as near to a training point as the nearest 5 % of the
            held-out ones. About .05 for new points of the law, towards 1 for copies.
        sizes: Number of generated, of training and of held-out points.
    """

    median_generated: float
    median_held_out: float
    share_close: float
    sizes: tuple[int, int, int]

    @property
    def ratio(self) -> float:
        """Median of the generated over that of the held-out: 1 for new points, 0 for copies, more for a blur."""
        if self.median_held_out:
            return self.median_generated / self.median_held_out
        return 1.0 if not self.median_generated else float("inf")


def nearest_training(generated: Any, training: Any, held_out: Any) -> NearestTraining:
    """Compare how near generated and held-out points come to the training points.

    A generator that copies is perfect by every measure that knows only the training points; here copies stand out,
    since held-out points of the same law are never so near. Euclidean distances.

    Args:
        generated: Generated points, (n, d).
        training: The points that were trained on, (t, d), all of them.
        held_out: Points of the same law that were not trained on, (h, d).

    Raises:
        InvalidShapeError: If they differ in d.

    >>> training, held_out = [[0.0], [10.0], [20.0]], [[2.0], [8.0], [17.0]]
    >>> copied = nearest_training([[0.0], [10.0]], training, held_out)
    >>> copied.ratio, copied.share_close
    (0.0, 1.0)
    """
    known, made = read_two(("training", "generated"), training, generated)
    _, others = read_two(("training", "held_out"), known, held_out)
    of_generated, of_held_out = (kth_nearest(points, known, 1) for points in (made, others))
    near = of_generated <= np.quantile(of_held_out, QUANTILE)
    return NearestTraining(
        float(np.median(of_generated)), float(np.median(of_held_out)), float(near.mean()),
        (len(made), len(known), len(others)),
    )  # fmt: skip
