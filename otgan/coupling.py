"""Making a plan exactly feasible: whatever comes in, the marginals that go out are right in integer arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled
from otgan.masses import Masses, sums_by

Arcs = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[Any]]

#: A plan whose arcs form a forest is determined by its arcs and the marginals. That reading is taken unless it would
#: need a repair of more than one part in this many of the mass, which rounding does not explain.
ROUNDING = 10**9


def exact_coupling(rows: NDArray[np.intp], columns: NDArray[np.intp], mass: FloatArray, masses: Masses) -> Arcs:
    """A true coupling of the two measures near a given plan.

    Args:
        rows: Source index of each arc, (k,).
        columns: Target index of each arc, (k,); an arc may occur more than once.
        mass: Mass on each arc, (k,), finite, not negative; its marginals may be anything.
        masses: The exact measures.

    Returns:
        rows, columns and integer masses over masses.total, with exactly the right marginals. The given arcs come
        first; what they cannot carry is moved along further ones.
    """
    rows, columns, mass = _without_repetition(rows, columns, mass, len(masses.b))
    # No arc can carry more than either end has; and so no sum of integers leaves int64.
    room = np.minimum(masses.a[rows], masses.b[columns])
    if masses.a.dtype != object:
        nearest = np.minimum(np.rint(np.minimum(mass, 1.0) * masses.total).astype(np.int64), room)
        if _is_coupling(rows, columns, nearest, masses):
            return _carrying(rows, columns, nearest)
    flow = _flow_on_forest(rows, columns, masses)
    if flow is not None:
        if (flow >= 0).all() and _is_coupling(rows, columns, flow, masses):
            return _carrying(rows, columns, flow)
        repaired, moved = _repaired(rows, columns, flow, masses)
        if moved * ROUNDING <= masses.total:
            return repaired
    total = masses.total
    ratios = (value.as_integer_ratio() for value in np.minimum(mass, 1.0).tolist())
    quantised = np.array([top * total // bottom for top, bottom in ratios], dtype=masses.a.dtype)
    return _repaired(rows, columns, np.minimum(quantised, room), masses)[0]


def _without_repetition(
    rows: NDArray[np.intp], columns: NDArray[np.intp], mass: FloatArray, m: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
    arcs = rows * m + columns
    in_order = np.sort(arcs)
    if (in_order[1:] != in_order[:-1]).all():
        return rows, columns, mass
    arc, back = np.unique(arcs, return_inverse=True)
    summed: FloatArray = np.bincount(back, weights=mass, minlength=len(arc)).astype(np.float64)
    return arc // m, arc % m, summed


def _carrying(rows: NDArray[np.intp], columns: NDArray[np.intp], flow: NDArray[Any]) -> Arcs:
    used = np.flatnonzero(flow > 0)
    return rows[used], columns[used], flow[used]


def _is_coupling(rows: NDArray[np.intp], columns: NDArray[np.intp], flow: NDArray[Any], masses: Masses) -> bool:
    left = sums_by(rows, flow, len(masses.a))
    return bool((left == masses.a).all() and (sums_by(columns, flow, len(masses.b)) == masses.b).all())


def _flow_on_forest(rows: NDArray[np.intp], columns: NDArray[np.intp], masses: Masses) -> NDArray[Any] | None:
    """The only flow that meets the marginals on a forest of arcs; None if there is a cycle.

    Where a component's masses do not balance, the difference is left at its last node.
    """
    need = np.concatenate([masses.a, masses.b])
    flow, heads = np.zeros(len(rows), need.dtype), columns + len(masses.a)
    # Compiled for integers of 64 bits; as it stands, on lists, for those of any size.
    if need.dtype != object:
        return flow if _pick_leaves(rows, heads, need, flow) else None
    values = flow.tolist()
    whole = _pick_leaves.py_func(rows.tolist(), heads.tolist(), need.tolist(), values)
    return np.array(values, dtype=object) if whole else None


@compiled
def _pick_leaves(tails: Any, heads: Any, need: Any, flow: Any) -> bool:
    """Serve leaf by leaf, whose only arc has to carry what it needs; says whether that reaches all arcs.

    A node keeps the number of its arcs and their exclusive or, which for a leaf is its one arc: no adjacency lists are
    needed.
    """
    size = len(need)
    degree, arcs = [0] * size, [0] * size
    for arc in range(len(tails)):
        for node in (tails[arc], heads[arc]):
            degree[node] += 1
            arcs[node] ^= arc
    leaves = [node for node in range(size) if degree[node] == 1]
    left = len(tails)
    while len(leaves):
        node = leaves.pop()
        if degree[node] != 1:
            continue
        arc = arcs[node]
        other = tails[arc] + heads[arc] - node
        flow[arc] = need[node]
        need[other] -= need[node]
        degree[node] = 0
        left -= 1
        degree[other] -= 1
        arcs[other] ^= arc
        if degree[other] == 1:
            leaves.append(other)
    return left == 0


def _repaired(
    rows: NDArray[np.intp], columns: NDArray[np.intp], flow: NDArray[Any], masses: Masses
) -> tuple[Arcs, int]:
    """Cut what is too much, then send what is missing along new arcs; also says how much mass that touched."""
    flow = flow.copy()
    negative = flow < 0
    moved = -int(flow[negative].sum())
    flow[negative] = 0
    for side, mass in ((rows, masses.a), (columns, masses.b)):
        excess = sums_by(side, flow, len(mass)) - mass
        over = excess > 0
        moved += int(excess[over].sum())
        for arc in np.flatnonzero(over[side]).tolist():
            cut = min(excess[side[arc]], flow[arc])
            flow[arc] -= cut
            excess[side[arc]] -= cut
    missing_a = masses.a - sums_by(rows, flow, len(masses.a))
    missing_b = masses.b - sums_by(columns, flow, len(masses.b))
    more = northwest(missing_a, missing_b)
    parts = ((rows, more[0]), (columns, more[1]), (flow, more[2]))
    joined = [np.concatenate([old, new]) for old, new in parts]
    return _carrying(*joined), moved + int(more[2].sum())


def northwest(a: NDArray[Any], b: NDArray[Any]) -> Arcs:
    """Serve the targets in order from the sources in order, until one side is used up.

    Args:
        a: Integer masses, (n,), not negative.
        b: Integer masses, (m,), not negative.

    Returns:
        Source indices, target indices and integer masses; a coupling where a and b have the same sum.
    """
    rows: list[int] = []
    columns: list[int] = []
    flow: list[int] = []
    sources, targets = np.flatnonzero(a > 0).tolist(), np.flatnonzero(b > 0).tolist()
    left, right = a.copy(), b.copy()
    i = j = 0
    while i < len(sources) and j < len(targets):
        row, column = sources[i], targets[j]
        both = min(left[row], right[column])
        rows.append(row)
        columns.append(column)
        flow.append(both)
        left[row] -= both
        right[column] -= both
        i += left[row] == 0
        j += right[column] == 0
    return np.array(rows, dtype=np.intp), np.array(columns, dtype=np.intp), np.array(flow, dtype=a.dtype)


def marginal_violation(rows: NDArray[np.intp], columns: NDArray[np.intp], mass: FloatArray, masses: Masses) -> float:
    """L1 distance between a plan's marginals and the measures, as a share of the whole mass."""
    left = np.bincount(rows, weights=mass, minlength=len(masses.a)) - masses.floats(masses.a)
    right = np.bincount(columns, weights=mass, minlength=len(masses.b)) - masses.floats(masses.b)
    return float(abs(left).sum() + abs(right).sum())
