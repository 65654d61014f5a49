"""Transport that may make and lose mass, at a price of Kullback-Leibler divergences, by smoothing."""

from __future__ import annotations

import math
import time
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray, as_count, as_number, as_seconds
from otgan.compiled import compilations
from otgan.costs import PointCosts, check_memory, point_costs
from otgan.dual.potentials import FeasiblePotentials
from otgan.errors import CertificateError, Interrupted, InvalidValueError
from otgan.interrupts import interrupts
from otgan.interval import Interval
from otgan.progress import progress
from otgan.solution import Stats, Status
from otgan.solve import COMPILING, MAX_MEMORY
from otgan.unbalanced.bounds import lower_bound, lowered, primal_bound, raised
from otgan.unbalanced.inputs import as_floats, read_masses
from otgan.unbalanced.results import UnbalancedTransport
from otgan.unbalanced.scaling import Scaled, scale

#: Bytes for each pair at the peak: costs either way, the plan, and what computes them.
BYTES_PER_PAIR = 56


def unbalanced_wasserstein(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    reach: float,
    epsilon: float,
    p: float = 1.0,
    metric: str = "euclidean",
    tol: float = 1e-9,
    max_iter: int = 10_000,
    max_seconds: float = math.inf,
    max_memory: float = MAX_MEMORY,
) -> UnbalancedTransport:
    r"""Transport between measures whose masses differ, where mass may be made and lost at a price.

    $\min_{π ≥ 0} \sum_{ij} π_{ij}\, d(x_i, y_j)^p + ρ\, KL(π 1 \,|\, a) + ρ\, KL(π^T 1 \,|\, b)$ with
    $KL(r \,|\, a) = \sum_i r_i \log(r_i / a_i) - r_i + a_i$ and $ρ = \text{reach}^p$. It is solved with a further
    $ε\, KL(π \,|\, a ⊗ b)$, which makes the plan smooth, and the bracket is for the problem without it: the lower bound
    from its dual, the upper one from the plan. Lower ε for a narrower bracket. Masses are taken as given.

    Args:
        x: Source points, (n, d) or (n,), or a `DiscreteMeasure`, whose weights sum to one.
        y: Target points, (m, d) or (m,), or a `DiscreteMeasure`.
        a: Masses of the source points, (n,), of any sum; None for equal ones that sum to one.
        b: Masses of the target points, (m,), likewise.
        reach: In units of length: mass is rather lost and made than moved much further than this.
        epsilon: Smoothing, in units of the cost, length^p.
        p: Exponent, 1 ≤ p ≤ 64.
        metric: Name of the metric; see `otgan.wasserstein`.
        tol: Gap of the smoothed problem, as a share of its value, at which it counts as converged.
        max_iter: Pairs of steps after which it stops; the bracket holds all the same.
        max_seconds: Seconds after which it stops.
        max_memory: Bytes that it may take; it holds the cost matrix and the plan.

    Returns:
        The transport; `cost` and its bracket are those of the problem without smoothing, `smoothed_cost` is that of the
        smoothed problem. `distance` is the root of the cost; for a general p it is no metric.

    Raises:
        InvalidInputError: If an argument breaks a rule; the message names it and the fix.
        Interrupted: After Ctrl-C; its `partial` is the transport so far, with its bracket.
        MemoryLimitError: If it would need more than `max_memory`; before anything is allocated.

    Source: Chizat, Peyré, Schmitzer and Vialard (2018), Scaling algorithms for unbalanced optimal transport problems.

    >>> near = unbalanced_wasserstein([0.0], [1.0], [2.0], [0.5], reach=1.0, epsilon=0.01)
    >>> round(near.cost, 6), round(2.5 - 2 * math.exp(-1 / 2), 6)  # in closed form, with √(2 · 0.5) = 1
    (1.286939, 1.286939)
    """
    started = time.perf_counter()
    source, given_a = read_masses("x", x, "a", a)
    target, given_b = read_masses("y", y, "b", b)
    costs = point_costs(source, target, metric=metric, p=p)
    n, m = costs.shape
    rho = _price(reach, costs.p)
    smoothing = as_number("epsilon", epsilon, low=1e-250, high=1e250)
    seconds = as_seconds("max_seconds", max_seconds)
    steps = as_count("max_iter", max_iter)
    share = as_number("tol", tol, low=0)
    limit = as_number("max_memory", max_memory, low=0, open_low=True)
    check_memory(BYTES_PER_PAIR * n * m, limit, "unbalanced transport")
    masses_a, masses_b = as_floats(given_a, n), as_floats(given_b, m)
    here, there = np.flatnonzero(masses_a), np.flatnonzero(masses_b)  # a point without mass has no part in anything
    with progress("scaling") as show, compilations(lambda: show(COMPILING)), interrupts() as interrupted:
        scaled = scale(
            costs.block(here, there),
            masses_a[here],
            masses_b[there],
            rho=rho,
            epsilon=smoothing,
            tol=share,
            max_iter=steps,
            deadline=started + seconds,
            interrupted=interrupted,
            show=show,
        )
        pressed = interrupted()
    bounds, primal, f = _bracket(costs, masses_a, masses_b, here, there, scaled, rho)
    plan = np.zeros((n, m))
    plan[np.ix_(here, there)] = scaled.plan
    stats = Stats("scaling", time.perf_counter() - started, scaled.violation, share)
    result = UnbalancedTransport(
        costs,
        masses_a,
        masses_b,
        float(reach),
        smoothing,
        costs.p,
        bounds,
        primal,
        scaled.value,
        plan,
        FeasiblePotentials(costs, partial(np.asarray, f)),
        Status.INTERRUPTED if pressed else scaled.status,
        stats,
    )
    if pressed:
        raise Interrupted("the transport", result)
    return result


def _price(reach: Any, p: float) -> float:
    if isinstance(reach, float) and reach == math.inf:
        raise InvalidValueError(
            "reach", "be finite", reach, "where no mass may be lost, call otgan.wasserstein, which is exact"
        )
    length = as_number("reach", reach, low=0, open_low=True)
    if not -200 < p * math.log10(length) < 200:
        raise InvalidValueError("reach", "have a power p in 1e-200 to 1e200", reach, "change the unit of length")
    return float(length**p)


def _bracket(
    costs: PointCosts,
    a: FloatArray,
    b: FloatArray,
    here: NDArray[np.intp],
    there: NDArray[np.intp],
    scaled: Scaled,
    rho: float,
) -> tuple[Interval, float, FloatArray]:
    """What the smoothed solution proves of the problem without smoothing: interval, cost, and a potential."""
    block = costs.block(here, there)
    lower, potential = lower_bound(lowered(costs, block), scaled.f, scaled.g, a[here], b[there], rho)
    cost, upper = primal_bound(scaled.plan, raised(costs, block), a[here], b[there], rho)
    f = np.full(len(a), -np.inf)  # a point without mass gets what the others leave
    f[here] = potential
    if lower > upper:
        raise CertificateError(f"lower bound {lower!r} above upper bound {upper!r}; please report this problem")
    return Interval(lower, upper), cost, f
