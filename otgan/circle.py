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
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from otgan.certificate import UNDERFLOW, Certificate
from otgan.checks import FloatArray, as_number, as_points
from otgan.compiled import compilations, compiled
from otgan.costs import SMALLEST, Index
from otgan.coupling import Arcs, exact_coupling
from otgan.dual import line
from otgan.dual.potentials import Potentials
from otgan.errors import InvalidShapeError, InvalidValueError, NotProvidedError
from otgan.exact import down, root, sum_error, two_sum, up
from otgan.interval import Interval
from otgan.masses import Masses, WeightMasses
from otgan.metrics import UNIT
from otgan.problem import OTProblem, read_side
from otgan.progress import progress
from otgan.solution import OTSolution, Stats, Status
from otgan.solve import COMPILING

TURN = 2 * math.pi
#: Points up to which masses beyond 64 bits are worth their loops in Python, a minute's worth.
PATIENCE = 100_000


def circle_wasserstein(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    p: float = 1.0,
    period: float = TURN,
    tol: float = 1e-11,
) -> CircleSolution:
    r"""Exact Wasserstein distance between two weighted samples on a circle, with a bracket that is proven.

    The distance of two points is the length of the shorter arc between them. Time O((n + m) log(n + m)) and a pass over
    the points for each of some 150 slopes; no pair is tried.

    Args:
        x: Source points, (n,) or (n, 1), in units of length along the circle: any real numbers, which count modulo the
            period. Or a `DiscreteMeasure` of such points.
        y: Target points, (m,) or (m, 1), likewise.
        a: Source weights, (n,), not negative; normalised to sum to one. None for equal ones.
        b: Target weights, (m,), likewise.
        p: Exponent, 1 ≤ p ≤ 64.
        period: Length of the circle, positive: 2π for angles, 360 for degrees, 24 for hours, as the float that it is.
        tol: Relative gap at which the result counts as converged.

    Returns:
        The solution: `distance` in units of length, `lower_bound`, `upper_bound`, `plan`, `potentials`, `status`.

    Raises:
        InvalidInputError: If an argument breaks a rule; the message names it and the fix.

    Source: Delon, Salomon and Sobolevski (2010), Fast transport optimization for Monge costs on the circle.

    >>> circle_wasserstein([23.0, 1.0], [2.0, 22.0], period=24).distance  # an hour each, one of them past midnight
    1.0
    """
    started = time.perf_counter()
    source, raw_a = read_side("x", x, "a", a)
    target, raw_b = read_side("y", y, "b", b)
    p = as_number("p", p, low=1, high=64)
    tol = as_number("tol", tol, low=0)
    places, moved = _places(source, target, period=as_number("period", period, low=0, open_low=True), p=p)
    problem = OTProblem(places, WeightMasses(raw_a, raw_b))
    with progress("solving") as show, compilations(lambda: show(COMPILING)):
        return _solved(problem, places, moved, tol, started)


@dataclass(frozen=True, eq=False)
class CircleCosts:
    """Costs d(x_i, y_j)^p on a circle, d being the length of the shorter arc.

    Attributes:
        x: Source points, (n,), which with those of y lie in one half-open arc as long as the circle.
        y: Target points, (m,).
        period: Length of the circle.
        p: Exponent, p ≥ 1.
    """

    x: FloatArray
    y: FloatArray
    period: float
    p: float

    @property
    def shape(self) -> tuple[int, int]:
        """Number of source and of target points."""
        return len(self.x), len(self.y)

    @property
    def scale(self) -> float:
        """The cost of half the circle."""
        return float((self.period / 2) ** self.p)

    @property
    def relative_error(self) -> float:
        """|computed − true| ≤ relative_error · true + absolute_error."""
        return (3 * self.p + 8) * UNIT

    @property
    def absolute_error(self) -> float:
        """See `relative_error`; in units of the cost."""
        return SMALLEST

    def block(self, rows: Index, columns: Index) -> FloatArray:
        """Dense costs between some source and some target points, (len(rows), len(columns))."""
        return self._costs(self.x[rows][:, None], self.y[columns][None, :])

    def at(self, rows: Index, columns: Index) -> FloatArray:
        """Costs of single pairs, (k,)."""
        return self._costs(self.x[rows], self.y[columns])

    def _costs(self, x: FloatArray, y: FloatArray) -> FloatArray:
        way, lost = x - y, sum_error(x, -y)
        # Where the other way round is short, the first difference is exact, and what the second lost is put back.
        around = (self.period - abs(way)) - np.copysign(lost, lost * way)
        return np.asarray(np.minimum(abs(way), around) ** self.p)


