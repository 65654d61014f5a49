r"""Gromov-Wasserstein: how far two samples are from being the same shape, wherever they lie. POT descends; we bracket.

$GW_2^2 = \min_π \sum_{ijkl} |d(x_i, x_k) - d(y_j, y_l)|^2 π_{ij} π_{kl}$ over couplings π. The problem is not convex: a
descent ends in a local minimum, whose cost is an upper bound and no more. From below, the laws of the distances within
either sample are compared on the line.

Source: Mémoli (2011), Gromov-Wasserstein distances and the metric approach to object matching (the distance, up to a
factor of convention, and lower bounds from invariants of either shape); the descent is that of POT (Flamary et al.
2021, POT: Python Optimal Transport).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from otgan.checks import FloatArray, as_count, as_number, as_seconds
from otgan.compiled import compilations, compiled
from otgan.costs import PointCosts, check_memory, point_costs
from otgan.coupling import Arcs, exact_coupling, marginal_violation
from otgan.errors import Interrupted, InvalidValueError, NotProvidedError
from otgan.exact import down, root, two_sum, up
from otgan.interrupts import interrupts
from otgan.interval import Interval
from otgan.line import line_cost, line_masses, quantile_coupling
from otgan.masses import Masses, WeightMasses
from otgan.metrics import UNIT
from otgan.problem import read_side
from otgan.progress import progress
from otgan.solution import Bracketed, Stats, Status
from otgan.solve import COMPILING, MAX_MEMORY

#: Bytes for each pair of points: two matrices of distances, the laws of the distances in order, and POT's own matrices.
BYTES_PER_PAIR = 128


@dataclass(frozen=True, eq=False)
class GromovSolution(Bracketed):
    """A coupling of two shapes, at a local minimum, with a bracket of the global one.

    Attributes:
        a: Source weights, (n,), summing to one.
        b: Target weights, (m,).
        masses: The two measures exactly.
        coupling: Source indices, target indices and integer masses over masses.total, with exactly the right marginals.
        status: How the descent ended; OPTIMAL where the bracket is as narrow as asked.
        cost_bounds: Proven interval of GW_2^2, in units of length^2.
        primal_cost: The coupling's cost.
        stats: How it came about.
    """

    a: FloatArray
    b: FloatArray
    masses: Masses
    coupling: Arcs
    status: Status
    cost_bounds: Interval
    primal_cost: float
    stats: Stats

    p = 2.0

    @cached_property
    def plan(self) -> csr_array:
        """The coupling, (n, m), sparse."""
        rows, columns, mass = self.matched_pairs()
        return csr_array((mass, (rows, columns)), shape=(len(self.a), len(self.b)))

    def matched_pairs(self) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
        """The arcs of the plan: source indices, target indices and masses, each (k,)."""
        rows, columns, flow = self.coupling
        return rows, columns, self.masses.floats(flow)

    @property
    def potentials(self) -> Any:
        """Not provided.

        Raises:
            NotProvidedError: Always.
        """
        raise NotProvidedError(
            "Gromov-Wasserstein is no linear program and has no dual potentials; for samples in one space "
            "otgan.wasserstein has them"
        )


def gromov_wasserstein(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    metric: str = "euclidean",
    tol: float = 1e-6,
    max_iter: int = 10_000,
    max_seconds: float = math.inf,
    max_memory: float = MAX_MEMORY,
) -> GromovSolution:
    r"""Gromov-Wasserstein between two weighted samples, which need not lie in one space.

    $GW_2 = \left(\min_π \sum_{ijkl} |d(x_i, x_k) - d(y_j, y_l)|^2 π_{ij} π_{kl}\right)^{1/2}$; it is 0
    exactly where some isometry brings the samples together. Two descents are made, from the product coupling and from
    the coupling of points by their mean distance to all others; the better end is kept, a **local** minimum.

    Args:
        x: Source points, (n, d) or (n,), or a `DiscreteMeasure`.
        y: Target points, (m, e) or (m,), in any dimension, or a `DiscreteMeasure`.
        a: Source weights, (n,); None for equal ones.
        b: Target weights, (m,); None for equal ones.
        metric: Name of the metric within either sample; see `otgan.wasserstein`.
        tol: Relative gap at which the bracket counts as closed, and the local minimum as the global one.
        max_iter: Iterations after which a descent stops.
        max_seconds: Seconds after which no further iteration begins; one is always made. The bracket from the coupling
            found by then holds.
        max_memory: Bytes that the distances may take, which grow as n² + m² + nm.

    Returns:
        The solution: `distance` in units of length is that of the coupling found, and `upper_bound`, up to rounding;
        `lower_bound` is proven, and mostly lies below the true one as well.

    Raises:
        InvalidInputError: If an argument breaks a rule.
        Interrupted: After Ctrl-C, when the descent at hand has ended; its `partial` is the solution from it.
        MemoryLimitError: If the distances would need more than `max_memory`.

    Source: Mémoli (2011), Gromov-Wasserstein distances and the metric approach to object matching.

    >>> shape = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    >>> gromov_wasserstein(shape, shape[:, ::-1] + 7.0).upper_bound < 1e-12  # mirrored and moved: the same shape
    True
    """
    started = time.perf_counter()
    source, raw_a = read_side("x", x, "a", a)
    target, raw_b = read_side("y", y, "b", b)
    tol = as_number("tol", tol, low=0)
    max_iter = as_count("max_iter", max_iter, high=10**9)
    deadline = started + as_seconds("max_seconds", max_seconds)
    max_memory = as_number("max_memory", max_memory, low=0, open_low=True)
    n, m = len(source), len(target)
    check_memory(BYTES_PER_PAIR * (n * n + m * m + n * m), max_memory, "Gromov-Wasserstein")
    one, other = _Shape(source, raw_a, metric), _Shape(target, raw_b, metric)
    masses = WeightMasses(raw_a, raw_b)
    span = max(one.span, other.span)
    if span and not 1e-125 < span < 1e125:
        raise InvalidValueError(
            "x and y",
            "have a largest distance whose square fits float64 (1e-125 to 1e125)",
            f"{span:g}",
            "change the unit of length of both; GW_2 changes with it in proportion",
        )
    off = one.error + other.error
    ends = []
    with progress("descending") as show, compilations(lambda: show(COMPILING)), interrupts() as interrupted:
        lower = max(0.0, root(_lower_cost(one, other), 2, -1) - off)
        starts = _starts(one, other)
        for start in starts:
            ends.append(_descended(one, other, masses, start, max_iter, deadline))
            if interrupted() or time.perf_counter() > deadline:
                break
    late = len(ends) < len(starts) or Status.RESOURCE_LIMIT in [end[3] for end in ends]
    cost, coupling, violation, status = min(ends, key=lambda end: end[0])
    # Terms of the sum are not negative: differences, squares and masses round seven times, a row's sum once a term.
    share = (len(coupling[0]) + 16) * UNIT
    upper = math.sqrt(cost) * (1 + share) * (1 + 4 * UNIT) + off
    bounds = Interval(max(0.0, down(lower * lower)), up(upper * upper) if upper else 0.0)
    closed = Interval(lower, upper).relative_width <= tol
    if closed:
        status = Status.OPTIMAL
    elif interrupted():
        status = Status.INTERRUPTED
    elif late:
        status = Status.RESOURCE_LIMIT
    stats = Stats("POT conditional gradient", time.perf_counter() - started, violation, tol)
    solution = GromovSolution(
        masses.floats(masses.a), masses.floats(masses.b), masses, coupling, status, bounds, cost, stats
    )
    if interrupted():
        raise Interrupted("the solution", solution)
    return solution


class _Shape:
    """A sample as Gromov-Wasserstein sees it: distances between the points that carry mass, and their weights.

    Args:
        points: Points, (n, d).
        weights: Weights as given, (n,).
        metric: Name of the metric.
    """

    def __init__(self, points: FloatArray, weights: FloatArray, metric: str) -> None:
        self.carrying = np.flatnonzero(weights > 0)
        costs: PointCosts = point_costs(points[self.carrying], points[self.carrying], metric=metric)
        self.distances = costs.block(slice(None), slice(None))
        # Pairs at the same point are at 0, whatever the metric's rounding there.
        np.fill_diagonal(self.distances, 0.0)
        self.span = float(self.distances.max())
        self.error = 2 * (costs.relative_error * self.span + costs.absolute_error)
        kept = weights[self.carrying]
        self.equal = bool((kept == kept[0]).all())
        self.weights = kept / kept.max()

    @property
    def shares(self) -> FloatArray:
        """Weights that sum to one up to rounding."""
        return self.weights / self.weights.sum()

    @property
    def law(self) -> tuple[FloatArray, FloatArray]:
        """All distances and the weights of their pairs, (n²,)."""
        n = len(self.weights)
        pairs = np.broadcast_to(1.0, n * n) if self.equal else np.outer(self.weights, self.weights).ravel()
        return self.distances.ravel(), pairs


def _lower_cost(one: _Shape, other: _Shape) -> float:
    """W_2^2 on the line between the laws of the distances: any π ⊗ π is a coupling of them, at the cost in question."""
    (here, a), (there, b) = one.law, other.law
    found = line_cost(here, there, line_masses(a, b), 2.0)
    # A product of weights rounds by u, and so does their sum; mass that differs moves by the larger span at most.
    moved = 0.0 if one.equal and other.equal else 16 * UNIT * max(one.span, other.span) ** 2
    return max(0.0, found.interval.lower - moved)


def _starts(one: _Shape, other: _Shape) -> list[FloatArray]:
    """The product coupling, and the coupling in the order of mean distances to all other points."""
    here, there = one.distances @ one.shares, other.distances @ other.shares
    paired = quantile_coupling(here, there, line_masses(one.weights, other.weights))
    ordered = np.zeros((len(one.weights), len(other.weights)))
    np.add.at(ordered, (paired.rows, paired.columns), paired.mass)
    return [np.outer(one.shares, other.shares), ordered]


def _descended(
    one: _Shape, other: _Shape, masses: Masses, start: FloatArray, max_iter: int, deadline: float
) -> tuple[float, Arcs, float, Status]:
    """Where POT's descent ends: cost, exact coupling, marginal violation, and how it ended."""
    plan, status = _descent(one, other, start, max_iter, deadline)
    rows, columns = np.nonzero(plan > 0)
    arcs = one.carrying[rows], other.carrying[columns], np.asarray(plan[rows, columns], dtype=np.float64)
    coupling = exact_coupling(*arcs, masses)
    # Indices among the points that carry mass, by which the distances are kept.
    i, j = np.searchsorted(one.carrying, coupling[0]), np.searchsorted(other.carrying, coupling[1])
    cost = _distortion(i, j, masses.floats(coupling[2]), one.distances, other.distances)
    return float(cost), coupling, marginal_violation(*arcs, masses), status


