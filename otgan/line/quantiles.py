r"""W_p on the line by sorting both sides, $W_p^p = \int_0^1 |F^{-1}(t) - G^{-1}(t)|^p \, dt$.

Source: Santambrogio (2015), Optimal Transport for Applied Mathematicians, Thm 2.9 and Prop. 2.17 (the quantiles are an
optimal coupling for every convex cost of the difference).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled, in_parts
from otgan.line.masses import LineMasses, Totals, difference, parts, two_sum

#: Points below which a second thread does not pay.
WORTH_A_THREAD = 20_000


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
    ordered: list[tuple[FloatArray, FloatArray]] = [(x, masses.a), (y, masses.b)]

    def order(start: int, stop: int) -> None:
        for side in range(start, stop):
            ordered[side] = _in_order(*ordered[side])

    in_parts(order, 2, smallest=1 if len(x) + len(y) > WORTH_A_THREAD else 2)
    cost, moves = _cost_of_quantiles(*ordered[0], *ordered[1], masses.totals, p)
    return float(cost), bool(moves)


def _in_order(points: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    if weights.strides == (0,):  # equal weights follow by themselves
        return np.sort(points), np.ascontiguousarray(weights)
    order: NDArray[np.intp] = np.argsort(points)
    return points[order], weights[order]


@compiled
def _cost_of_quantiles(
    x: FloatArray, a: FloatArray, y: FloatArray, b: FloatArray, totals: Totals, p: float
) -> tuple[float, bool]:
    """Along the levels of both distribution functions; between neighbours all mass goes from one point to one other.

    Of two levels that belong to one side the difference is a single weight; otherwise it is one of F − G.
    """
    base = 2.0**totals.bits
    i = j = 0
    high, low = parts(a[0], base)
    ah, al = high, low
    high, low = parts(b[0], base)
    bh, bl = high, low
    # Levels before the current points, and whose the lower end of the next step is.
    ah0 = al0 = bh0 = bl0 = 0
    from_a = from_b = True
    value, rest, moves = 0.0, 0.0, False
    while i < len(x) and j < len(y):
        d = difference(ah, al, bh, bl, totals)
        if d <= 0:
            mass = a[i] * base / totals.a1 if from_a else difference(ah, al, bh0, bl0, totals)
        else:
            mass = b[j] * base / totals.b1 if from_b else -difference(ah0, al0, bh, bl, totals)
        distance = abs(x[i] - y[j])
        if mass > 0 and distance > 0:
            cost = distance * distance if p == 2 else distance**p
            value, lost = two_sum(value, mass * cost)
            rest += lost
            moves = True
        from_a, from_b = d <= 0, d >= 0
        if from_a:
            i += 1
            ah0, al0 = ah, al
            if i < len(x):
                high, low = parts(a[i], base)
                ah += high
                al += low
        if from_b:
            j += 1
            bh0, bl0 = bh, bl
            if j < len(y):
                high, low = parts(b[j], base)
                bh += high
                bl += low
    return value + rest, moves
