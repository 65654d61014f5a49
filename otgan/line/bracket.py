"""A proven interval of W_p^p on the line: the closed form, and what floating point may add to it."""

from __future__ import annotations

from typing import NamedTuple

from otgan.checks import FloatArray
from otgan.exact import down, up
from otgan.interval import Interval
from otgan.line.buckets import absolute_integral
from otgan.line.masses import LineMasses
from otgan.line.quantiles import quantile_cost
from otgan.metrics import UNIT

#: More than all terms of a sum together can lose to underflow, 2^-1074 each, a few times over.
UNDERFLOW = 2.0**-1000


class LineCost(NamedTuple):
    """W_p^p between two samples on the line.

    Attributes:
        cost: As computed, in units of length^p.
        interval: Proven to hold the true one.
    """

    cost: float
    interval: Interval


def line_cost(x: FloatArray, y: FloatArray, masses: LineMasses, p: float = 1.0) -> LineCost:
    r"""W_p^p on the line, $\int |F - G|$ for p = 1 and $\int_0^1 |F^{-1} - G^{-1}|^p$ otherwise.

    For p = 1 in linear time but for contrived samples, otherwise in the time of two sorts.

    Args:
        x: Source points, (n,), finite, in any order.
        y: Target points, (m,).
        masses: Their masses; they serve for any places of the points.
        p: Exponent, p ≥ 1.

    Source: Santambrogio (2015), Optimal Transport for Applied Mathematicians, Prop. 2.17.
    """
    span = max(float(x.max()), float(y.max())) - min(float(x.min()), float(y.min()))
    if p == 1:
        cost, error, positive = absolute_integral(x, y, masses)
        doubtful = 4 * masses.error * span  # F − G enters once, and once more in the choice of its sign; doubled
    else:
        cost, positive = quantile_cost(x, y, masses, p)
        # Differences, powers and masses round (p + 1) + 4 + 6 times at the most, the sum once.
        error = (2 * p + 12) * UNIT * cost
        # Each of n + m levels may be off by that much, and what is moved to the wrong level costs at most span^p.
        doubtful = 4 * (len(x) + len(y)) * masses.error * span**p
    if not positive and not doubtful:
        return LineCost(0.0, Interval(0.0, 0.0))
    slack = (error + doubtful) * (1 + 8 * UNIT) + UNDERFLOW * (1 + span**p)
    return LineCost(cost, Interval(max(0.0, down(cost - slack, 2)), up(cost + slack, 2)))
