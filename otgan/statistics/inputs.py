"""Reading samples and levels, so that every function of this room refuses the same way."""

from __future__ import annotations

import math
from typing import Any

from otgan.checks import FloatArray, as_number, as_points
from otgan.errors import InvalidShapeError, InvalidValueError


def read_samples(x: Any, y: Any, *, least: int, why: str) -> tuple[FloatArray, FloatArray]:
    """Two independent samples, each of independent draws with equal weights.

    Args:
        x: Source sample, (n, d) or (n,).
        y: Target sample, (m, d) or (m,).
        least: Fewest points that either may have.
        why: What needs that many, for the message.

    Raises:
        InvalidShapeError: If they differ in d, or one is too small.
        InvalidTypeError, InvalidValueError: See `otgan.checks.as_points`.
    """
    source, target = as_points("x", x), as_points("y", y)
    if source.shape[1] != target.shape[1]:
        raise InvalidShapeError(
            "y",
            f"have the dimension of x, {source.shape[1]}",
            f"dimension {target.shape[1]}",
            "give both samples the same columns",
        )
    for name, points in (("x", source), ("y", target)):
        if len(points) < least:
            raise InvalidShapeError(name, f"have at least {least} points", len(points), f"draw more: {why}")
    return source, target


def read_level(level: Any) -> float:
    """A confidence level, in (0, 1).

    Raises:
        InvalidTypeError: If it is not a real number.
        InvalidValueError: If it is not strictly between 0 and 1.
    """
    value = as_number("level", level) if not _is_nan_or_infinite(level) else math.nan
    if not 0 < value < 1:
        raise InvalidValueError("level", "be in (0, 1), ends excluded", level, "take 0.95 for 95 %")
    return value


def _is_nan_or_infinite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
