"""Reading the measures of which a mean is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_weights
from otgan.costs import PointCosts, as_metric, point_costs
from otgan.errors import InvalidShapeError, InvalidTypeError
from otgan.masses import WeightMasses
from otgan.problem import OTProblem, read_side


@dataclass(frozen=True, eq=False)
class Measures:
    """Measures of one dimension, and how much each counts.

    Attributes:
        points: Points of each, (n_k, d).
        raw_weights: Weights of each as given, (n_k,).
        counts: How much each counts, (k,), with the sum one.
    """

    points: list[FloatArray]
    raw_weights: list[FloatArray]
    counts: FloatArray

    def __len__(self) -> int:
        return len(self.points)

    @property
    def dim(self) -> int:
        """Dimension of the space."""
        return self.points[0].shape[1]

    def masses(self, k: int) -> FloatArray:
        """Weights of a measure with the sum one, to a few roundings each, (n_k,)."""
        return self.raw_weights[k] / self.raw_weights[k].sum()

    def costs(self, support: FloatArray, k: int, *, metric: str, p: float) -> PointCosts:
        """Costs from a support to the points of a measure."""
        return point_costs(support, self.points[k], metric=metric, p=p)

    def problem(self, costs: PointCosts, weights: FloatArray, k: int) -> OTProblem:
        """Transport from weights on a support to a measure."""
        return OTProblem(costs, WeightMasses(weights, self.raw_weights[k]))


def read_measures(measures: Any, weights: Any, *, metric: str) -> Measures:
    """Read measures as users give them.

    Args:
        measures: A list of points (n, d) or (n,), tuples (points, weights), or `DiscreteMeasure`s, of one dimension.
        weights: How much each counts, (k,); None for equally much.
        metric: Name of the metric, in whose domain the points must lie.

    Raises:
        InvalidInputError: One of its kinds, naming the argument and the rule that it breaks.
    """
    if not isinstance(measures, list | tuple) and not (isinstance(measures, np.ndarray) and measures.ndim > 1):
        raise InvalidTypeError("measures", "be a list of measures", type(measures).__name__, "pass [x, y, z]")
    if not len(measures):
        raise InvalidShapeError("measures", "not be empty", "no measures", "give at least one")
    points: list[FloatArray] = []
    raw: list[FloatArray] = []
    for k, measure in enumerate(measures):
        name, its_weights = f"measures[{k}]", None
        if isinstance(measure, tuple):
            if len(measure) != 2:
                raise InvalidShapeError(
                    name, "be points, or a tuple (points, weights)", f"{len(measure)} parts", "use a list for points"
                )
            measure, its_weights = measure
        array, given = read_side(name, measure, f"weights of {name}", its_weights)
        if points and array.shape[1] != points[0].shape[1]:
            raise InvalidShapeError(
                name,
                f"have the dimension of measures[0], {points[0].shape[1]}",
                f"dimension {array.shape[1]}",
                "give all measures the same columns",
            )
        as_metric(metric).check(name, array)
        points.append(array)
        raw.append(given)
    counts = as_weights("weights", weights, len(points), points="measures")
    return Measures(points, raw, counts / counts.sum())