def _descent(
    one: _Shape, other: _Shape, start: FloatArray, max_iter: int, deadline: float
) -> tuple[FloatArray, Status]:
    """The plan at the end of POT's descent, or where it stands when iterations or time run out.

    An iteration knows of those before it by the plan alone, so a descent can be made in pieces, each of as many as the
    time that is left allows at the pace so far.
    """
    import ot.gromov

    plan, done, began = start, 0, time.perf_counter()
    piece = max_iter if deadline == math.inf else 1
    while True:
        plan, log = ot.gromov.gromov_wasserstein(
            one.distances, other.distances, one.shares, other.shares, "square_loss", G0=plan, max_iter=piece,
            symmetric=True, log=True, tol_rel=1e-12, tol_abs=0.0,
        )  # fmt: skip
        made = len(log["loss"]) - 1  # the first loss is that of the start
        done += made
        if made < piece:
            return plan, Status.LOCAL
        if done == max_iter:
            return plan, Status.ITERATION_LIMIT
        now = time.perf_counter()
        piece = int(min(max_iter - done, max(0.0, deadline - now) / (now - began) * done))
        if not piece:
            return plan, Status.RESOURCE_LIMIT


@compiled
def _distortion(
    rows: NDArray[np.intp], columns: NDArray[np.intp], mass: FloatArray, here: FloatArray, there: FloatArray
) -> float:
    """Sum over pairs of arcs of the squared difference of distances; nothing cancels."""
    value, rest = 0.0, 0.0
    for r in range(len(rows)):
        line = 0.0
        for s in range(len(rows)):
            gap = here[rows[r], rows[s]] - there[columns[r], columns[s]]
            line += mass[s] * (gap * gap)
        value, lost = two_sum(value, mass[r] * line)
        rest += lost
    return value + rest
