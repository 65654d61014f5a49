"""The mean that minimises the smoothed cost: quick, smooth, and blurred."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from otgan.barycenters.bounds import lower_bound, potentials_from, proven
from otgan.barycenters.inputs import read_measures
from otgan.barycenters.results import EntropicBarycenter
from otgan.checks import FloatArray, as_count, as_number, as_points, as_seconds
from otgan.compiled import compilations
from otgan.costs import check_memory
from otgan.errors import Interrupted
from otgan.exact import up
from otgan.interrupts import interrupts
from otgan.metrics import UNIT
from otgan.progress import Show, progress
from otgan.solution import Stats, Status
from otgan.solve import COMPILING, MAX_MEMORY
from otgan.unbalanced.bounds import lowered, raised
from otgan.unbalanced.scaling import FACTOR, STEPS, soft_transform

#: Bytes for each pair of a support point and a point of a measure: costs either way, plan, and what computes them.
BYTES_PER_PAIR = 56


def entropic_barycenter(
    measures: Any,
    support: Any,
    *,
    epsilon: float,
    weights: Any = None,
    p: float = 2.0,
    metric: str = "euclidean",
    tol: float = 1e-6,
    max_iter: int = 10_000,
    max_seconds: float = math.inf,
    max_memory: float = MAX_MEMORY,
) -> EntropicBarycenter:
    r"""The mean of measures on given points in the smoothed cost: iterative Bregman projections, in the log domain.

    It minimises $\sum_k λ_k \min_π (\langle c, π \rangle + ε KL(π \,|\, 1 ⊗ μ_k))$ over masses w, with plans π from w
    to μ_k. The entropy favours spread, so that the mean is *blurred*, by about √ε for p = 2: the mean of a measure and
    itself is wider than the measure. The bracket is for the smallest cost without smoothing on this support: how much
    the blur costs can be read off it.

    Args:
        measures: Points (n_k, d) or (n_k,), tuples (points, weights), or `DiscreteMeasure`s, of one dimension.
        support: Points that may carry the mean, (n, d) or (n,).
        epsilon: Smoothing, in units of the cost, length^p.
        weights: How much each measure counts, λ, (k,); normalised to sum to one. None for equally much.
        p: Exponent, 1 ≤ p ≤ 64.
        metric: Name of the metric; see `otgan.wasserstein`.
        tol: L1 distance of the plans' marginals from the measures, on average over these, at which to stop.
        max_iter: Steps after which it stops.
        max_seconds: Seconds after which it stops.
        max_memory: Bytes that it may take; it holds the cost matrices and the plans.

    Returns:
        The mean. `cost` is that of its masses with plans repaired to exact marginals: not smoothed, and an upper bound.

    Raises:
        InvalidInputError: If an argument breaks a rule; the message names it and the fix.
        Interrupted: After Ctrl-C; its `partial` is the mean so far, with its bracket.
        MemoryLimitError: If it would need more than `max_memory`; before anything is allocated.

    Source: Benamou et al. (2015), Iterative Bregman Projections for Regularized Transportation Problems; Altschuler,
    Weed and Rigollet (2017), Near-linear time approximation algorithms for optimal transport via Sinkhorn iteration,
    for the repair of the plans.

    >>> mean = entropic_barycenter([[0.0], [4.0]], [0.0, 1.0, 2.0, 3.0, 4.0], epsilon=0.5)
    >>> mean.masses.round(3).tolist()  # a point between two points, blurred
    [0.0, 0.106, 0.787, 0.106, 0.0]
    """
    started = time.perf_counter()
    read = read_measures(measures, weights, metric=metric)
    points = as_points("support", support).copy()
    smoothing = as_number("epsilon", epsilon, low=1e-250, high=1e250)
    share = as_number("tol", tol, low=0, open_low=True)
    steps, seconds = as_count("max_iter", max_iter), as_seconds("max_seconds", max_seconds)
    limit = as_number("max_memory", max_memory, low=0, open_low=True)
    check_memory(BYTES_PER_PAIR * len(points) * sum(map(len, read.points)), limit, "the smoothed mean")
    costs = [read.costs(points, k, metric=metric, p=p) for k in range(len(read))]
    carried = [np.flatnonzero(weights) for weights in read.raw_weights]
    masses = [read.masses(k)[there] for k, there in enumerate(carried)]
    blocks = [c.block(slice(None), there) for c, there in zip(costs, carried, strict=True)]
    with progress("projecting") as show, compilations(lambda: show(COMPILING)), interrupts() as interrupted:
        limits = _Limits(share, steps, started + seconds, interrupted, show)
        found = _project(blocks, masses, read.counts, smoothing, limits)
        pressed = interrupted()
    ends, plans = [], []
    for c, block, there, mass, smoothed in zip(costs, blocks, carried, masses, found.plans, strict=True):
        ends.append(_repaired_cost(smoothed, raised(c, block), found.masses, mass))
        plan = np.zeros(c.shape)
        plan[:, there] = smoothed
        plans.append(plan)
    low = [lowered(c, block) for c, block in zip(costs, blocks, strict=True)]
    below, f = lower_bound(low, masses, read.counts, found.g)
    primal, above = (math.fsum(n * end[side] for n, end in zip(read.counts, ends, strict=True)) for side in (0, 1))
    result = EntropicBarycenter(
        points,
        found.masses,
        read.counts,
        costs[0].p,
        proven(below, up(above * (1 + 4 * UNIT))),
        primal,
        tuple(plans),
        tuple(potentials_from(c, start) for c, start in zip(costs, f, strict=True)),
        Status.INTERRUPTED if pressed else found.status,
        Stats("Bregman projections", time.perf_counter() - started, found.violation, share),
        smoothing,
    )
    if pressed:
        raise Interrupted("the mean", result)
    return result


class _Limits(NamedTuple):
    tol: float
    max_iter: int
    deadline: float
    interrupted: Callable[[], bool]
    show: Show


class _Projected(NamedTuple):
    """Masses on the support; plans and potentials of the measures; how far the plans' marginals were off."""

    masses: FloatArray
    plans: list[FloatArray]
    g: list[FloatArray]
    violation: float
    status: Status


