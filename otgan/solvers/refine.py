r"""From a basis between cells to a basis between the points, or smaller cells, that they consist of.

Nested north-west corner rules: at each cell its children's masses are dealt out to the cell's arcs, and on each arc the
children of one end are matched with those of the other. A cell with k children and d arcs needs k + d − 1 pieces, an
arc with s and t pieces s + t − 1 new arcs; summed over a tree of cells, that is one arc less than there are children,
and they are connected: the new arcs form a spanning tree again, with a feasible flow.

To keep the tree strongly feasible (see `spanning_tree`) every mass is perturbed: a *tilt*, a tiny amount of a random
size, starts at every node and runs to the root. A tree whose tilted flow is positive on all arcs is strongly feasible,
and a feasible tilted flow comes from rules that compare (mass, tilt) lexicographically, without ties.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled
from otgan.solvers.spanning_tree import PARENT, Tree

_UNBOUNDED = np.int64(2**62)


def refine(
    tree: Tree,
    sources: int,
    places: FloatArray,
    first: NDArray[np.int64],
    child_places: FloatArray,
    mass: NDArray[np.int64],
    tilt: NDArray[np.int64],
    root: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The arcs of a spanning tree between children.

    Args:
        tree: Spanning tree between N cells.
        sources: Number of source cells; these are the first ones.
        places: Where the cells are, (N, d).
        first: The children of cell k are first[k] to first[k + 1], (N + 1,).
        child_places: Where the children are, (M, d).
        mass: Mass of each child, (M,), positive.
        tilt: Perturbation of each child's mass, (M,), positive.
        root: The child that is the new root, in the cell that is the old one.

    Returns:
        Source child, target child and flow of each arc, (M − 1,) each.
    """
    tails, heads, flows = tree.arcs()
    child = tree.node[tree.links[:, PARENT] >= 0]  # the lower end of each arc
    order = tree.in_preorder().node
    parent = np.full(len(order), -1)
    parent[child] = tails + heads - child
    below = _tilt_below(order, parent, first, tilt, root)[child]
    arc_tilt = np.where(child < sources, below, -below)
    return _refined(tails, heads, flows, arc_tilt, sources, places, first, child_places, mass, tilt, root)


@compiled
def _tilt_below(
    order: NDArray[np.int64], parent: NDArray[np.int64], first: NDArray[np.int64], tilt: NDArray[np.int64], root: int
) -> NDArray[np.int64]:
    """All tilt that starts below each cell, its own children included."""
    below = np.zeros(len(order), np.int64)
    for cell in order[::-1]:
        for child in range(first[cell], first[cell + 1]):
            if child != root:
                below[cell] += tilt[child]
        if parent[cell] >= 0:
            below[parent[cell]] += below[cell]
    return below


@compiled
def _first_ends(one: int, one_tilt: int, one_last: bool, other: int, other_tilt: int, other_last: bool) -> bool:
    """Whether the first of two remainders is used up by the step that serves both; the last ones of a list stay."""
    if one_last or other_last:
        return other_last
    return one < other or (one == other and one_tilt < other_tilt)


