r"""The network simplex on a spanning tree of the transport graph.

A basis of the transport problem is a spanning tree of source and target nodes. Each node but the root keeps the flow
on the arc to its parent, and each node a height h, the potential f at a source and −g at a target, such that
$h_i - h_j = c_{ij}$ on the arcs of the tree. A pivot takes in an arc whose reduced cost $c_{ij} - h_i + h_j$ is
negative, sends flow around the cycle that it closes, and takes out an arc of the cycle that runs empty.

It terminates: trees are kept *strongly feasible*, which means that every arc without flow points to the root. Of the
arcs that run empty first the last one along the cycle leaves, seen from the cycle's node nearest to the root in the
direction of the entering arc, and this keeps trees strongly feasible. If a pivot moves flow, the cost falls. If it
moves none, an arc without flow leaves that runs against the cycle; it points to the root, so it lies on the path of the
entering arc's source, and the part of the tree that is shifted, by the reduced cost, is lowered. So (cost, sum of
heights) falls lexicographically, and no tree comes back (Ahuja, Magnanti and Orlin 1993, Network Flows). Flows are
integers and exact; reduced costs count as negative below a threshold that is larger than their rounding errors.

Nodes are held in preorder by a doubly linked list, so that a subtree is a stretch of it; subtrees know their size and
last node.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled

#: Columns of a tree's links: parent, next and previous node in preorder, last node of the subtree, the subtree's
#: size, and whether the node is a source. One row is read at a time, so they lie side by side.
PARENT, NEXT, BEFORE, LAST, SIZE, SOURCE = range(6)
_LARGEST = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Tree:
    """A basis: a spanning tree with its flow and heights, which pivots change in place.

    Attributes:
        links: (N, 6), int32; see `PARENT` and the following.
        flow: Flow between a node and its parent, (N,), integers.
        height: (N,), in units of the cost.
        node: The node in each place, (N,); sources come first among nodes, and places are in any order.
        root: The root's place.
    """

    links: NDArray[np.int32]
    flow: NDArray[np.int64]
    height: FloatArray
    node: NDArray[np.int64]
    root: int

    @cached_property
    def place(self) -> NDArray[np.int32]:
        """The place of each node, (N,)."""
        place = np.empty(len(self.node), np.int32)
        place[self.node] = np.arange(len(self.node), dtype=np.int32)
        return place

    def heights(self) -> FloatArray:
        """The height of each node, (N,)."""
        return self.height[self.place]

    def in_preorder(self) -> Tree:
        """The same tree with its places in preorder, where subtrees lie together in memory."""
        order = _preorder(self.links, self.root)
        return Tree(moved(self.links, order), self.flow[order], self.height[order], self.node[order], 0)

    def arcs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Source node, target node and flow of every arc of the tree, (N − 1,) each."""
        child = np.flatnonzero(self.links[:, PARENT] >= 0)
        ends = self.node[child], self.node[self.links[child, PARENT]]
        from_source = self.links[child, SOURCE] == 1
        return np.where(from_source, *ends), np.where(from_source, *ends[::-1]), self.flow[child]

    def climb(self, costs: FloatArray) -> None:
        """Sum the heights anew from the root, which takes away the rounding errors that pivots gather.

        Args:
            costs: Costs of the arcs, in the order of `arcs`.
        """
        step = np.zeros(len(self.node))
        step[self.links[:, PARENT] >= 0] = costs
        climb_tree(self.links, self.root, step, self.height)


def tree_of_edges(
    tails: NDArray[np.int64], heads: NDArray[np.int64], flows: NDArray[np.int64], sources: int, root: int
) -> Tree:
    """The tree with given arcs; its heights are 0.

    Args:
        tails: Source node of each arc, (N − 1,).
        heads: Target node, (N − 1,).
        flows: (N − 1,).
        sources: Number of sources, which are the first nodes.
        root: A node.
    """
    order, parent, flow = rooted(tails, heads, flows, root)
    links = linked(order, parent, sources)
    return Tree(links, flow[order], np.zeros(len(order)), order, 0)


def strongly_feasible(tree: Tree) -> bool:
    """Whether all arcs without flow point to the root: those at targets point away from it, and need flow."""
    below_source = tree.links[:, SOURCE] == 0
    below_source[tree.root] = False
    return bool((tree.flow[below_source] > 0).all())


