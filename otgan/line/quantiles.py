r"""W_p on the line by sorting both sides, $W_p^p = \int_0^1 |F^{-1}(t) - G^{-1}(t)|^p \, dt$.

Source: Santambrogio (2015), Optimal Transport for Applied Mathematicians, Thm 2.9 and Prop. 2.17 (the quantiles are an
optimal coupling for every convex cost of the difference).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled, in_parts
from otgan.exact import two_product, two_sum
from otgan.line.masses import LineMasses, Totals, parts, two_floats

#: Points below which a second thread does not pay.
WORTH_A_THREAD = 50_000


class Coupling(NamedTuple):
    """The coupling of the quantiles.

    Attributes:
        x: Source point of each arc, (k,), k ≤ n + m.
        y: Target point of each arc.
        mass: Mass of each arc, to a relative 6u and what `LineMasses.error` adds.
        rows: Index of the source point.
        columns: Index of the target point.
    """

    x: FloatArray
    y: FloatArray
    mass: FloatArray
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]


def quantile_coupling(x: FloatArray, y: FloatArray, masses: LineMasses) -> Coupling:
    """Couple the quantiles: sort both sides, and serve the target in order from the source in order.

    Args:
        x: Source points, (n,), in any order.
        y: Target points, (m,).
        masses: Their masses.
    """
    (x, a, by_x), (y, b, by_y) = _both_in_order(x, y, masses, indices=True)
    rows, columns, mass = _coupled(a, b, masses.totals)
    return Coupling(x[rows], y[columns], mass, by_x[rows], by_y[columns])


def quantile_cost(x: FloatArray, y: FloatArray, masses: LineMasses, p: float) -> tuple[float, bool]:
    """The cost of coupling the quantiles.

    Args:
        x: Source points, (n,), in any order.
        y: Target points, (m,).
        masses: Their masses.
        p: Exponent, p ≥ 1.

    Returns:
        The cost, in units of length^p, to a relative (2p + 12)u and what `LineMasses.error` adds; and whether anything
        moves, even if its cost underflowed.
    """
    (x, a, _), (y, b, _) = _both_in_order(x, y, masses, indices=False)
    if len(x) == len(y) and _equal(a) and _equal(b):
        each = np.arange(len(x))
        arcs = each, each, np.broadcast_to(1 / len(x), len(x))
    else:
        arcs = _coupled(a, b, masses.totals)
    cost, moves = _cost(x, y, *arcs, p)
    return float(cost), bool(moves)


Side = tuple[FloatArray, FloatArray, NDArray[np.intp]]


def _both_in_order(x: FloatArray, y: FloatArray, masses: LineMasses, *, indices: bool) -> list[Side]:
    """Points, weights and, if wanted, indices of either side, sorted by place."""
    nowhere = np.empty(0, dtype=np.intp)
    sides: list[Side] = [(x, masses.a, nowhere), (y, masses.b, nowhere)]

    def order(start: int, stop: int) -> None:
        for side in range(start, stop):
            points, weights, _ = sides[side]
            if _equal(weights) and not indices:  # equal weights follow by themselves
                sides[side] = np.sort(points), weights, nowhere
            else:
                by: NDArray[np.intp] = np.argsort(points)
                sides[side] = points[by], weights if _equal(weights) else weights[by], by

    in_parts(order, 2, smallest=1 if len(x) + len(y) > WORTH_A_THREAD else 2)
    return sides


def _equal(weights: FloatArray) -> bool:
    """Whether the weights are a view of one number."""
    return weights.strides == (0,)


def _coupled(a: FloatArray, b: FloatArray, totals: Totals) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
    """Rows, columns and masses of the arcs, for weights in the order of their points."""
    sides: list[Any] = [(a, totals.b1, totals.b2), (b, totals.a1, totals.a2)]

    def sum_up(start: int, stop: int) -> None:
        for side in range(start, stop):
            sides[side] = _levels(sides[side][0], totals, *sides[side][1:])

    in_parts(sum_up, 2, smallest=1 if len(a) + len(b) > WORTH_A_THREAD else 2)
    rows, columns, mass = _arcs(a, b, *sides[0], *sides[1], totals)
    return rows, columns, mass


@compiled
def _levels(weights: FloatArray, totals: Totals, other1: float, other2: float) -> tuple[FloatArray, FloatArray]:
    """Running sums of the mass as sums of two floats: exact, or times the other side's total where that differs."""
    base = 2.0**totals.bits
    high, low = np.empty(len(weights)), np.empty(len(weights))
    h = l = 0  # noqa: E741
    for i in range(len(weights)):
        one, other = parts(weights[i], base)
        h += one
        l += other  # noqa: E741
        c1, c2 = two_floats(h, l, totals.bits)
        if not totals.same:
            product, lost = two_product(c1, other1)
            c1, c2 = two_sum(product, lost + (c1 * other2 + c2 * other1))
        high[i], low[i] = c1, c2
    return high, low


@compiled
def _arcs(
    a: FloatArray,
    b: FloatArray,
    high_a: FloatArray,
    low_a: FloatArray,
    high_b: FloatArray,
    low_b: FloatArray,
    totals: Totals,
) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
    """Along the levels of both distribution functions; between neighbours all mass goes from one point to one other.

    Of two levels that belong to one side the difference is a single weight. Otherwise it is taken of their high and of
    their low floats, and exact up to its own rounding where the levels are: they are integers then.
    """
    whole = totals.a1 if totals.same else totals.a1 * totals.b1
    unit_a, unit_b = 2.0**totals.bits / totals.a1, 2.0**totals.bits / totals.b1
    most = len(a) + len(b)
    rows, columns, masses = np.empty(most, dtype=np.intp), np.empty(most, dtype=np.intp), np.empty(most)
    i = j = k = 0
    high, low = 0.0, 0.0
    from_a = from_b = True  # whose the lower end of the next step is
    while i < len(a) and j < len(b):
        d = (high_a[i] - high_b[j]) + (low_a[i] - low_b[j])
        if d <= 0:
            mass = a[i] * unit_a if from_a else ((high_a[i] - high) + (low_a[i] - low)) / whole
            high, low = high_a[i], low_a[i]
        else:
            mass = b[j] * unit_b if from_b else ((high_b[j] - high) + (low_b[j] - low)) / whole
            high, low = high_b[j], low_b[j]
        if mass > 0:
            rows[k], columns[k], masses[k] = i, j, mass
            k += 1
        from_a, from_b = d <= 0, d >= 0
        i += from_a
        j += from_b
    return rows[:k], columns[:k], masses[:k]


@compiled
def _cost(
    x: FloatArray,
    y: FloatArray,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    mass: FloatArray,
    p: float,
) -> tuple[float, bool]:
    value, rest, moves = 0.0, 0.0, False
    for k in range(len(mass)):
        distance = abs(x[rows[k]] - y[columns[k]])
        if distance > 0:
            value, lost = two_sum(value, mass[k] * (distance * distance if p == 2 else distance**p))
            rest += lost
            moves = True
    return value + rest, moves
