"""The front door: read the problem, choose a solver, run it, certify what it says."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from otgan.certificate import Certificate, certify
from otgan.checks import as_count, as_number, as_seconds
from otgan.closed_form import solve_in_closed_form
from otgan.compiled import compilations
from otgan.costs import PointCosts
from otgan.coupling import exact_coupling, marginal_violation
from otgan.dual.potentials import FeasiblePotentials
from otgan.errors import Interrupted, InvalidValueError, NotProvidedError
from otgan.exact import down, up
from otgan.interrupts import interrupts
from otgan.interval import Interval
from otgan.masses import Masses, WeightMasses, carries
from otgan.problem import OTProblem, problem_from_matrix, problem_from_points
from otgan.progress import Show, progress
from otgan.search import boxes_pay
from otgan.solution import OTSolution, Stats, Status
from otgan.solvers import dense, network_simplex
from otgan.solvers.limits import Limits
from otgan.solvers.multiscale import solve_multiscale
from otgan.solvers.raw import RawSolution
from otgan.solvers.univariate import solve_line

METHODS = ("auto", "univariate", "dense", "multiscale", "network-simplex")
#: Points of both sides together up to which the dense matrix is quicker than cells.
DENSE = 1400
COMPILING = "compiling, once on this machine"
#: Bytes that a solve may take unless told otherwise.
MAX_MEMORY = 4 * 2**30


def wasserstein(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    p: float = 1.0,
    metric: str = "euclidean",
    method: str = "auto",
    tol: float = 1e-11,
    max_iter: int = 10**8,
    max_seconds: float = math.inf,
    max_memory: float = MAX_MEMORY,
) -> OTSolution:
    r"""Exact Wasserstein distance between two weighted samples, with a bracket that is proven.

    $W_p = \left(\min_\pi \sum_{ij} \pi_{ij}\, d(x_i, y_j)^p\right)^{1/p}$ over plans π with marginals a and b. The
    default is W1 with the Euclidean metric.

    Args:
        x: Source points, (n, d), or (n,) on the line: lists, NumPy, pandas, torch (values only), `DiscreteMeasure`.
        y: Target points, (m, d) or (m,).
        a: Source weights, (n,), not negative; normalised to sum to one. None for equal ones.
        b: Target weights, (m,), likewise.
        p: Exponent, 1 ≤ p ≤ 64.
        metric: "euclidean", "cityblock", "chebyshev", or "haversine" (degrees of latitude and longitude; the
            distance is in kilometres on a sphere of radius 6371.0088 km).
        method: "univariate" (points on the line), "dense" (our network simplex on the cost matrix, for small problems
            and many dimensions), "multiscale" (the same on cells and then on few arcs, without a matrix),
            "network-simplex" (POT's, on the cost matrix, for weights over more than fifteen orders of magnitude), or
            "auto", which chooses.
        tol: Relative gap at which the solver may stop, and the result counts as converged.
        max_iter: Pivots after which a simplex stops; the bracket then is wide, and holds.
        max_seconds: Seconds after which "dense" and "multiscale" stop, certificate included as far as that can be
            foreseen; the bracket then is as narrow as the time allowed, and holds.
        max_memory: Bytes that the solver may take.

    Returns:
        The solution: `distance` in units of length, `lower_bound`, `upper_bound`, `plan`, `potentials`, `status`.

    Raises:
        InvalidInputError: If an argument breaks a rule; the message names it and the fix.
        Interrupted: After Ctrl-C; its `partial` is the solution so far, with its bracket.
        MemoryLimitError: If the solver would need more than `max_memory`; before anything is allocated.
        NotProvidedError: If "univariate" is asked for points that are not on the line.

    Source: Peyré and Cuturi (2019), Computational Optimal Transport, Ch. 2 and 3.

    >>> solution = wasserstein([0.0, 1.0], [3.0, 5.0])
    >>> solution.distance
    3.5
    """
    problem = problem_from_points(x, y, a, b, p=p, metric=metric)
    return solve(problem, method=method, tol=tol, max_iter=max_iter, max_seconds=max_seconds, max_memory=max_memory)


def transport(
    cost_matrix: Any,
    a: Any = None,
    b: Any = None,
    *,
    tol: float = 1e-11,
    max_iter: int = 10**8,
    max_seconds: float = math.inf,
    max_memory: float = MAX_MEMORY,
) -> OTSolution:
    r"""Optimal transport for a cost matrix of one's own, $\min_\pi \sum_{ij} \pi_{ij} c_{ij}$.

    Args:
        cost_matrix: Costs, (n, m), finite and not negative, in any unit.
        a: Source weights, (n,); None for equal ones.
        b: Target weights, (m,); None for equal ones.
        tol: Relative gap at which the result counts as converged.
        max_iter: Pivots after which the network simplex stops.
        max_seconds: Seconds after which it stops; the bracket then is wide, and holds.
        max_memory: Bytes that the solver may take.

    Returns:
        The solution; `distance` and `cost` are both the optimal cost. There is no extension off the sample.

    Raises:
        InvalidInputError: If an argument breaks a rule.
        MemoryLimitError: If the solver would need more than `max_memory`.

    >>> transport([[0.0, 2.0], [2.0, 1.0]]).cost
    0.5
    """
    problem = problem_from_matrix(cost_matrix, a, b)
    return solve(problem, method="auto", tol=tol, max_iter=max_iter, max_seconds=max_seconds, max_memory=max_memory)


def solve(
    problem: OTProblem,
    *,
    method: str,
    tol: float,
    max_iter: int,
    max_seconds: float,
    max_memory: float,
) -> OTSolution:
    """Solve and certify a problem that has been read.

    Raises:
        InvalidInputError: If a setting breaks a rule.
        Interrupted: After Ctrl-C, with the solution so far.
        MemoryLimitError: If the solver would need more than `max_memory`.
        NotProvidedError: If the method does not solve this kind of problem.
    """
    started = time.perf_counter()
    if not isinstance(method, str) or method not in METHODS:
        raise InvalidValueError("method", f"be one of {', '.join(METHODS)}", repr(method), "take 'auto' if in doubt")
    tol = as_number("tol", tol, low=0)
    max_iter = as_count("max_iter", max_iter, high=10**18)
    max_memory = as_number("max_memory", max_memory, low=0, open_low=True)
    max_seconds = as_seconds("max_seconds", max_seconds)
    if method == "univariate" and not problem.on_line:
        raise NotProvidedError("method 'univariate' needs points on the line; take method='multiscale'")
    on_line = problem.on_line and method in ("auto", "univariate")
    with progress("solving") as show, compilations(lambda: show(COMPILING)), interrupts() as interrupted:
        if on_line:
            solution = solve_in_closed_form(problem, tol=tol)
            solution = solution or _certified(problem, problem, 0.0, solve_line(problem), tol, started)
        else:
            limits = Limits(tol, max_iter, started + max_seconds, max_memory, interrupted)
            solution = _solve_pairs(problem, method, limits, show, started)
    if interrupted():  # also where it came too late to stop anything: whoever pressed it wants no more
        raise Interrupted("the solution", solution)
    return solution


def _solve_pairs(problem: OTProblem, method: str, limits: Limits, show: Show, started: float) -> OTSolution:
    """Solve with rounded masses, and with masses of any size where rounding alone keeps the bracket wide."""

    def attempt(near: OTProblem, slack: float) -> OTSolution:
        raw = _solve_rest(near, lambda rest: _solve_by(method, rest, limits, show))
        show("proving the bracket")
        return _certified(problem, near, slack, raw, limits.tol, started)

    near, slack = _rounded(problem)
    solution = attempt(near, slack)
    wide = solution.status is Status.ROUNDING and solution.certificate.cost.width < 4 * slack
    if wide and not limits.interrupted():
        again = attempt(problem, 0.0)
        if again.certificate.cost.width <= solution.certificate.cost.width:  # or the time was too short
            return again
    return solution


def _rounded(problem: OTProblem) -> tuple[OTProblem, float]:
    """The problem with masses that int64 holds, and how far that may move its cost.

    A plan for the one becomes a plan for the other when the mass in which they differ is sent along other arcs, at the
    largest cost at most. What the diameter's own rounding adds is covered by the factor of two.
    """
    rounded = problem.masses.rounded if isinstance(problem.masses, WeightMasses) else None
    if rounded is None:
        return problem, 0.0
    return OTProblem(problem.costs, rounded.masses), 2 * rounded.moved * problem.costs.scale


def _solve_by(method: str, problem: OTProblem, limits: Limits, show: Show) -> RawSolution:
    if method == "auto":
        method = _choose(problem, limits.max_memory)
    if method == "multiscale":
        return solve_multiscale(problem, limits, show)
    if method == "dense":
        return dense.solve_dense(problem, limits, show)
    return network_simplex.solve_simplex(problem, max_iter=limits.max_iter, max_memory=limits.max_memory)


def _choose(problem: OTProblem, max_memory: float) -> str:
    """The method that is likely the quickest."""
    costs, (n, m) = problem.costs, problem.shape
    # Weights that no 64-bit integer holds are left to floats, where the matrix fits.
    if n * m * network_simplex.BYTES_PER_PAIR <= max_memory and not carries(problem.masses):
        return "network-simplex"
    if not isinstance(costs, PointCosts) or n + m <= DENSE:
        return "dense"
    if boxes_pay(costs, max(n, m) ** 2) or dense.bytes_needed(costs) > max_memory:
        return "multiscale"
    return "dense"


def _certified(
    problem: OTProblem, near: OTProblem, slack: float, raw: RawSolution, tol: float, started: float
) -> OTSolution:
    """The solution of a problem, from one of a problem nearby whose cost differs by at most the slack."""
    plan = raw.rows, raw.columns, raw.mass
    potentials = FeasiblePotentials(problem.costs, partial(np.asarray, raw.f))
    certificate = certify(near, plan, raw.f)
    if near is not problem:
        cost = certificate.cost
        if slack:
            cost = Interval(max(0.0, down(cost.lower - slack)), up(cost.upper + slack))
        certificate = Certificate(cost, certificate.p, partial(exact_coupling, *plan, problem.masses))
    primal = float(np.dot(raw.mass, problem.costs.at(raw.rows, raw.columns)))
    stats = Stats(
        raw.solver,
        time.perf_counter() - started,
        marginal_violation(*plan, near.masses),
        tol,
    )
    status = _status(certificate, raw.status, tol)
    return OTSolution(problem, status, potentials, certificate, primal, stats)


def _solve_rest(problem: OTProblem, solver: Callable[[OTProblem], RawSolution]) -> RawSolution:
    """Leave the mass that both sides share where it is, and solve for the rest."""
    shared = problem.common_mass
    if not len(shared.rows):
        return solver(problem)
    staying = problem.masses.floats(shared.stay)
    rest = shared.rest_a.sum()
    if not rest:
        f = np.zeros(problem.shape[0])
        return RawSolution(shared.rows, shared.columns, staying, f, Status.OPTIMAL, "common mass")
    raw = solver(OTProblem(problem.costs, Masses(shared.rest_a, shared.rest_b, int(rest))))
    return replace(
        raw,
        rows=np.concatenate([shared.rows, raw.rows]),
        columns=np.concatenate([shared.columns, raw.columns]),
        mass=np.concatenate([staying, raw.mass * (int(rest) / problem.masses.total)]),
    )


def _status(certificate: Certificate, ended: Status, tol: float) -> Status:
    if certificate.distance.relative_width <= tol:
        return Status.OPTIMAL
    return Status.ROUNDING if ended is Status.OPTIMAL else ended
