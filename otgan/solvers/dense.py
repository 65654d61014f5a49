"""The network simplex on a dense cost matrix: for small problems, and for costs that come as a matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled
from otgan.costs import check_memory
from otgan.masses import Masses, whole_masses
from otgan.problem import OTProblem
from otgan.solution import Status
from otgan.solvers.limits import Limits, StopHere
from otgan.solvers.raw import RawSolution
from otgan.solvers.spanning_tree import PARENT, climb_tree, linked, moved, pivot

#: Entries of the matrix that are looked at between two looks at the limits: some hundredths of a second.
ENTRIES = 20_000_000
#: Bytes per pair at the peak: the costs and what computes them.
BYTES_PER_PAIR = 24
#: Thresholds of reduced costs, as shares of the largest cost. Heights are rounded to about 1e-16 of that, and summed
#: anew between one threshold and the next.
THRESHOLDS = (1e-12, 1e-14, 1e-15)


def solve_dense(problem: OTProblem, limits: Limits) -> RawSolution:
    """Solve the transport problem exactly, up to rounding, with the cost matrix in memory.

    A pivot takes the best arc of the next source that has one: a row of the matrix is looked through at the speed of
    the processor's vector unit. For the rest, and why it ends, see `spanning_tree`.

    Args:
        problem: The problem; only points with mass take part.
        limits: Where to stop. A solution is returned all the same.

    Raises:
        MemoryLimitError: If the matrix does not fit.
    """
    masses = problem.masses
    rows, columns = np.flatnonzero(masses.a > 0), np.flatnonzero(masses.b > 0)
    n, m = len(rows), len(columns)
    check_memory(BYTES_PER_PAIR * n * m, limits.max_memory, "the network simplex on the dense cost matrix")
    costs = problem.costs.block(rows, columns)
    a, b = whole_masses(Masses(masses.a[rows], masses.b[columns], masses.total))
    links, flow, height = _northwest(*_directions(costs), a, b)
    largest, left, status = costs.max(), limits.max_iter, Status.OPTIMAL
    try:
        for share in THRESHOLDS:
            at = idle = 0
            while True:
                done, at, idle = _pivots(links, flow, height, costs, share * largest, at, idle, left)
                if idle >= n:
                    break
                left -= done
                if left == 0:
                    raise StopHere(Status.ITERATION_LIMIT)
                limits.look()
    except StopHere as stop:
        status = stop.status
    child = np.flatnonzero((links[:, PARENT] >= 0) & (flow > 0))
    parent = links[child, PARENT]
    f = np.full(problem.shape[0], -np.inf)
    f[rows] = height[:n]
    return RawSolution(
        rows[np.minimum(child, parent)],
        columns[np.maximum(child, parent) - n],
        flow[child] / int(a.sum()),
        f,
        status,
        "dense",
    )


def _directions(costs: FloatArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Sources and targets in the order of a common direction, as far as a matrix knows of one.

    Sources by their cost to the first target; targets by their cost to the source that is furthest from that, the other
    way round; far-apart objects as axes are the idea of FastMap (Faloutsos and Lin 1995).
    """
    near = costs[:, 0]
    return np.argsort(near), np.argsort(-costs[near.argmax()])


@compiled
def _northwest(
    order_x: NDArray[np.intp], order_y: NDArray[np.intp], a: NDArray[np.int64], b: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64], FloatArray]:
    """The tree of the north-west corner rule, with places numbered as nodes, and its flow; heights are left at zero.

    It is strongly feasible: where a source and a target are used up together, the source serves the next target, with
    nothing, on an arc that points on to the root, which is the last target.
    """
    n, m = len(a), len(b)
    size = n + m
    order, parent, flow = np.empty(size, np.int64), np.full(size, -1), np.zeros(size, np.int64)
    i, j = 0, 0
    left, room = a[order_x[0]], b[order_y[0]]
    # The last to come is the first in preorder.
    for t in range(size - 1, 0, -1):
        source, target = order_x[i], n + order_y[j]
        if (left < room and i < n - 1) or j == m - 1:
            order[t], parent[source], flow[source] = source, target, left
            room -= left
            i += 1
            left = a[order_x[i]] if i < n else 0
        else:
            order[t], parent[target], flow[target] = target, source, room
            left -= room
            j += 1
            room = b[order_y[j]]
    order[0] = n + order_y[m - 1]
    links = linked(order, parent, n)
    place = np.empty(size, np.int64)
    for t in range(size):
        place[order[t]] = t
    return moved(links, place), flow, np.zeros(size)


@compiled(fastmath={"nnan", "ninf", "nsz"})
def _smallest(costs: FloatArray, heights: FloatArray) -> float:
    best = costs[0] + heights[0]  # no infinity here, by the liberties taken
    for j in range(1, len(costs)):
        best = min(best, costs[j] + heights[j])
    return best


@compiled
def _pivots(
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
    i, done = start, 0
    for _ in range(max(1, ENTRIES // m)):
        if idle >= n or done == most:
            break
        reduced = _smallest(costs[i], height[n:]) - height[i]
        if reduced < -threshold:
            j = 0
            while costs[i, j] + height[n + j] - height[i] > reduced:
                j += 1
            pivot(links, flow, height, i, n + j, reduced)
            done += 1
            idle = 0
        else:
            idle += 1
        i = i + 1 if i < n - 1 else 0
    return done, i, idle