class CirclePotentials(Potentials):
    """A feasible pair on the circle, each the other's c-transform, made when somebody asks for it.

    Args:
        costs: Costs.
        start: Gives a potential at the target points, (m,); −∞ at points that have none.
    """

    costs: CircleCosts
    start: Callable[[], FloatArray]

    def __init__(self, costs: CircleCosts, start: Callable[[], FloatArray]) -> None:
        self.__dict__.update(costs=costs, start=start)  # the class is frozen

    @property
    def f(self) -> FloatArray:
        """Potential at the source points, (n,), in units of the cost."""
        return self._pair[0]

    @property
    def g(self) -> FloatArray:
        """Potential at the target points, (m,), in units of the cost."""
        return self._pair[1]

    def __call__(self, points: Any) -> FloatArray:
        """Evaluate f anywhere on the circle.

        Args:
            points: (k,) or (k, 1), modulo the period.

        Returns:
            (k,), in units of the cost.

        Raises:
            InvalidShapeError: If the points have more than one coordinate.
        """
        where = as_points("points", points)
        _check_one_column("points", where)
        start = min(self.costs.x.min(), self.costs.y.min())
        z = start + np.mod(where[:, 0] - start, self.costs.period)
        return _transform(z, self.costs.y, self.g, self.costs)

    @cached_property
    def _pair(self) -> tuple[FloatArray, FloatArray]:
        costs = self.costs
        f = _transform(costs.x, costs.y, self.start(), costs)
        g = _transform(costs.y, costs.x, f, costs)
        return _transform(costs.x, costs.y, g, costs), g


@dataclass(frozen=True, eq=False, repr=False)
class CircleSolution(OTSolution):
    """An `OTSolution` on the circle. It has no barycentric map, since a circle has no means, and is not saved."""

    def barycentric_map(self) -> FloatArray:
        """Not provided.

        Raises:
            NotProvidedError: Always.
        """
        raise NotProvidedError("places on a circle have no mean; use matched_pairs() instead")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Not provided.

        Raises:
            NotProvidedError: Always.
        """
        raise NotProvidedError(
            "files of solutions hold points in space; keep the points and solve again, which is as quick as a file"
        )


def _check_one_column(name: str, points: FloatArray) -> None:
    if points.shape[1] != 1:
        raise InvalidShapeError(
            name, "have one coordinate, the length along the circle", f"shape {points.shape}", "give shape (n,)"
        )


def _places(x: FloatArray, y: FloatArray, *, period: float, p: float) -> tuple[CircleCosts, float]:
    """Costs between points brought into one arc as long as the circle, and how far that has moved them at the most."""
    for name, points in (("x", x), ("y", y)):
        _check_one_column(name, points)
    if abs(p * math.log10(period)) > 250:
        raise InvalidValueError(
            "period", f"have a power p = {p:g} that fits float64 (1e-250 to 1e250)", period, "change the unit of length"
        )
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    # Points that lie in one arc stay as they are; the difference is rounded, but to nearest, which is monotone.
    if high / 2 - low / 2 < period / 2 and high - low < period:
        return CircleCosts(x[:, 0], y[:, 0], period, p), 0.0
    (x, of_x), (y, of_y) = _reduced(x[:, 0], period), _reduced(y[:, 0], period)
    return CircleCosts(x, y, period, p), of_x + of_y


def _reduced(points: FloatArray, period: float) -> tuple[FloatArray, float]:
    """Points in [0, period), and how far rounding has moved one of them at the most."""
    rest = np.fmod(points, period)  # exact
    turned = np.where(rest < 0, rest + period, rest)
    lost = np.where(rest < 0, abs(sum_error(rest, np.full_like(rest, period))), 0.0)
    return np.where(turned < period, turned, 0.0), float(lost.max())


def _transform(points: FloatArray, y: FloatArray, g: FloatArray, costs: CircleCosts) -> FloatArray:
    """min_j c(z, y_j) − g_j: that of the line, with each y also a turn before and a turn after."""
    unrolled, values = np.concatenate([y - costs.period, y, y + costs.period]), np.tile(g, 3)
    if costs.p == 1:
        return line.transform(points, unrolled, values)
    best = line.best_partners(points, unrolled, values, costs.p)[0] % len(y)
    return CircleCosts(points, y, costs.period, costs.p).at(np.arange(len(points)), best) - g[best]


def _solved(problem: OTProblem, costs: CircleCosts, moved: float, tol: float, started: float) -> CircleSolution:
    """Solve with masses that int64 holds, and with masses of any size where rounding alone keeps the bracket wide."""
    rounded = problem.masses.rounded if isinstance(problem.masses, WeightMasses) else None
    near, slack = problem.masses, 0.0
    if rounded is not None:  # mass that differs is sent along other arcs, at the cost of half a turn at the most
        near, slack = rounded.masses, 2 * rounded.moved * costs.scale
    certificate, found = _certified(problem, _Shifts(costs, near), slack, moved)
    if slack and certificate.distance.relative_width > tol and sum(costs.shape) <= PATIENCE:
        certificate, found = _certified(problem, _Shifts(costs, problem.masses), 0.0, moved)
    status = Status.OPTIMAL if certificate.distance.relative_width <= tol else Status.ROUNDING
    stats = Stats("circle", time.perf_counter() - started, 0.0, tol)
    return CircleSolution(problem, status, CirclePotentials(costs, found.potential), certificate, found.cost, stats)


def _certified(problem: OTProblem, shifts: _Shifts, slack: float, moved: float) -> tuple[Certificate, _Found]:
    p, found = shifts.costs.p, shifts.best()
    lower, upper = found.lower - slack, found.upper + slack
    if moved:  # points that are off by so much change W_p by so much
        room = 4 * (p + 2) * UNIT
        lower = max(0.0, root(max(0.0, lower), p, -1) - moved) ** p * (1 - room)
        upper = (root(upper, p, 1) + moved) ** p * (1 + room)
    cost = Interval(max(0.0, down(lower)), up(upper) if upper else 0.0)
    return Certificate(cost, p, lambda: exact_coupling(*found.plan, problem.masses)), found


class _Found(NamedTuple):
    """The best shift: its cost, a proven interval, the plan with its masses as shares, and the potential's maker."""

    cost: float
    lower: float
    upper: float
    plan: Arcs
    potential: Callable[[], FloatArray]


