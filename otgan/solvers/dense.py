"""The network simplex on a dense cost matrix: for small problems, many dimensions, and costs that come as a matrix."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled
from otgan.costs import Costs, check_memory, coordinate_bytes
from otgan.masses import Masses, whole_masses
from otgan.problem import OTProblem
from otgan.progress import Show
from otgan.solution import Status
from otgan.solvers.limits import Limits, StopHere
from otgan.solvers.raw import RawSolution
from otgan.solvers.spanning_tree import PARENT, Tree, climb_tree, moved, pivot, tree_of_edges

#: Entries of the matrix, and nodes of the tree, that are looked at between two looks at the limits, which takes some
#: hundredths of a second.
ENTRIES = 20_000_000
#: Sweeps' worth of entries between two looks at the gap, which is one sweep itself.
SWEEPS = 10
#: Targets that a source serves at the start by looking through its row for each; the others it has sorted.
SEARCHED = 8
#: Seconds that the certificate takes, as a multiple of those for the matrix.
PROOF = 3
#: Bytes per pair at the peak: the costs and what computes them.
BYTES_PER_PAIR = 24
#: Thresholds of reduced costs, as shares of the largest cost. Heights are rounded to about 1e-16 of that, and summed
#: anew between one threshold and the next.
THRESHOLDS = (1e-12, 1e-14, 1e-15)


def bytes_needed(costs: Costs) -> int:
    """Bytes that `solve_dense` takes at its peak."""
    n, m = costs.shape
    return BYTES_PER_PAIR * n * m + coordinate_bytes(costs)


def solve_dense(problem: OTProblem, limits: Limits, show: Show = lambda text: None) -> RawSolution:
    """Solve the transport problem exactly, up to rounding, with the cost matrix in memory.

    A pivot takes the best arc of the next source that has one: a row of the matrix is looked through at the speed of
    the processor's vector unit. For the rest, and why it ends, see `spanning_tree`.

    Args:
        problem: The problem; only points with mass take part.
        limits: Where to stop. A solution is returned all the same.
        show: Is told now and then how far it is.

    Raises:
        MemoryLimitError: If the matrix does not fit.
    """
    masses = problem.masses
    rows, columns = np.flatnonzero(masses.a > 0), np.flatnonzero(masses.b > 0)
    n, m = len(rows), len(columns)
    check_memory(bytes_needed(problem.costs), limits.max_memory, "the network simplex on the dense cost matrix")
    started = time.perf_counter()
    costs = problem.costs.block(rows, columns)
    reserve = PROOF * (time.perf_counter() - started)
    a, b = whole_masses(Masses(masses.a[rows], masses.b[columns], masses.total))
    tree = _row_minima(costs, a, b)
    place = tree.place.astype(np.int64)  # a node's place is its number from here on
    links, flow, height = moved(tree.links, place), tree.flow[place], np.zeros(n + m)
    largest, left, status, entries = costs.max(), limits.max_iter, Status.OPTIMAL, 0
    try:
        for share in THRESHOLDS:
            at = idle = 0
            while True:
                done, at, idle = row_pivots(links, flow, height, costs, share * largest, at, idle, left)
                left -= done
                if idle >= n:
                    break
                if left == 0:
                    raise StopHere(Status.ITERATION_LIMIT)
                limits.look(reserve=reserve)
                entries += ENTRIES
                if entries < SWEEPS * n * m:
                    continue
                entries = 0
                gap = _relative_gap(costs, height, a, b)
                show(f"relative gap {gap:.1e}")
                if gap <= limits.tol / 2:
                    raise StopHere(Status.OPTIMAL)
    except StopHere as stop:
        status = stop.status
    child = np.flatnonzero((links[:, PARENT] >= 0) & (flow > 0))
    parent = links[child, PARENT]
    f = np.full(problem.shape[0], -np.inf)
    f[rows] = _feasible(costs, height)
    return RawSolution(
        rows[np.minimum(child, parent)],
        columns[np.maximum(child, parent) - n],
        flow[child] / int(a.sum()),
        f,
        status,
        "dense",
    )


def _relative_gap(costs: FloatArray, height: FloatArray, a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """How far the flow's cost, by complementary slackness that of the heights, lies above what they prove."""
    n, total = len(a), float(a.sum())
    given = (b / total) @ height[n:]
    primal, dual = ((a / total) @ f - given for f in (height[:n], _feasible(costs, height)))
    return float((primal - dual) / primal) if primal > 0 else 0.0


