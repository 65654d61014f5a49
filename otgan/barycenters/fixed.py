"""The best masses on a given support, exactly, by linear programming."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from otgan.barycenters.bounds import combined, lower_bound, potentials_from, proven, solve_exactly
from otgan.barycenters.inputs import Measures, read_measures
from otgan.barycenters.results import Barycenter
from otgan.checks import FloatArray, as_number, as_points, as_seconds
from otgan.costs import PointCosts, check_memory
from otgan.errors import Interrupted
from otgan.progress import progress
from otgan.solution import Stats, Status
from otgan.solve import MAX_MEMORY
from otgan.unbalanced.bounds import lowered

#: Masses below this share of the largest one are the solver's noise; leaving them out moves the cost by as little.
NOISE = 1e-12
#: Bytes that HiGHS takes for each variable: 1,340 were measured for 270,000 of them.
BYTES_PER_VARIABLE = 1500


def fixed_support_barycenter(
    measures: Any,
    support: Any,
    *,
    weights: Any = None,
    p: float = 2.0,
    metric: str = "euclidean",
    tol: float = 1e-9,
    max_seconds: float = math.inf,
    max_memory: float = MAX_MEMORY,
) -> Barycenter:
    r"""The mean of measures among those on given points: the masses w with the smallest $\sum_k λ_k W_p^p(w, μ_k)$.

    A linear program in w and the plans, n (n_1 + … + n_k) variables, for HiGHS; a few hundred points take seconds.
    Nothing of what it says is believed: the bracket is proven from its dual and from exact distances. Ctrl-C leaves no
    partial result here; `max_seconds` does.

    Args:
        measures: Points (n_k, d) or (n_k,), tuples (points, weights), or `DiscreteMeasure`s, of one dimension.
        support: Points that may carry the mean, (n, d) or (n,).
        weights: How much each measure counts, λ, (k,); normalised to sum to one. None for equally much.
        p: Exponent, 1 ≤ p ≤ 64.
        metric: Name of the metric; see `otgan.wasserstein`.
        tol: Relative gap at which the result counts as converged.
        max_seconds: Seconds after which HiGHS stops; the masses then are equal ones, and the bracket is wide.
        max_memory: Bytes that it may take.

    Returns:
        The mean; `cost` is its $\sum_k λ_k W_p^p$, and `distance` the root of that.

    Raises:
        InvalidInputError: If an argument breaks a rule; the message names it and the fix.
        MemoryLimitError: If it would need more than `max_memory`; before anything is allocated.

    Source: Anderes, Borgwardt and Miller (2016), Discrete Wasserstein barycenters: optimal transport for discrete data,
    for barycenters of discrete measures as linear programs.

    >>> mean = fixed_support_barycenter([[0.0], [4.0]], [0.0, 1.0, 2.0, 3.0, 4.0])
    >>> mean.masses.round(9).tolist(), round(mean.cost, 9)
    ([0.0, 0.0, 1.0, 0.0, 0.0], 4.0)
    """
    started = time.perf_counter()
    read = read_measures(measures, weights, metric=metric)
    points = as_points("support", support).copy()
    limit = as_number("max_memory", max_memory, low=0, open_low=True)
    share = as_number("tol", tol, low=0)
    seconds = as_seconds("max_seconds", max_seconds)
    variables = len(points) * sum(len(part) for part in read.points)
    check_memory(BYTES_PER_VARIABLE * variables, limit, "the linear program")
    costs = [read.costs(points, k, metric=metric, p=p) for k in range(len(read))]
    with progress("the linear program"):
        masses, potentials = _solve_program(read, costs, seconds)
    status = Status.OPTIMAL
    if potentials is None:
        masses, potentials = np.full(len(points), 1 / len(points)), [np.zeros(len(part)) for part in read.points]
        status = Status.RESOURCE_LIMIT
    try:
        solutions = [solve_exactly(read.problem(costs[k], masses, k), max_memory=limit) for k in range(len(read))]
    except Interrupted:  # whose partial result is one distance, and no mean
        raise KeyboardInterrupt from None
    carried = [np.flatnonzero(read.raw_weights[k]) for k in range(len(read))]
    low = [lowered(c, c.block(slice(None), there)) for c, there in zip(costs, carried, strict=True)]
    below, f = lower_bound(
        low,
        [read.masses(k)[there] for k, there in enumerate(carried)],
        read.counts,
        [g[there] for g, there in zip(potentials, carried, strict=True)],
    )
    above = combined(solutions, read.counts).upper
    primal = math.fsum(count * solution.cost for count, solution in zip(read.counts, solutions, strict=True))
    result = Barycenter(
        points,
        masses,
        read.counts,
        costs[0].p,
        proven(below, above),
        primal,
        tuple(solution.plan for solution in solutions),
        tuple(potentials_from(c, start) for c, start in zip(costs, f, strict=True)),
        status,
        Stats("HiGHS", time.perf_counter() - started, 0.0, share),
    )
    rounded = status is Status.OPTIMAL and result.relative_gap > share
    return replace(result, status=Status.ROUNDING) if rounded else result


def _solve_program(
    read: Measures, costs: list[PointCosts], seconds: float
) -> tuple[FloatArray, list[FloatArray] | None]:
    """Masses on the support and potentials of the measures; None for these where HiGHS did not end well."""
    n = costs[0].shape[0]
    sizes = [len(part) for part in read.points]
    largest = max(c.scale for c in costs) or 1.0  # HiGHS's tolerances are absolute
    objective = [
        count * c.block(slice(None), slice(None)).ravel() / largest for c, count in zip(costs, read.counts, strict=True)
    ]
    # Per measure: what leaves the support is w, what arrives is the measure. Variables are plans by rows, then w.
    blocks: list[list[Any]] = []
    right = []
    for k, size in enumerate(sizes):
        leaves = sparse.kron(sparse.eye_array(n), np.ones((1, size)))
        arrives = sparse.kron(np.ones((1, n)), sparse.eye_array(size))
        for part, last in ((leaves, -sparse.eye_array(n)), (arrives, sparse.csr_array((size, n)))):
            row: list[Any] = [None] * len(sizes) + [last]
            row[k] = part
            blocks.append(row)
        right.append(np.concatenate([np.zeros(n), read.masses(k)]))
    options = {} if seconds == math.inf else {"time_limit": seconds}
    found = linprog(
        np.concatenate([*objective, np.zeros(n)]),
        A_eq=sparse.block_array(blocks, format="csc"),
        b_eq=np.concatenate(right),
        method="highs",
        options=options,
    )
    if found.x is None or not found.x[-n:].max() > 0:
        return np.empty(0), None
    masses = found.x[-n:].copy()
    masses[masses < NOISE * masses.max()] = 0.0
    potentials, at = [], 0
    for size, count in zip(sizes, read.counts, strict=True):
        prices = found.eqlin.marginals[at + n : at + n + size] * largest
        potentials.append(prices / count if count > NOISE else np.zeros(size))  # any are valid
        at += n + size
    return masses / masses.sum(), potentials
