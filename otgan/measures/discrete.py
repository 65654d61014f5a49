"""Measures on finitely many points."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_generator, as_number, as_points, as_weights
from otgan.errors import InvalidValueError
from otgan.measures.base import Measure
from otgan.measures.choice import Choice


class DiscreteMeasure(Measure):
    """Finitely many points, each with a mass.

    Args:
        points: Points, (n, d), or (n,) on the line; copied.
        weights: Weights, (n,), not negative, of any positive sum; None for equal ones.

    Attributes:
        points: Points, (n, d), float64, in units of length.
        raw_weights: Weights as given, (n,), float64. Dividing by their sum rounds; exact solvers start from these.

    Raises:
        InvalidShapeError, InvalidTypeError, InvalidValueError: See `otgan.checks.as_points`.
        InvalidWeightsError: If a weight is negative or not finite, all are zero, or there is not one per point.

    Warns:
        WeightsWarning: If the weights are far from summing to one.
    """

    points: FloatArray
    raw_weights: FloatArray

    def __init__(self, points: Any, weights: Any = None) -> None:
        self.points = as_points("points", points).copy()  # a caller who reuses the buffer must not change the measure
        self.raw_weights = as_weights("weights", weights, len(self.points)).copy()

    @property
    def dim(self) -> int:
        """Dimension d of the space."""
        return self.points.shape[1]

    def __len__(self) -> int:
        return len(self.points)

    @property
    def weights(self) -> FloatArray:
        """Weights that sum to one up to rounding, (n,), float64."""
        return self._choice.weights

    def split(self, fraction: float, rng: np.random.Generator) -> tuple[DiscreteMeasure, DiscreteMeasure]:
        """Deal the points at random into two disjoint parts, such as one to train on and one held out.

        Args:
            fraction: Share of the points, by number, in the first part; in (0, 1).
            rng: Source of randomness.

        Returns:
            Two measures of round(fraction n) and the other points; each keeps the relative weights of its points.

        Raises:
            InvalidValueError: If a part would have no points, or points without mass only.
            InvalidTypeError: If an argument has the wrong type.
        """
        share = as_number("fraction", fraction, low=0.0, high=1.0)
        n = len(self)
        first = round(share * n)
        rows = as_generator("rng", rng).permutation(n)
        parts = np.sort(rows[:first]), np.sort(rows[first:])
        if not all(self.raw_weights[part].any() for part in parts):
            raise InvalidValueError(
                "fraction",
                "leave points with mass in both parts",
                f"{share:g} of {n} points, so {first} and {n - first}",
                "choose a fraction nearer to 1/2, or give more points",
            )
        return self._restricted(parts[0]), self._restricted(parts[1])

    def _restricted(self, rows: np.ndarray) -> DiscreteMeasure:
        # Not through __init__: weights that were checked once would be announced as far from summing to one.
        part = DiscreteMeasure.__new__(DiscreteMeasure)
        part.points, part.raw_weights = self.points[rows], self.raw_weights[rows]
        return part

    @cached_property
    def _choice(self) -> Choice:
        return Choice(self.raw_weights)

    def _sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        return self.points[self._choice.draw(n, rng)]

    def _describe(self) -> str:
        return f"{type(self).__name__}(n={len(self)}, dim={self.dim})"


def empirical(points: Any) -> DiscreteMeasure:
    """The empirical measure of a sample: equal weight 1/n on each point.

    Args:
        points: Points, (n, d), or (n,) on the line.

    Returns:
        The measure, in d dimensions.

    Raises:
        InvalidShapeError, InvalidTypeError, InvalidValueError: See `otgan.checks.as_points`.
    """
    return DiscreteMeasure(points)
