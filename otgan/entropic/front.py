"""The front door to smoothed transport: reads the problem, climbs, and certifies."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otgan.certificate import Certificate, lower_bound
from otgan.checks import FloatArray, as_count, as_number, as_seconds
from otgan.compiled import compilations
from otgan.costs import PointCosts, check_memory, coordinate_bytes, need_points
from otgan.coupling import Arcs, exact_coupling
from otgan.dual.potentials import FeasiblePotentials
from otgan.entropic.bound import rounded_cost, smoothed_interval
from otgan.entropic.coarse import Make, climb
from otgan.entropic.kernel import Kernel, peak_bytes
from otgan.entropic.plan import EntropicPlan
from otgan.entropic.solution import EntropicSolution
from otgan.errors import CertificateError, Interrupted
from otgan.interrupts import interrupts
from otgan.interval import Interval
from otgan.masses import Masses
from otgan.problem import OTProblem, problem_from_points
from otgan.progress import progress
from otgan.solution import Stats
from otgan.solve import COMPILING, MAX_MEMORY
from otgan.solvers.limits import Limits

#: The cost matrix is kept where it takes no more than this share of the memory that is allowed.
KEEP = 0.25
#: Entries of a Hessian at the most: 240 MB.
ENTRIES = 2e7


def sinkhorn(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    epsilon: float,
    p: float = 1.0,
    metric: str = "euclidean",
    tol: float = 1e-6,
    max_iter: int = 10_000,
    max_seconds: float = math.inf,
    max_memory: float = MAX_MEMORY,
    device: str | None = None,
) -> EntropicSolution:
    r"""Entropic optimal transport, $\min_π \sum_{ij} π_{ij}\, d(x_i, y_j)^p + ε\, \mathrm{KL}(π \,|\, a ⊗ b)$.

    Solved by Sinkhorn and damped sparse Newton steps on the semi-dual while ε comes down from the largest cost. The
    bracket is for W_p itself, which is not smoothed, whatever ε is and wherever the solver was stopped: the lower bound
    by a c-transform of f and g, the upper one by rounding the plan to exact marginals. It is at best some ε wide: for a
    narrow one lower ε, or take `otgan.wasserstein`.

    Args:
        x: Source points, (n, d), or (n,) on the line: lists, NumPy, pandas, torch (values only), `DiscreteMeasure`.
        y: Target points, (m, d) or (m,).
        a: Source weights, (n,), not negative; normalised to sum to one. None for equal ones.
        b: Target weights, (m,), likewise.
        epsilon: Smoothing, in units of the cost (length^p), at least 1e-250, and 1e-250 of the largest cost, at most
            1e250; `blur_to_epsilon` says what a length means.
        p: Exponent of the distance in the cost, 1 ≤ p ≤ 64. Not divided by p, as some libraries do.
        metric: "euclidean", "cityblock", "chebyshev" or "haversine".
        tol: L1 distance of the plan's marginals from the weights at which it counts as converged.
        max_iter: Passes over all pairs after which it stops.
        max_seconds: Seconds after which it stops, certificate included as far as that can be foreseen.
        max_memory: Bytes that the solver may take. The cost matrix is kept where it needs a quarter of them at most.
        device: A torch device, such as "cuda", on which to pass over the pairs; None for the processor's own loops.

    Returns:
        The solution: `distance` (of the smoothed plan), `lower_bound`, `upper_bound`, `regularised_cost`, `f`, `g`,
        `plan` (lazy), `potentials`, `status`, `stats.marginal_violation`.

    Raises:
        InvalidInputError: If an argument breaks a rule; the message names it and the fix.
        Interrupted: After Ctrl-C; its `partial` is the solution so far, with its bracket.
        MemoryLimitError: If the solver would need more than `max_memory`; before anything is allocated.

    Source: Cuturi (2013), Sinkhorn distances; Peyré and Cuturi (2019), Computational Optimal Transport, Ch. 4.

    >>> solution = sinkhorn([0.0, 1.0], [3.0, 5.0], epsilon=0.1)
    >>> solution.lower_bound <= 3.5 <= solution.upper_bound
    True
    """
    problem = problem_from_points(x, y, a, b, p=p, metric=metric)
    return solve_smoothed(
        problem,
        epsilon=epsilon,
        tol=tol,
        max_iter=max_iter,
        max_seconds=max_seconds,
        max_memory=max_memory,
        device=device,
    )


def blur_to_epsilon(blur: float, *, p: float = 1.0) -> float:
    r"""The ε whose kernel $\exp(-d^p/ε)$ has fallen to 1/e at a distance of `blur`: blur^p.

    Plans are spread over about that length. GeomLoss divides the cost by p, so its blur is $p^{1/p}$ times this one.

    Args:
        blur: Length, positive.
        p: Exponent of the distance in the cost, 1 ≤ p ≤ 64.

    Raises:
        InvalidInputError: If an argument breaks a rule.

    >>> blur_to_epsilon(0.1, p=2)
    0.010000000000000002
    """
    length = as_number("blur", blur, low=0, open_low=True)
    return float(as_number("epsilon of this blur", length ** as_number("p", p, low=1, high=64), low=0, open_low=True))


def solve_smoothed(
    problem: OTProblem,
    *,
    epsilon: float,
    tol: float,
    max_iter: int,
    max_seconds: float,
    max_memory: float,
    device: str | None,
) -> EntropicSolution:
    """Solve and certify a smoothed problem that has been read.

    Raises:
        InvalidInputError: If a setting breaks a rule.
        Interrupted: After Ctrl-C, with the solution so far.
        MemoryLimitError: If the solver would need more than `max_memory`.
    """
    started = time.perf_counter()
    # Costs and potentials are divided by it, which must not leave float64.
    epsilon = as_number("epsilon", epsilon, low=1e-250 * max(1.0, problem.costs.scale), high=1e250)
    tol = as_number("tol", tol, low=0)
    max_iter = as_count("max_iter", max_iter, high=10**18)
    max_memory = as_number("max_memory", max_memory, low=0, open_low=True)
    max_seconds = as_seconds("max_seconds", max_seconds)
    n, m = problem.shape
    keep = 8.0 * n * m <= KEEP * max_memory
    entries = min(ENTRIES, max_memory / 48)  # of twelve bytes each, a quarter of the memory
    check_memory(
        peak_bytes(n, m, keep=keep, entries=entries) + coordinate_bytes(problem.costs),
        max_memory,
        "the smoothed problem",
    )
    with progress("smoothing") as show, compilations(lambda: show(COMPILING)), interrupts() as interrupted:
        limits = Limits(tol, max_iter, started + max_seconds, max_memory, interrupted)
        solution = _solve(problem, epsilon, limits, keep, entries, device, show, started)
    if interrupted():
        raise Interrupted("the solution", solution)
    return solution


def _solve(
    problem: OTProblem,
    epsilon: float,
    limits: Limits,
    keep: bool,
    entries: float,
    device: str | None,
    show: Callable[[str], None],
    started: float,
) -> EntropicSolution:
    # Points without mass take no part: they get their potentials afterwards.
    source, target = np.flatnonzero(problem.a > 0), np.flatnonzero(problem.b > 0)
    costs = need_points(problem.costs, "smoothed transport")
    part = _part(costs, source, target)
    kernel = Kernel(part, problem.a[source], problem.b[target], keep=keep)
    make = _passes(device, KEEP / 4 * limits.max_memory)  # on sub-samples, beside what all points take
    passes = kernel if device is None else make(part, kernel.a, kernel.b)
    climbed = climb(passes, part, make, epsilon, limits.tol, limits, most_entries=entries, show=show)
    show("proving the bracket")
    # What is reported was found for the very g that is returned; what a device found is computed anew.
    last = climbed.found if passes is kernel else kernel.soften(climbed.g, epsilon, 1.0)
    slope = kernel.b - last.columns
    violation = float(abs(slope).sum())
    f, g = np.empty(len(problem.a)), np.empty(len(problem.b))
    f[source], g[target] = last.f, climbed.g
    _fill(f, costs, source, target, climbed.g, problem.b[target], epsilon)
    _fill(g, PointCosts(costs.y, costs.x, costs.metric, costs.p), target, source, last.f, problem.a[source], epsilon)
    upper = rounded_cost(kernel, climbed.g, epsilon, last.columns)
    lower = lower_bound(problem, f, g)
    if lower > upper:
        raise CertificateError(f"lower bound {lower!r} above upper bound {upper!r}; please report this problem")
    plan = EntropicPlan(f, g, costs, problem.a, problem.b, epsilon, limits.max_memory)
    smoothed = Interval(*smoothed_interval(kernel.costs, climbed.g, last.dual, slope, epsilon), "up to rounding")
    certificate = Certificate(Interval(lower, upper), costs.p, partial(_coupling, plan, problem.masses))
    stats = Stats("sinkhorn", time.perf_counter() - started, violation, limits.tol)
    potentials = FeasiblePotentials(costs, partial(np.asarray, f))
    return EntropicSolution(
        problem, climbed.status, potentials, certificate, last.cost, stats,
        epsilon, f, g, smoothed, climbed.passes, limits.max_memory,
    )  # fmt: skip


def _coupling(plan: EntropicPlan, masses: Masses) -> Arcs:
    sparse = plan.to_sparse().tocoo()
    return exact_coupling(sparse.row.astype(np.intp), sparse.col.astype(np.intp), sparse.data, masses)


def _passes(device: str | None, room: float) -> Make:
    """What makes passes over some points: on a device, or with a cost matrix that is kept if it takes no more bytes."""
    if device is None:
        return lambda costs, a, b: Kernel(costs, a, b, keep=8.0 * len(a) * len(b) <= room)
    from otgan.entropic.torch_kernel import TorchKernel  # torch takes a second to load

    return partial(TorchKernel, device=device)


def _part(costs: PointCosts, source: NDArray[np.intp], target: NDArray[np.intp]) -> PointCosts:
    if len(source) == len(costs.x) and len(target) == len(costs.y):
        return costs
    return PointCosts(costs.x[source], costs.y[target], costs.metric, costs.p)


def _fill(
    potential: FloatArray,
    costs: PointCosts,
    known: NDArray[np.intp],
    others: NDArray[np.intp],
    other: FloatArray,
    weights: FloatArray,
    epsilon: float,
) -> None:
    """Give the points without mass their soft minima."""
    rest = np.setdiff1d(np.arange(len(potential)), known)
    if len(rest):
        to_others = PointCosts(costs.x[rest], costs.y[others], costs.metric, costs.p)
        kernel = Kernel(to_others, np.full(len(rest), 1 / len(rest)), weights, keep=False)
        potential[rest] = kernel.soften(other, epsilon, 1.0).f
