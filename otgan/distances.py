"""Distances between all pairs of points of two samples, tile by tile in compiled loops on all cores.

Differences are taken coordinate by coordinate, never through scalar products, so that distances of near points keep
their digits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled, in_parts, plain

#: What the loops know of norms.
EUCLIDEAN, CITYBLOCK, CHEBYSHEV = range(3)
#: Rows, columns and coordinates of a tile, which with its points stays in the processor's second cache.
ROWS, COLUMNS, DEPTH = 16, 512, 16
#: Differences below which a thread does not pay.
PART = 2_000_000


@compiled(inline=True)
def add_coordinate(total: FloatArray, there: FloatArray, here: float, norm: int) -> None:
    """Take one more coordinate into unfinished distances; loops that a vector unit takes.

    Args:
        total: Unfinished distances, (k,), changed in place.
        there: The coordinate of k points.
        here: That of the point that the distances are from.
        norm: One of the constants of this module.
    """
    if norm == EUCLIDEAN:
        for t in range(len(total)):
            gap = there[t] - here
            total[t] += gap * gap
    elif norm == CITYBLOCK:
        for t in range(len(total)):
            total[t] += abs(there[t] - here)
    else:
        for t in range(len(total)):
            total[t] = max(total[t], abs(there[t] - here))


@compiled
def finish(total: FloatArray, norm: int) -> None:
    """Make distances of what the coordinates have come to, in place."""
    if norm == EUCLIDEAN:
        for t in range(len(total)):
            total[t] = np.sqrt(total[t])


@compiled
def fill(first: int, last: int, x: FloatArray, columns: FloatArray, norm: int, out: FloatArray) -> None:
    """Distances of some rows, for loops that call it; see `distances`.

    Args:
        first: First row.
        last: Row behind the last.
        x: Points, (n, d).
        columns: Coordinates of the others, (d, m).
        norm: One of the constants of this module.
        out: (n, m), whose rows are filled.
    """
    d, m = columns.shape
    for row in range(first, last, ROWS):
        rows = range(row, min(row + ROWS, last))
        for left in range(0, m, COLUMNS):
            right = min(left + COLUMNS, m)
            for i in rows:
                out[i, left:right] = 0.0
            for start in range(0, d, DEPTH):
                stop = min(start + DEPTH, d)
                for i in rows:
                    total = out[i, left:right]
                    for k in range(start, stop):
                        add_coordinate(total, columns[k, left:right], x[i, k], norm)
            for i in rows:
                finish(out[i, left:right], norm)


def distances(x: FloatArray, y: FloatArray, norm: int) -> NDArray[np.float64]:
    """Distances from each of n points to each of m, (n, m).

    Args:
        x: Points, (n, d).
        y: Points, (m, d).
        norm: One of the constants of this module.
    """
    x, columns = plain(x), plain(y.T)
    out = np.empty((len(x), len(y)))
    in_parts(
        lambda first, last: fill(first, last, x, columns, norm, out),
        len(x),
        smallest=max(1, PART // max(1, y.size)),
    )
    return out
