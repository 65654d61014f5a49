"""Measures whose mass counts: they are read without being normalised."""

from __future__ import annotations

from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_masses, as_points
from otgan.measures.discrete import DiscreteMeasure


def read_masses(name: str, points: Any, masses_name: str, masses: Any) -> tuple[FloatArray, FloatArray | None]:
    """Read one side: its points, and its masses as they are.

    Args:
        name: How error messages call the points.
        points: Points, (n, d) or (n,), or a `DiscreteMeasure`, which brings weights that sum to one.
        masses_name: How error messages call the masses.
        masses: Masses, (n,); None for a measure's own, or for equal ones that sum to one.

    Returns:
        Points, (n, d), and masses, (n,), or None for 1/n each, which no float may hold. Both are copies.

    Raises:
        InvalidInputError: One of its kinds, naming the argument and the rule that it breaks.
    """
    if isinstance(points, DiscreteMeasure):
        if masses is None:
            return points.points, points.weights
        points = points.points
    array = as_points(name, points).copy()  # a caller who reuses the buffer must not change the result
    if masses is None:
        return array, None
    return array, as_masses(masses_name, masses, len(array), points=f"rows of {name}").copy()


def as_floats(masses: FloatArray | None, n: int) -> FloatArray:
    """Masses that `read_masses` returned, as floats, (n,)."""
    return np.full(n, 1 / n) if masses is None else masses