def _project(
    costs: list[FloatArray], masses: list[FloatArray], counts: FloatArray, epsilon: float, limits: _Limits
) -> _Projected:
    r"""Project on the plans with the measures as marginals, and on those with one marginal on the support, in turn.

    The plan to a measure is $e^{(f_s + g_j - c_sj)/ε} b_j$. The marginal on the support that is nearest to those of all
    plans is their geometric mean, and with it $\sum_k λ_k f^k = 0$.
    """
    across = [np.ascontiguousarray(block.T) for block in costs]
    log_masses = [np.log(mass) for mass in masses]
    nothing = np.zeros(len(costs[0]))
    f = [nothing for _ in costs]
    softness, count, status, violation = max(epsilon, max(float(c.max()) for c in costs)), 0, Status.CONVERGED, math.inf
    stopped, log_mean = False, nothing
    while True:
        last = softness <= epsilon
        softness = max(softness, epsilon)
        g = [soft_transform(block, v, nothing, softness) for block, v in zip(across, f, strict=True)]
        for _ in range(limits.max_iter if last else STEPS):
            heights = [
                -soft_transform(block, v, logs, softness) for block, v, logs in zip(costs, g, log_masses, strict=True)
            ]
            log_mean = sum((n * height for n, height in zip(counts, heights, strict=True)), nothing)
            f = [log_mean - height for height in heights]
            before, g = g, [soft_transform(block, v, nothing, softness) for block, v in zip(across, f, strict=True)]
            violation = float(
                sum(
                    n * (mass @ abs(np.expm1(np.minimum((old - new) / softness, 700.0))))
                    for n, mass, old, new in zip(counts, masses, before, g, strict=True)
                )
            )
            count += 1
            stopped, status = _stop(count, violation if last else math.inf, limits)
            limits.show(f"step {count}, marginals off by {violation:.2g}")
            if stopped:
                break
        if stopped or last:
            break
        softness *= FACTOR
    plans = [
        np.exp((v[:, None] + u - block) / softness) * mass
        for v, u, block, mass in zip(f, g, costs, masses, strict=True)
    ]
    mean = np.exp((log_mean - log_mean.max()) / softness)
    return _Projected(mean / mean.sum(), plans, g, violation, status)


def _stop(count: int, violation: float, limits: _Limits) -> tuple[bool, Status]:
    if violation <= limits.tol:
        return True, Status.CONVERGED
    if limits.interrupted():
        return True, Status.INTERRUPTED
    if time.perf_counter() > limits.deadline:
        return True, Status.RESOURCE_LIMIT
    return count >= limits.max_iter, Status.ITERATION_LIMIT


def _repaired_cost(plan: FloatArray, high: FloatArray, left: FloatArray, right: FloatArray) -> tuple[float, float]:
    """The cost of a plan once its marginals are right, and a proven upper bound of the smallest one.

    Rows and then columns that carry too much are scaled down, and what is missing goes along the product of the rests.
    That leaves roundings of the marginals, (n + m + 16) u of the mass at the most, which a true plan sends along other
    arcs, at the largest cost at most.
    """
    rows = plan.sum(axis=1)
    plan = plan * np.minimum(1.0, np.divide(left, rows, out=np.ones_like(rows), where=rows > 0))[:, None]
    columns = plan.sum(axis=0)
    plan = plan * np.minimum(1.0, np.divide(right, columns, out=np.ones_like(columns), where=columns > 0))
    rest_left = np.maximum(left - plan.sum(axis=1), 0.0)
    rest_right = np.maximum(right - plan.sum(axis=0), 0.0)
    cost = math.fsum((plan * high).sum(axis=1))
    if rest_left.any() and rest_right.any():
        cost += float(rest_left @ high @ rest_right) / max(float(rest_left.sum()), float(rest_right.sum()))
    off = 4 * (sum(plan.shape) + 16) * UNIT
    return cost, up(cost * (1 + off) + 2 * off * float(high.max()))