@compiled
def rooted(
    tails: NDArray[np.int64], heads: NDArray[np.int64], flows: NDArray[np.int64], root: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Preorder of the tree of edges, with every node's parent and flow to it."""
    size = len(tails) + 1
    start = np.zeros(size + 1, np.int64)
    for end in (tails, heads):
        for node in end:
            start[node + 1] += 1
    start = np.cumsum(start)
    fill, edge = start[:-1].copy(), np.empty(2 * len(tails), np.int64)
    for end in (tails, heads):
        for k in range(len(end)):
            edge[fill[end[k]]] = k
            fill[end[k]] += 1
    order, stack = np.empty(size, np.int64), np.empty(size, np.int64)
    parent, flow = np.full(size, -1), np.zeros(size, np.int64)
    stack[0], top = root, 0
    for t in range(size):
        node = stack[top]
        top -= 1
        order[t] = node
        for k in edge[start[node] : start[node + 1]]:
            other = tails[k] + heads[k] - node
            if other != parent[node]:
                parent[other], flow[other] = node, flows[k]
                top += 1
                stack[top] = other
    return order, parent, flow


@compiled
def linked(order: NDArray[np.int64], parent: NDArray[np.int64], sources: int) -> NDArray[np.int32]:
    """Links of a tree whose places are in the given preorder."""
    size = len(order)
    place = np.empty(size, np.int32)
    for t in range(size):
        place[order[t]] = t
    links = np.empty((size, 6), np.int32)
    for t in range(size):
        node = order[t]
        links[t, PARENT] = place[parent[node]] if t else -1
        links[t, NEXT], links[t, BEFORE] = (t + 1) % size, (t - 1) % size
        links[t, SIZE] = 1
        links[t, SOURCE] = node < sources
    for t in range(size - 1, 0, -1):
        links[links[t, PARENT], SIZE] += links[t, SIZE]
    for t in range(size):
        links[t, LAST] = t + links[t, SIZE] - 1
    return links


@compiled
def _preorder(links: NDArray[np.int32], root: int) -> NDArray[np.int64]:
    order = np.empty(len(links), np.int64)
    place = root
    for t in range(len(links)):
        order[t] = place
        place = links[place, NEXT]
    return order


@compiled
def moved(links: NDArray[np.int32], order: NDArray[np.int64]) -> NDArray[np.int32]:
    """The links when what is in place order[t] moves to place t."""
    to = np.empty(len(links), np.int32)
    for t in range(len(order)):
        to[order[t]] = t
    moved = links[order]
    for t in range(len(order)):
        for column in range(SIZE):
            if moved[t, column] >= 0:
                moved[t, column] = to[moved[t, column]]
    return moved


@compiled
def climb_tree(links: NDArray[np.int32], root: int, step: FloatArray, height: FloatArray) -> None:
    """Heights from the root's downward; `step` holds the cost of the arc above each node."""
    place = links[root, NEXT]
    while place != root:
        above = height[links[place, PARENT]]
        height[place] = above + step[place] if links[place, SOURCE] else above - step[place]
        place = links[place, NEXT]


@compiled
def _join(links: NDArray[np.int32], one: int, other: int) -> int:
    """Where two paths to the root meet: of two subtrees the smaller one cannot hold the other's top."""
    while one != other:
        smaller, larger = links[one, SIZE], links[other, SIZE]
        if smaller <= larger:
            one = links[one, PARENT]
        if smaller >= larger:
            other = links[other, PARENT]
    return one


@compiled
def _cut_off(links: NDArray[np.int32], top: int) -> None:
    """Take the subtree of a node out of the list."""
    last = links[top, LAST]
    before, after = links[top, BEFORE], links[last, NEXT]
    links[before, NEXT], links[after, BEFORE] = after, before
    up = links[top, PARENT]
    while up >= 0 and links[up, LAST] == last:
        links[up, LAST] = before
        up = links[up, PARENT]


@compiled
def _turn(links: NDArray[np.int32], flow: NDArray[np.int64], top: int, root: int, carried: int) -> None:
    """Turn a subtree that has been cut off over, so that another of its nodes is its root, with flow to come above.

    Along the path root … top, each node's subtree was a stretch "front part, subtree of the node before, rest". In the
    new order the node before comes first, and then the front part and the rest.
    """
    size, inside = links[top, SIZE], 0
    node, below = root, -1
    front, end = links[node, BEFORE], links[node, LAST]
    rest, tail = links[end, NEXT], end
    while True:
        up, up_flow, up_size = links[node, PARENT], flow[node], links[node, SIZE]
        links[node, PARENT], flow[node], links[node, SIZE] = below, carried, size - inside
        carried, inside, below = up_flow, up_size, node
        if node == top:
            break
        last, up_front = links[up, LAST], links[up, BEFORE]
        up_rest = rest if end == last else links[last, NEXT]
        links[tail, NEXT], links[up, BEFORE] = up, tail
        if end == last:
            tail = front
        else:
            links[front, NEXT], links[rest, BEFORE] = rest, front
            tail = last
        node, front, end, rest = up, up_front, last, up_rest
    while node >= 0:  # from the old top to the new one: all subtrees now end alike
        links[node, LAST] = tail
        node = links[node, PARENT]


@compiled
def _hang(links: NDArray[np.int32], top: int, parent: int) -> None:
    """Put a subtree that has been cut off into the list, right behind its new parent."""
    last, after = links[top, LAST], links[parent, NEXT]
    links[parent, NEXT], links[top, BEFORE] = top, parent
    links[last, NEXT], links[after, BEFORE] = after, last
    links[top, PARENT] = parent
    up = parent
    while up >= 0 and links[up, LAST] == parent:
        links[up, LAST] = last
        up = links[up, PARENT]


@compiled
def _grow(links: NDArray[np.int32], node: int, join: int, size: int) -> None:
    while node != join:
        links[node, SIZE] += size
        node = links[node, PARENT]


@compiled
def pivot(
    links: NDArray[np.int32], flow: NDArray[np.int64], height: FloatArray, i: int, j: int, reduced: float
) -> None:
    """Take in the arc from i to j, whose reduced cost is negative."""
    join = _join(links, i, j)
    # Around the cycle, join … i -> j … join, flow runs against the arcs below sources on the first path, and below
    # targets on the second. The paths are walked upward: the last arc to run empty is the first one found on the path
    # of i, and the last one found on that of j, which comes later and has precedence.
    least, leaving, at_source = _LARGEST, -1, True
    node = i
    while node != join:
        if links[node, SOURCE] and flow[node] < least:
            least, leaving = flow[node], node
        node = links[node, PARENT]
    node = j
    while node != join:
        if not links[node, SOURCE] and flow[node] <= least:
            least, leaving, at_source = flow[node], node, False
        node = links[node, PARENT]
    if least > 0:
        node = i
        while node != join:
            flow[node] += -least if links[node, SOURCE] else least
            node = links[node, PARENT]
        node = j
        while node != join:
            flow[node] += least if links[node, SOURCE] else -least
            node = links[node, PARENT]
    # The part below the leaving arc is hung up again at the entering arc, and shifted so that the arc is tight.
    top, parent, shift = (i, j, reduced) if at_source else (j, i, -reduced)
    size = links[leaving, SIZE]
    _grow(links, links[leaving, PARENT], join, -size)
    _cut_off(links, leaving)
    _turn(links, flow, leaving, top, least)
    _hang(links, top, parent)
    _grow(links, parent, join, size)
    node = top
    for _ in range(size):
        height[node] += shift
        node = links[node, NEXT]


@compiled
def pivots(
    links: NDArray[np.int32],
    flow: NDArray[np.int64],
    height: FloatArray,
    tails: NDArray[np.int32],
    heads: NDArray[np.int32],
    costs: FloatArray,
    threshold: float,
    start: int,
    most: int,
) -> tuple[int, int]:
    """Pivot on candidate arcs until none has a reduced cost below −threshold, or for a number of pivots.

    Arcs are looked through in turn, a block at a time, and the best one of a block enters.

    Args:
        links: See `Tree`; it, flow and height change in place.
        flow: See `Tree`.
        height: See `Tree`.
        tails: Place of each candidate's source, (k,).
        heads: Place of its target, (k,).
        costs: Its cost, (k,).
        threshold: Positive.
        start: The candidate to begin with.
        most: Number of pivots at most.

    Returns:
        The number of pivots, and the candidate to go on with.
    """
    count = len(tails)
    block = max(16, int(np.sqrt(count)))
    at, idle, done = start, 0, 0
    while idle < count and done < most:
        best, entering = -threshold, -1
        for _ in range(min(block, count)):
            reduced = costs[at] - height[tails[at]] + height[heads[at]]
            if reduced < best:
                best, entering = reduced, at
            at += 1
            if at == count:
                at = 0
        if entering < 0:
            idle += block
        else:
            idle = 0
            done += 1
            pivot(links, flow, height, tails[entering], heads[entering], best)
    return done, at
