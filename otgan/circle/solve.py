"""The front door to W_p on the circle: reads, finds the best shift, and brackets its cost."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from otgan.certificate import UNDERFLOW, Certificate
from otgan.checks import FloatArray, as_number, as_seconds
from otgan.circle.costs import CircleCosts, places
from otgan.circle.potentials import CirclePotentials
from otgan.circle.shifts import Found, Shifts
from otgan.compiled import compilations
from otgan.coupling import exact_coupling
from otgan.errors import NotProvidedError
from otgan.exact import down, root, up
from otgan.interval import Interval
from otgan.masses import WeightMasses
from otgan.metrics import UNIT
from otgan.problem import OTProblem, read_side
from otgan.progress import progress
from otgan.solution import OTSolution, Stats, Status
from otgan.solve import COMPILING
from otgan.solvers.limits import StopHere

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
    max_seconds: float = math.inf,
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
        max_seconds: Seconds after which masses beyond 64 bits are given up, which take minutes where rounding them
            left the bracket wider than `tol`; the bracket from rounded masses, which takes no time, holds as well.

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
    deadline = started + as_seconds("max_seconds", max_seconds)
    costs, moved = places(source, target, period=as_number("period", period, low=0, open_low=True), p=p)
    problem = OTProblem(costs, WeightMasses(raw_a, raw_b))
    with progress("solving") as show, compilations(lambda: show(COMPILING)):
        return _solved(problem, costs, moved, tol, started, deadline)


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


def _solved(
    problem: OTProblem, costs: CircleCosts, moved: float, tol: float, started: float, deadline: float
) -> CircleSolution:
    """Solve with masses that int64 holds, and with masses of any size where rounding alone keeps the bracket wide."""
    rounded = problem.masses.rounded if isinstance(problem.masses, WeightMasses) else None
    near, slack = problem.masses, 0.0
    if rounded is not None:  # mass that differs is sent along other arcs, at the cost of half a turn at the most
        near, slack = rounded.masses, 2 * rounded.moved * costs.scale
    certificate, found = _certified(problem, Shifts(costs, near), slack, moved)
    ended = Status.ROUNDING
    if slack and certificate.distance.relative_width > tol and sum(costs.shape) <= PATIENCE:
        try:
            certificate, found = _certified(problem, Shifts(costs, problem.masses, deadline), 0.0, moved)
        except StopHere as stop:
            ended = stop.status
    status = Status.OPTIMAL if certificate.distance.relative_width <= tol else ended
    stats = Stats("circle", time.perf_counter() - started, 0.0, tol)
    return CircleSolution(problem, status, CirclePotentials(costs, found.potential), certificate, found.cost, stats)


def _certified(problem: OTProblem, shifts: Shifts, slack: float, moved: float) -> tuple[Certificate, Found]:
    p, found = shifts.costs.p, shifts.best()
    lower, upper = found.lower - slack, found.upper + slack
    if moved:  # points that are off by so much change W_p by so much
        room = 4 * (p + 2) * UNIT
        lower = max(0.0, root(max(0.0, lower), p, -1) - moved) ** p * (1 - room) - UNDERFLOW
        upper = (root(upper, p, 1) + moved) ** p * (1 + room) + UNDERFLOW
    cost = Interval(max(0.0, down(lower)), up(upper) if upper else 0.0)
    return Certificate(cost, p, partial(exact_coupling, *found.plan, problem.masses)), found