class _Shifts:
    """The cost φ as a function of the shift, in units of 1 / total.

    Args:
        costs: Costs.
        masses: Masses, int64 up to 2^61, or of any size, which takes loops in Python.
    """

    def __init__(self, costs: CircleCosts, masses: Masses) -> None:
        self.costs, self.total = costs, masses.total
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
        """
        steps = np.empty(len(self.by_y))
        loop = _steps if self.whole else _steps.py_func
        size = loop(shift, *self.sides, self.total, self.costs.period, self.costs.p, steps)
        # Costs are off by a relative (2p + 4)u, their difference by one more; fsum rounds once.
        return steps, math.fsum(steps), (2 * self.costs.p + 8) * UNIT * size + UNDERFLOW * (1 + size)

    def best(self) -> _Found:
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
        # Distances, powers and masses round 2p + 4 + 3 times, the sum once; doubled.
        error = 2 * (2 * self.costs.p + 8) * UNIT * cost + (UNDERFLOW * (1 + cost) if cost else 0.0)

        def potential() -> FloatArray:
            # Both neighbours' slopes are steps of potentials that support the plan; a mean of them closes the circle.
            share = -slope_left / (slope_right - slope_left) if slope_right > slope_left else 0.5
            steps = left + min(max(share, 0.0), 1.0) * (right - left)
            g = np.full(self.costs.shape[1], -np.inf)
            g[self.by_y] = np.concatenate([[0.0], np.cumsum(steps[:-1])])
            return g

        return _Found(cost, cost - error - fall * (1 + 8 * UNIT), cost + error, plan, potential)

    def _coupled(self, shift: int) -> tuple[float, Arcs]:
        """The cost of a shift as computed, and its plan, whose masses are shares of the whole."""
        most = len(self.by_x) + len(self.by_y) + 1
        rows, columns, costs = np.zeros(most, np.intp), np.zeros(most, np.intp), np.empty(most)
        mass = np.empty(most, np.int64) if self.whole else [0] * most
        loop = _couple if self.whole else _couple.py_func
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
def _steps(
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
    """Fill the steps of `_Shifts.slopes`; the sum of all costs in them."""
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
def _couple(
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
