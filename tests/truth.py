"""Optima that are certain: linear programming by HiGHS, its basis re-evaluated and finished in rational arithmetic.

Costs of points are irrational in general; they enter as rationals good to 60 digits, which no bracket in float64 can
tell from the truth.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
from scipy.optimize import linprog

DIGITS = 60


def exact_cost(x, y, metric: str, p: int) -> Fraction:
    differences = [abs(Fraction(float(s)) - Fraction(float(t))) for s, t in zip(x, y, strict=True)]
    if metric == "cityblock":
        return sum(differences, Fraction(0)) ** p
    if metric == "chebyshev":
        return max(differences) ** p
    squares = sum((d * d for d in differences), Fraction(0))
    if p == 2:
        return squares
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = DIGITS, -(10**6), 10**6
        root = (Decimal(squares.numerator) / Decimal(squares.denominator)).sqrt()
    return Fraction(root) ** p


def exact_weights(weights, n: int) -> list[Fraction]:
    if weights is None:
        return [Fraction(1, n)] * n
    fractions = [Fraction(float(w)) for w in weights]
    total = sum(fractions)
    return [w / total for w in fractions]


def optimum(costs: list[list[Fraction]], a: list[Fraction], b: list[Fraction]) -> Fraction:
    """The optimal cost, proven by a primal and a dual feasible solution of the same value, all in rationals."""
    rows = [i for i, w in enumerate(a) if w]
    columns = [j for j, w in enumerate(b) if w]
    costs = [[costs[i][j] for j in columns] for i in rows]
    a, b = [a[i] for i in rows], [b[j] for j in columns]
    basis = _basis_from_highs(costs, a, b)
    flow = _flow(basis, a, b)
    if min(flow.values()) < 0:  # HiGHS's tolerance, not a vertex: start from the north-west corner instead
        basis, flow = _northwest(a, b)
    while True:
        f, g = _potentials(basis, costs)
        entering = next(
            ((i, j) for i in range(len(a)) for j in range(len(b)) if costs[i][j] < f[i] + g[j]), None
        )  # the first one, and below the first leaving arc: Bland's rule cannot cycle
        if entering is None:
            value = sum((costs[i][j] * mass for (i, j), mass in flow.items()), Fraction(0))
            dual = sum(w * v for w, v in zip(a, f, strict=True)) + sum(w * v for w, v in zip(b, g, strict=True))
            assert value == dual
            return value
        path = _cycle(basis, entering)
        step = min(flow[arc] for arc in path[0::2])
        leaving = min(arc for arc in path[0::2] if flow[arc] == step)
        for k, arc in enumerate(path):
            flow[arc] += step if k % 2 else -step
        flow[entering] = step
        del flow[leaving]
        basis = sorted(flow)


def _basis_from_highs(costs, a, b):
    n, m = len(a), len(b)
    scale = max(max(row) for row in costs) or Fraction(1)
    c = np.array([[float(v / scale) for v in row] for row in costs])
    rows = np.zeros((n + m, n * m))
    for i in range(n):
        rows[i, i * m : (i + 1) * m] = 1
    for j in range(m):
        rows[n + j, j::m] = 1
    result = linprog(c.ravel(), A_eq=rows[:-1], b_eq=[float(w) for w in [*a, *b]][:-1], method="highs-ds")
    mass = result.x.reshape(n, m) if result.x is not None else np.zeros((n, m))
    order = sorted(((i, j) for i in range(n) for j in range(m)), key=lambda arc: (-mass[arc], c[arc]))
    return _spanning_tree(order, n, m)


def _spanning_tree(order, n, m):
    root = list(range(n + m))

    def find(k):
        while root[k] != k:
            k = root[k]
        return k

    tree = []
    for i, j in order:
        one, other = find(i), find(n + j)
        if one != other:
            root[one] = other
            tree.append((i, j))
    return sorted(tree)


def _flow(basis, a, b):
    need = {("a", i): w for i, w in enumerate(a)} | {("b", j): w for j, w in enumerate(b)}
    arcs = {arc: (("a", arc[0]), ("b", arc[1])) for arc in basis}
    flow = {}
    while arcs:
        degree = {}
        for ends in arcs.values():
            for end in ends:
                degree[end] = degree.get(end, 0) + 1
        arc, ends = next((arc, ends) for arc, ends in arcs.items() if 1 in (degree[ends[0]], degree[ends[1]]))
        leaf, other = ends if degree[ends[0]] == 1 else ends[::-1]
        flow[arc] = need[leaf]
        need[other] -= need[leaf]
        del arcs[arc]
    return flow


def _northwest(a, b):
    a, b, flow, i, j = list(a), list(b), {}, 0, 0
    while True:
        flow[i, j] = step = min(a[i], b[j])
        a[i] -= step
        b[j] -= step
        if i == len(a) - 1 and j == len(b) - 1:
            return sorted(flow), flow
        if j == len(b) - 1 or (a[i] == 0 and i < len(a) - 1):
            i += 1
        else:
            j += 1


def _potentials(basis, costs):
    f, g = {basis[0][0]: Fraction(0)}, {}
    while len(f) + len(g) <= len(basis):
        for i, j in basis:
            if i in f and j not in g:
                g[j] = costs[i][j] - f[i]
            elif j in g and i not in f:
                f[i] = costs[i][j] - g[j]
    return [f[i] for i in sorted(f)], [g[j] for j in sorted(g)]


def _cycle(basis, entering):
    """Arcs of the tree's path between the entering arc's ends; the even ones lose flow."""
    start, goal = ("a", entering[0]), ("b", entering[1])
    paths, fresh = {start: []}, [start]
    while goal not in paths:
        node = fresh.pop()
        for i, j in basis:
            ends = ("a", i), ("b", j)
            if node in ends:
                other = ends[1] if node == ends[0] else ends[0]
                if other not in paths:
                    paths[other] = [*paths[node], (i, j)]
                    fresh.append(other)
    return paths[goal]


def certain_optimum(x, y, a=None, b=None, *, metric: str = "euclidean", p: int = 1) -> Fraction:
    """The optimal cost W_p^p between two small weighted samples."""
    costs = [[exact_cost(s, t, metric, p) for t in y] for s in x]
    return optimum(costs, exact_weights(a, len(x)), exact_weights(b, len(y)))
