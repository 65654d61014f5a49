"""Many small problems of one shape at once, in one compiled loop: for batches, where calls would take the longest.

Each problem takes the network simplex on its dense cost matrix, as in `dense`, to the end. There are no limits to look
at, and no certificate: the costs are those of an optimal basis, up to rounding.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled, in_parts, plain
from otgan.costs import PointCosts
from otgan.distances import fill
from otgan.solvers.dense import THRESHOLDS, row_pivots, serve, smallest
from otgan.solvers.spanning_tree import PARENT, linked, moved, rooted

#: Pairs of points below which a thread does not pay.
PART = 8_000
#: Pairs of points between two looks at Ctrl-C, some tenths of a second.
CHUNK = 2**22


class Batch(NamedTuple):
    """Plans and potentials of B problems; a plan has k = n + m − 1 arcs, some of which may carry nothing.

    Attributes:
        rows: Source index of each arc, (B, k).
        columns: Target index, (B, k).
        mass: Its mass, of a whole of one, (B, k).
        f: Potentials at the sources, (B, n), in units of the cost; with g feasible, also at points without mass.
        g: Potentials at the targets, (B, m).
        cost: Costs of the plans, (B,).
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    mass: FloatArray
    f: FloatArray
    g: FloatArray
    cost: FloatArray


def solve_batch(
    costs: PointCosts, shape: tuple[int, int, int], norm: int, a: NDArray[np.int64], b: NDArray[np.int64]
) -> Batch:
    """Solve B problems between n and m points exactly, up to rounding.

    Args:
        costs: The points of all problems, one problem after the other, (B·n, d) and (B·m, d).
        shape: B, n, m.
        norm: The metric, a constant of `distances`.
        a: Source masses, (B, n), or (1, n) where all problems share them; not negative.
        b: Target masses, (B, m) or (1, m); in each problem with the same sum as a.
    """
    count, n, m = shape
    scaled_x, scaled_y, exponent = costs.scaled
    x = plain(scaled_x.reshape(count, n, -1))
    columns = plain(scaled_y.reshape(count, m, -1).transpose(0, 2, 1))
    arcs = n + m - 1
    out = Batch(
        np.zeros((count, arcs), np.int64),
        np.zeros((count, arcs), np.int64),
        np.zeros((count, arcs)),
        np.empty((count, n)),
        np.empty((count, m)),
        np.zeros(count),
    )
    thresholds, unit = np.array(THRESHOLDS), 2.0**exponent
    a, b = plain(a), plain(b)
    step = max(1, CHUNK // (n * m))

    def solve_some(start: int, first: int, last: int) -> None:
        _solve(start + first, start + last, x, columns, norm, unit, costs.p, a, b, thresholds, *out)

    for start in range(0, count, step):
        in_parts(partial(solve_some, start), min(step, count - start), smallest=max(1, PART // (n * m)))
    return out


@compiled
def _solve(
    first: int,
    last: int,
    x: FloatArray,
    columns: FloatArray,
    norm: int,
    unit: float,
    p: float,
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    thresholds: FloatArray,
    rows: NDArray[np.int64],
    targets: NDArray[np.int64],
    mass: FloatArray,
    f: FloatArray,
    g: FloatArray,
    cost: FloatArray,
) -> None:
    n, m = x.shape[1], columns.shape[2]
    all_costs = np.empty((n, m))
    for t in range(first, last):
        fill(np.int64(0), n, x[t], columns[t], norm, all_costs)
        for i in range(n):
            for j in range(m):
                length = all_costs[i, j] * unit
                all_costs[i, j] = length if p == 1 else length * length if p == 2 else length**p
        of_a, of_b = a[t if len(a) > 1 else 0], b[t if len(b) > 1 else 0]
        here, there = np.flatnonzero(of_a), np.flatnonzero(of_b)
        costs = all_costs
        if len(here) < n or len(there) < m:  # points without mass take no part in the tree
            costs = np.empty((len(here), len(there)))
            for i in range(len(here)):
                for j in range(len(there)):
                    costs[i, j] = all_costs[here[i], there[j]]
        links, flow, height = _optimal_tree(costs, of_a[here], of_b[there], thresholds)
        total, made = float(of_a.sum()), 0
        for node in range(len(links)):
            up = links[node, PARENT]
            if up >= 0 and flow[node] > 0:
                i, j = min(node, up), max(node, up) - len(here)
                rows[t, made], targets[t, made], mass[t, made] = here[i], there[j], flow[node] / total
                cost[t] += mass[t, made] * costs[i, j]
                made += 1
        # Two transforms, as for any potentials: they bring in the points without mass.
        g[t] = np.inf
        for i in range(len(here)):
            for j in range(m):
                g[t, j] = min(g[t, j], all_costs[here[i], j] - height[i])
        for i in range(n):
            f[t, i] = smallest(all_costs[i], -g[t])


@compiled
def _optimal_tree(
    costs: FloatArray, a: NDArray[np.int64], b: NDArray[np.int64], thresholds: FloatArray
) -> tuple[NDArray[np.int32], NDArray[np.int64], FloatArray]:
    """Links, flow and heights of an optimal tree, in the order of nodes; see `spanning_tree`."""
    n, m = costs.shape
    least, most = np.full(m, np.inf), 0.0
    far = np.zeros(n)
    for i in range(n):
        for j in range(m):
            least[j] = min(least[j], costs[i, j])
            most = max(most, costs[i, j])
            far[i] -= costs[i, j]
    # NumPy's own sort takes seconds to compile here; this one is stable too, and quick for a few hundred.
    order = np.arange(n)
    for i in range(1, n):
        k = i
        while k > 0 and far[order[k - 1]] > far[i]:
            order[k] = order[k - 1]
            k -= 1
        order[k] = i
    tails, heads, flows, root = serve(costs, -least, 4 * (most + 1), order, a, b)
    preorder, parent, above = rooted(tails, heads, flows, root)
    place = np.empty(n + m, np.int64)
    for k in range(n + m):  # as index arrays these would take seconds to compile
        place[preorder[k]] = k
    flow, height = np.empty(n + m, np.int64), np.zeros(n + m)
    for k in range(n + m):
        flow[k] = above[preorder[place[k]]]
    links = moved(linked(preorder, parent, n), place)
    for share in thresholds:
        at = idle = np.int64(0)  # a literal would have the search compiled once more
        while idle < n:
            _, at, idle = row_pivots(links, flow, height, costs, share * most, at, idle, 2**62)
    return links, flow, height
