r"""W_p on the circle: the quantiles are coupled as on the line, after one side is shifted by the best share of mass.

Cut the circle at one place and unroll both distribution functions periodically. For every cost that is convex in the
length of the way, an optimal plan couples the quantiles $F^{-1}(t)$ and $G^{-1}(t + s)$ for some shift s, and its cost

$$φ(s) = \int_0^1 |F^{-1}(t) - G^{-1}(t + s)|^p \, dt$$

is convex in s. Masses are integers over one denominator here, so φ is linear between integers: its minimum is at one
of them, and the signs of its slopes find it in 60 passes over the points. For p = 1 that is the weighted median of
F − G.

Source: Delon, Salomon and Sobolevski (2010), Fast transport optimization for Monge costs on the circle (optimal plans
are conjugate to shifts, and the cost is a convex function of the shift).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from otgan.certificate import UNDERFLOW
from otgan.checks import FloatArray
from otgan.circle import loops
from otgan.circle.costs import CircleCosts
from otgan.coupling import Arcs
from otgan.masses import Masses
from otgan.metrics import UNIT
from otgan.solution import Status
from otgan.solvers.limits import StopHere


class Found(NamedTuple):
    """The best shift: its cost, a proven interval, the plan with its masses as shares, and the potential's maker."""

    cost: float
    lower: float
    upper: float
    plan: Arcs
    potential: Callable[[], FloatArray]


class Shifts:
    """The cost φ as a function of the shift, in units of 1 / total.

    Args:
        costs: Costs.
        masses: Masses, int64 up to 2^61, or of any size, which takes loops in Python.
        deadline: Time by `time.perf_counter` after which no further pass over the points begins.
    """

    def __init__(self, costs: CircleCosts, masses: Masses, deadline: float = math.inf) -> None:
        self.costs, self.total, self.deadline = costs, masses.total, deadline
        sides = []
        for points, mass in ((costs.x, masses.a), (costs.y, masses.b)):
            order = np.argsort(points, kind="stable")
            order = order[mass[order] > 0]  # points without mass are on no quantile
            sides.append((order, points[order], np.cumsum(mass[order])))
        (self.by_x, *x), (self.by_y, *y) = sides
        self.whole = masses.a.dtype != object
        self.sides: tuple[Any, ...] = (*x, *y) if self.whole else tuple(part.tolist() for part in (*x, *y))

    def slopes(self, shift: int) -> tuple[FloatArray, float, float]:
        """What each target level adds to the slope of φ just right of a shift, (m,), their sum, and its error's bound.

        Where the level between y_j and y_(j + 1) is inside the mass of x_i, the shift takes mass from (x_i, y_j) and
        gives it to (x_i, y_(j + 1)).

        Raises:
            StopHere: After the deadline.
        """
        if time.perf_counter() > self.deadline:
            raise StopHere(Status.RESOURCE_LIMIT)
        steps = np.empty(len(self.by_y))
        loop = loops.steps_of if self.whole else loops.steps_of.py_func
        size = loop(shift, *self.sides, self.total, self.costs.period, self.costs.p, steps)
        # Costs are off by a relative (2p + 4)u, their difference by one more; fsum rounds once.
        return steps, math.fsum(steps), (2 * self.costs.p + 8) * UNIT * size + UNDERFLOW * (1 + size)

    def best(self) -> Found:
        """The shift with the smallest cost.

        Beyond a whole turn in either direction every way gets longer, so the minimum is within −total and total.
        """
        total = self.total
        shift = _first(lambda s: self.slopes(s)[1] >= 0, -total, total)

        def surely(s: int, sign: int) -> bool:
            _, slope, error = self.slopes(s)
            return sign * slope > error

        # Where the slopes' signs are beyond doubt; between there, φ falls below φ(shift) by a slope's error at most.
        last = _first(lambda s: surely(s, 1), shift, total)
        first = -_first(lambda s: surely(-s - 1, -1), -shift, total)
        (left, slope_left, error_left), (right, slope_right, error_right) = self.slopes(shift - 1), self.slopes(shift)
        fall = max(
            max(0.0, error_right - slope_right) * ((last - shift) / total),
            max(0.0, error_left + slope_left) * ((shift - first) / total),
        )
        cost, plan = self._coupled(shift)
        # Powers of short ways are 0 in float64 while W_p is not: only where nothing moves is 0 the truth.
        moves = cost > 0 or bool((replace(self.costs, p=1.0).at(plan[0], plan[1]) > 0).any())
        # Distances, powers and masses round 2p + 4 + 3 times, the sum once; doubled.
        error = 2 * (2 * self.costs.p + 8) * UNIT * cost + (UNDERFLOW * (1 + cost) if moves else 0.0)

        potential = partial(self._potential, left, slope_left, right, slope_right)
        return Found(cost, cost - error - fall * (1 + 8 * UNIT), cost + error, plan, potential)

    def _potential(self, left: FloatArray, slope_left: float, right: FloatArray, slope_right: float) -> FloatArray:
        """Both neighbours' slopes are steps of potentials that support the plan; a mean of them closes the circle."""
        share = -slope_left / (slope_right - slope_left) if slope_right > slope_left else 0.5
        steps = left + min(max(share, 0.0), 1.0) * (right - left)
        g = np.full(self.costs.shape[1], -np.inf)
        g[self.by_y] = np.concatenate([[0.0], np.cumsum(steps[:-1])])
        return g

    def _coupled(self, shift: int) -> tuple[float, Arcs]:
        """The cost of a shift as computed, and its plan, whose masses are shares of the whole."""
        most = len(self.by_x) + len(self.by_y) + 1
        rows, columns, costs = np.zeros(most, np.intp), np.zeros(most, np.intp), np.empty(most)
        mass = np.empty(most, np.int64) if self.whole else [0] * most
        loop = loops.couple if self.whole else loops.couple.py_func
        count = loop(shift, *self.sides, self.total, self.costs.period, self.costs.p, rows, columns, mass, costs)
        share = np.array([int(part) / self.total for part in mass[:count]])  # each rounded once
        return math.fsum(share * costs[:count]), (self.by_x[rows[:count]], self.by_y[columns[:count]], share)


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The first integer from low on at which something holds that goes on holding; high if it holds at none before."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