@compiled(fastmath={"nnan", "ninf", "nsz"})
def smallest(costs: FloatArray, heights: FloatArray) -> float:
    """The smallest sum of a cost and a height, none of them infinite."""
    best = costs[0] + heights[0]  # no infinity here, by the liberties taken
    for j in range(1, len(costs)):
        best = min(best, costs[j] + heights[j])
    return best


@compiled
def _first_at(costs: FloatArray, heights: FloatArray, value: float) -> int:
    """The first place with a sum no larger than the value."""
    j = 0
    while costs[j] + heights[j] > value:
        j += 1
    return j


@compiled
def _feasible(costs: FloatArray, height: FloatArray) -> FloatArray:
    """The largest potential at the sources that the targets' heights leave feasible, where it is below their own."""
    n = len(costs)
    f = np.empty(n)
    for i in range(n):
        f[i] = min(height[i], smallest(costs[i], height[n:]))
    return f


def _row_minima(costs: FloatArray, a: NDArray[np.int64], b: NDArray[np.int64]) -> Tree:
    """The tree of a row minimum rule: source by source, the cheapest target that has room is served.

    Costs count by how far they lie above the smallest cost of their target, and sources that are far from all come
    first, while there is choice.
    """
    far_first = np.argsort(-costs.sum(axis=1), kind="stable")
    tails, heads, flows, root = serve(costs, -costs.min(axis=0), 4 * (costs.max() + 1), far_first, a, b)
    return tree_of_edges(tails, heads, flows, sources=len(a), root=root)


@compiled
def serve(
    costs: FloatArray,
    offset: FloatArray,
    closed: float,
    order: NDArray[np.int64],
    a: NDArray[np.int64],
    b: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int]:
    """Arcs of the tree, and its root: the last target to have room.

    To the costs of a target its offset is added, and `closed`, more than any difference, once it is full. A source
    hangs from the last target that it serves, a target from the source that fills it. The tree is strongly feasible: a
    source that has nothing left when it fills a target serves another one with nothing, on an arc that points to the
    root, as there is room as long as a source is left.
    """
    n, m = costs.shape
    tails, heads, flows = np.empty(n + m - 1, np.int64), np.empty(n + m - 1, np.int64), np.empty(n + m - 1, np.int64)
    room, open_targets, made, last = b.copy(), m, 0, 0
    for i in order:
        left, served = a[i], 0
        while True:
            if served < SEARCHED:
                last = _first_at(costs[i], offset, smallest(costs[i], offset))
            else:
                if served == SEARCHED:
                    in_order = np.argsort(costs[i] + offset)
                last = in_order[served - SEARCHED]
            served += 1
            fills = left >= room[last] and open_targets > 1
            amount = room[last] if fills else left
            tails[made], heads[made], flows[made] = i, n + last, amount
            made += 1
            left -= amount
            if not fills:
                room[last] -= amount
                break
            offset[last] += closed
            open_targets -= 1
    return tails, heads, flows, n + last


@compiled
def row_pivots(
    links: NDArray[np.int32],
    flow: NDArray[np.int64],
    height: FloatArray,
    costs: FloatArray,
    threshold: float,
    start: int,
    idle: int,
    most: int,
) -> tuple[int, int, int]:
    """Sum the heights anew, then pivot until no arc has a reduced cost below −threshold, or it is time for a look.

    Args:
        links: See `Tree`; it, flow and height change in place.
        flow: See `Tree`.
        height: See `Tree`.
        costs: (n, m).
        threshold: Not negative.
        start: The row to begin with.
        idle: Rows before it in which there was no such arc since the last pivot; with all n of them it ends.
        most: Number of pivots at most.

    Returns:
        The number of pivots, the row to go on with, and the idle ones before it.
    """
    n, m = costs.shape
    root = 0
    step = np.zeros(n + m)
    for node in range(n + m):
        up = links[node, PARENT]
        if up < 0:
            root = node
        else:
            step[node] = costs[min(node, up), max(node, up) - n]
    climb_tree(links, root, step, height)
    i, done, looked = start, 0, 0
    while looked < ENTRIES and idle < n and done < most:
        looked += m
        best = smallest(costs[i], height[n:])
        reduced = best - height[i]
        if reduced < -threshold:
            pivot(links, flow, height, i, n + _first_at(costs[i], height[n:], best), reduced)
            looked += n + m  # at the most; a row of few columns costs far less, and there may be many rows
            done += 1
            idle = 0
        else:
            idle += 1
        i = i + 1 if i < n - 1 else 0
    return done, i, idle
