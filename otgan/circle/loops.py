"""Passes over the points of two sides in the order of the circle, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled
from otgan.exact import two_sum


@compiled
def _cost(x: float, y: float, turns: int, period: float, p: float) -> float:
    """|x + turns · period − y|^p, to a relative (2p + 4)u.

    |x − y| is below the period and |turns| at most 2, so the product is exact, and where the sum cancels it is exact
    too: what the difference lost can be put back.
    """
    way, lost = two_sum(x, -y)
    way = abs((way + turns * period) + lost)
    if p == 1.0:
        return way
    return way * way if p == 2.0 else way**p


@compiled
def steps_of(
    shift: int,
    x: FloatArray,
    above_x: NDArray[np.int64],
    y: FloatArray,
    above_y: NDArray[np.int64],
    total: int,
    period: float,
    p: float,
    steps: FloatArray,
) -> float:
    """Fill the steps of `otgan.circle.shifts.Shifts.slopes`; the sum of all costs in them."""
    m, i, size = len(y), 0, 0.0
    turns = (above_y[0] - shift - 1) // total
    for j in range(m):
        level = above_y[j] - shift - turns * total
        if level > total:  # past the end of the source, which begins again
            turns += 1
            level -= total
            i = 0
        while above_x[i] < level:
            i += 1
        before = _cost(x[i], y[j], turns, period, p)
        after = _cost(x[i], y[j + 1], turns, period, p) if j + 1 < m else _cost(x[i], y[0], turns - 1, period, p)
        steps[j] = after - before
        size += after + before
    return size


@compiled
def couple(
    shift: int,
    x: FloatArray,
    above_x: NDArray[np.int64],
    y: FloatArray,
    above_y: NDArray[np.int64],
    total: int,
    period: float,
    p: float,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    mass: NDArray[np.int64],
    costs: FloatArray,
) -> int:
    """Fill the arcs that couple level t of the source with level t + shift of the target; their number."""
    turns = shift // total
    offset = shift - turns * total  # a level of the target is one of the source plus this
    i, j, k, here = 0, 0, 0, 0
    while above_y[j] <= offset:
        j += 1
    while i < len(x):
        there = min(above_x[i], above_y[j] - offset)
        rows[k], columns[k], mass[k] = i, j, there - here
        costs[k] = _cost(x[i], y[j], -turns, period, p)
        k += 1
        here = there
        if here == above_x[i]:
            i += 1
        if here == above_y[j] - offset:
            j += 1
            if j == len(y):
                j = 0
                turns += 1
                offset -= total
    return k
