"""Reading samples that are compared point by point, and going through their distances in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from otgan.checks import FloatArray, as_points
from otgan.distances import EUCLIDEAN, distances
from otgan.errors import InvalidShapeError

#: Distances that are held at a time: 32 MiB.
BLOCK = 2**22


def read_two(names: tuple[str, str], first: Any, second: Any) -> tuple[FloatArray, FloatArray]:
    """Two samples of one dimension, (n, d) and (m, d); see `otgan.checks.as_points`.

    Raises:
        InvalidShapeError: If they differ in d.
        InvalidTypeError, InvalidValueError: If entries are not finite real numbers.
    """
    x, y = as_points(names[0], first), as_points(names[1], second)
    if x.shape[1] != y.shape[1]:
        raise InvalidShapeError(
            names[1], f"have the dimension of {names[0]}, {x.shape[1]}", f"dimension {y.shape[1]}",
            "give both the same coordinates",
        )  # fmt: skip
    return x, y


def blocks(x: FloatArray, y: FloatArray) -> Iterator[tuple[slice, FloatArray]]:
    """Distances between two samples, (n, d) and (m, d), some rows at a time: at most `BLOCK` numbers, or one row."""
    step = max(1, BLOCK // len(y))
    for start in range(0, len(x), step):
        rows = slice(start, min(start + step, len(x)))
        yield rows, distances(x[rows], y, EUCLIDEAN)
