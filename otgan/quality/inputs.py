"""Reading samples that are compared point by point."""

from __future__ import annotations

from typing import Any

from otgan.checks import FloatArray, as_points
from otgan.errors import InvalidShapeError, InvalidValueError

#: Largest coordinates of a sample, the squares of whose distances fit float64; a sample at 0 is no trouble either.
SMALLEST, LARGEST = 1e-150, 1e150


def read_two(names: tuple[str, str], first: Any, second: Any) -> tuple[FloatArray, FloatArray]:
    """Two samples of one dimension, (n, d) and (m, d); see `otgan.checks.as_points`.

    Raises:
        InvalidShapeError: If they differ in d.
        InvalidTypeError: If entries are not real numbers.
        InvalidValueError: If they are not finite, or a sample is so large or small that squares leave float64.
    """
    x, y = as_points(names[0], first), as_points(names[1], second)
    if x.shape[1] != y.shape[1]:
        raise InvalidShapeError(
            names[1], f"have the dimension of {names[0]}, {x.shape[1]}", f"dimension {y.shape[1]}",
            "give both the same coordinates",
        )  # fmt: skip
    for name, points in zip(names, (x, y), strict=True):
        check_size(name, points)
    return x, y


def check_size(name: str, points: FloatArray, smallest: float = SMALLEST, largest: float = LARGEST) -> None:
    """Refuse points whose squares overflow, or vanish, so that all distances would be one.

    Raises:
        InvalidValueError: If the largest coordinate is out of range, and not 0.
    """
    size = max(float(points.max()), -float(points.min()))
    if size > largest or 0 < size < smallest:
        raise InvalidValueError(
            name, f"have a largest coordinate between {smallest:g} and {largest:g}, or 0", f"{size:g}",
            "change the unit of length",
        )  # fmt: skip