@compiled
def _refined(
    tails: NDArray[np.int64],
    heads: NDArray[np.int64],
    flows: NDArray[np.int64],
    arc_tilt: NDArray[np.int64],
    sources: int,
    places: FloatArray,
    first: NDArray[np.int64],
    child_places: FloatArray,
    mass: NDArray[np.int64],
    tilt: NDArray[np.int64],
    root: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    cells, arcs = len(first) - 1, len(tails)
    # The arcs at each cell.
    start = np.zeros(cells + 1, np.int64)
    for end in (tails, heads):
        for cell in end:
            start[cell + 1] += 1
    start = np.cumsum(start)
    fill, arcs_at = start[:-1].copy(), np.empty(2 * arcs, np.int64)
    for end in (tails, heads):
        for arc in range(arcs):
            arcs_at[fill[end[arc]]] = arc
            fill[end[arc]] += 1
    # Pieces: which child carries how much of an arc, at its source (0) and at its target (1).
    pieces = first[cells] + 2 * arcs
    who, much, much_tilt = np.empty(pieces, np.int64), np.empty(pieces, np.int64), np.empty(pieces, np.int64)
    begin, stop = np.empty((arcs, 2), np.int64), np.empty((arcs, 2), np.int64)
    made = 0
    for cell in range(cells):
        side = 0 if cell < sources else 1
        children, mine = _sorted_sides(
            cell, first, child_places, places, arcs_at[start[cell] : start[cell + 1]], tails, heads
        )
        c, left, left_tilt = -1, np.int64(0), np.int64(0)
        t, room, room_tilt = -1, np.int64(0), np.int64(0)
        next_child, next_arc = True, True
        while True:
            if next_child:
                c += 1
                left = mass[children[c]]
                left_tilt = tilt[children[c]] if side == 0 else -tilt[children[c]]
                if children[c] == root:
                    left_tilt = _UNBOUNDED
            if next_arc:
                t += 1
                room, room_tilt = flows[mine[t]], arc_tilt[mine[t]]
                begin[mine[t], side] = made
            no_child, no_arc = c == len(children) - 1, t == len(mine) - 1
            next_child = _first_ends(left, left_tilt, no_child, room, room_tilt, no_arc) and not no_child
            next_arc = not next_child
            amount, amount_tilt = (left, left_tilt) if next_child else (room, room_tilt)
            who[made], much[made], much_tilt[made] = children[c], amount, amount_tilt
            made += 1
            left, left_tilt = left - amount, left_tilt - amount_tilt
            room, room_tilt = room - amount, room_tilt - amount_tilt
            if next_arc:
                stop[mine[t], side] = made
                if no_arc:
                    break
    # Both sides of every arc, matched.
    new = first[cells] - 1
    new_tails, new_heads, new_flows = np.empty(new, np.int64), np.empty(new, np.int64), np.empty(new, np.int64)
    made = 0
    for arc in range(arcs):
        s, t = begin[arc]
        left, left_tilt, room, room_tilt = much[s], much_tilt[s], much[t], much_tilt[t]
        while True:
            no_source, no_target = s == stop[arc, 0] - 1, t == stop[arc, 1] - 1
            next_source = _first_ends(left, left_tilt, no_source, room, room_tilt, no_target) and not no_source
            amount, amount_tilt = (left, left_tilt) if next_source else (room, room_tilt)
            new_tails[made], new_heads[made], new_flows[made] = who[s], who[t], amount
            made += 1
            if no_source and no_target:
                break
            if next_source:
                s += 1
                room, room_tilt = room - amount, room_tilt - amount_tilt
                left, left_tilt = much[s], much_tilt[s]
            else:
                t += 1
                left, left_tilt = left - amount, left_tilt - amount_tilt
                room, room_tilt = much[t], much_tilt[t]
    return new_tails, new_heads, new_flows


@compiled
def _sorted_sides(
    cell: int,
    first: NDArray[np.int64],
    child_places: FloatArray,
    places: FloatArray,
    arcs: NDArray[np.int64],
    tails: NDArray[np.int64],
    heads: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A cell's children along the axis on which they spread most, and its arcs by how far they point along it.

    Dealing out in this order is optimal for the linear part of the cost.
    """
    low, high = first[cell], first[cell + 1]
    axis, spread = 0, -1.0
    for k in range(places.shape[1]):
        width = np.ptp(child_places[low:high, k])
        if width > spread:
            axis, spread = k, width
    toward = np.empty(len(arcs))
    for t in range(len(arcs)):
        other = tails[arcs[t]] + heads[arcs[t]] - cell
        step = places[other] - places[cell]
        length = np.sqrt((step * step).sum())
        toward[t] = step[axis] / length if length > 0 else 0.0
    return low + np.argsort(child_places[low:high, axis]), arcs[np.argsort(toward)]
