r"""A mean whose points may lie anywhere: exact plans and means of places in turn, which ends in a local minimum.

What no mean can do better is known all the same. Glue the plans of a mean to the measures together, so that a place z
of it comes with a place x_k of each measure. For weights λ with the sum one, and any z,
$\sum_k λ_k \|x_k - z\|^2 ≥ \sum_{k<l} λ_k λ_l \|x_k - x_l\|^2$, and the right-hand side costs at least
$\sum_{k<l} λ_k λ_l W_2^2(μ_k, μ_l)$, which exact distances prove. On the line, and for two measures, a mean attains it.
"""

from __future__ import annotations

import math
import time
from itertools import combinations
from typing import Any

import numpy as np

from otgan.barycenters.bounds import combined, proven, solve_exactly
from otgan.barycenters.inputs import Measures, read_measures
from otgan.barycenters.results import FreeSupportBarycenter
from otgan.checks import FloatArray, as_count, as_generator, as_number
from otgan.costs import point_costs
from otgan.errors import Interrupted
from otgan.exact import down
from otgan.masses import WeightMasses
from otgan.metrics import UNIT
from otgan.problem import OTProblem
from otgan.progress import progress
from otgan.solution import OTSolution, Stats, Status
from otgan.solve import MAX_MEMORY


def free_support_barycenter(
    measures: Any,
    *,
    n_points: int,
    rng: np.random.Generator,
    weights: Any = None,
    tol: float = 1e-9,
    max_iter: int = 100,
    max_memory: float = MAX_MEMORY,
) -> FreeSupportBarycenter:
    r"""A mean on points of equal mass that may lie anywhere: a *local* minimum of $\sum_k λ_k W_2^2(ν, μ_k)$.

    From points of the measures, drawn at random, the exact plans to all measures and then the mean of the places to
    which each point is sent are found in turn. No step raises the cost, and none need reach the smallest one: try
    several generators and keep the best. How far it may be from the best of all is bracketed.

    Args:
        measures: Points (n_k, d) or (n_k,), tuples (points, weights), or `DiscreteMeasure`s, of one dimension.
        n_points: Number of points of the mean.
        rng: Source of randomness, for the start.
        weights: How much each measure counts, λ, (k,); normalised to sum to one. None for equally much.
        tol: Share of the cost that a step must gain for another one to follow.
        max_iter: Steps after which it stops.
        max_memory: Bytes that each solve may take.

    Returns:
        The mean, with status `LOCAL`. `objective` brackets its own cost, and `cost_bounds`, with `lower_bound` and
        `upper_bound`, the smallest cost of all measures whatever.

    Raises:
        InvalidInputError: If an argument breaks a rule; the message names it and the fix.
        Interrupted: After Ctrl-C; its `partial` is the mean so far.
        MemoryLimitError: If a solve would need more than `max_memory`.

    Source: Cuturi and Doucet (2014), Fast Computation of Wasserstein Barycenters, with exact plans in place of smoothed
    ones; Agueh and Carlier (2011), Barycenters in the Wasserstein space, for the cost as that of a plan between all
    measures.

    >>> rng = np.random.default_rng(0)
    >>> mean = free_support_barycenter([[0.0, 1.0], [4.0, 7.0]], n_points=2, rng=rng)
    >>> sorted(mean.points.ravel().round(9).tolist()), round(mean.cost, 9)
    ([2.0, 4.0], 6.5)
    """
    started = time.perf_counter()
    read = read_measures(measures, weights, metric="euclidean")
    size = as_count("n_points", n_points)
    points = _start(read, size, as_generator("rng", rng))
    share = as_number("tol", tol, low=0)
    steps = as_count("max_iter", max_iter)
    limit = as_number("max_memory", max_memory, low=0, open_low=True)
    solutions: list[OTSolution] = []
    below, status, done = 0.0, Status.ITERATION_LIMIT, 0
    try:
        with progress("moving the points") as show:
            solutions = _plans(read, points, limit)
            for _ in range(steps):
                moved = _means(read, points, solutions)
                again = _plans(read, moved, limit)
                before, after = (_cost(read, found) for found in (solutions, again))
                if after < before:
                    points, solutions, done = moved, again, done + 1
                    show(f"step {done}, cost {after:.6g}")
                if after >= before * (1 - share):
                    status = Status.LOCAL
                    break
            show("proving what no mean can do better")
            below = _lower_bound(read, limit)
    except Interrupted:
        if not solutions:
            raise KeyboardInterrupt from None
        status = Status.INTERRUPTED
    objective = combined(solutions, read.counts)
    result = FreeSupportBarycenter(
        points,
        np.full(size, 1 / size),
        read.counts,
        2.0,
        proven(below, objective.upper),
        _cost(read, solutions),
        tuple(solution.plan for solution in solutions),
        tuple(solution.potentials for solution in solutions),
        status,
        Stats("alternation", time.perf_counter() - started, 0.0, share),
        objective,
        done,
    )
    if status is Status.INTERRUPTED:
        raise Interrupted("the mean", result)
    return result


def _start(read: Measures, size: int, rng: np.random.Generator) -> FloatArray:
    """Points of the measures, each measure's as often as it counts."""
    places = np.concatenate(read.points)
    share: FloatArray = np.concatenate([read.counts[k] * read.masses(k) for k in range(len(read))])
    repeated = size > np.count_nonzero(share)  # points that coincide at the start may part later, but need not
    return np.asarray(places[rng.choice(len(places), size, bool(repeated), p=share / share.sum())])


def _plans(read: Measures, points: FloatArray, limit: float) -> list[OTSolution]:
    """Exact transport from the points, with equal masses, to each measure."""
    equal = np.broadcast_to(1.0, len(points))
    costs = (read.costs(points, k, metric="euclidean", p=2.0) for k in range(len(read)))
    return [solve_exactly(read.problem(c, equal, k), max_memory=limit) for k, c in enumerate(costs)]


def _means(read: Measures, points: FloatArray, solutions: list[OTSolution]) -> FloatArray:
    """For each point the mean of the places to which it is sent, which minimises the cost of these plans."""
    sent = (count * solution.barycentric_map() for count, solution in zip(read.counts, solutions, strict=True))
    return np.asarray(sum(sent, np.zeros_like(points)))


def _cost(read: Measures, solutions: list[OTSolution]) -> float:
    return math.fsum(count * solution.cost for count, solution in zip(read.counts, solutions, strict=True))


def _lower_bound(read: Measures, limit: float) -> float:
    """What no mean can cost less than, from the distances between the measures."""
    terms = []
    for k, other in combinations(range(len(read)), 2):
        costs = point_costs(read.points[k], read.points[other], p=2.0)
        problem = OTProblem(costs, WeightMasses(read.raw_weights[k], read.raw_weights[other]))
        found = solve_exactly(problem, max_memory=limit)
        terms.append(read.counts[k] * read.counts[other] * found.certificate.cost.lower)
    # The weights have the sum one to a rounding each.
    return max(0.0, down(math.fsum(terms) * (1 - 4 * (len(read) + 4) * UNIT)))
