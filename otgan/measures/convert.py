"""Whatever users pass as a measure, read as one."""

from __future__ import annotations

from typing import Any

from otgan.checks import as_points
from otgan.measures.base import Measure
from otgan.measures.discrete import empirical
from otgan.measures.sampler import SamplerMeasure


def as_measure(name: str, value: Any) -> Measure:
    """Read a measure, an array of points, or a sampler as a measure.

    Args:
        name: How error messages call it.
        value: A `Measure` (returned unchanged); points, (n, d) or (n,), read as their empirical measure; or a
            function of (n, rng) that returns n points, whose every sample is then checked.

    Returns:
        A measure.

    Raises:
        InvalidTypeError, InvalidShapeError, InvalidValueError: If points break the rules of
            `otgan.checks.as_points`, or a sampler those of `SamplerMeasure`.
    """
    if isinstance(value, Measure):
        return value
    if callable(value):
        return SamplerMeasure(value, name=name)
    return empirical(as_points(name, value))
