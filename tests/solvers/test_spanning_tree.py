"""The tree stays a tree: every pivot leaves links, flow and heights as a fresh computation would have them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from otgan.solvers.refine import refine
from otgan.solvers.spanning_tree import (
    BEFORE,
    LAST,
    NEXT,
    PARENT,
    SIZE,
    SOURCE,
    pivots,
    strongly_feasible,
    tree_of_edges,
)


def start(rng, n, m, high):
    """A tree on n sources and m targets with masses up to `high`, refined from one cell a side."""
    a, b = rng.integers(1, high + 1, n), rng.integers(1, high + 1, m)
    a, b = a * b.sum(), b * a.sum()
    x, y = rng.normal(size=(n, 2)), rng.normal(size=(m, 2))
    top = tree_of_edges(np.array([0]), np.array([1]), np.array([a.sum()]), sources=1, root=1)
    places = np.array([x.mean(axis=0), y.mean(axis=0)])
    first = np.array([0, n, n + m])
    tilt = rng.integers(1, 2**31, n + m)
    edges = refine(top, 1, places, first, np.concatenate([x, y]), np.concatenate([a, b]), tilt, n + m - 1)
    return a, b, cdist(x, y), tree_of_edges(*edges, sources=n, root=n + m - 1)


def check(tree, a, b, costs):
    n, size = len(a), len(a) + len(b)
    links = tree.links
    # preorder: a circle through all places, in which every subtree is a stretch
    order = [tree.root]
    while len(order) < size:
        order.append(links[order[-1], NEXT])
    assert sorted(order) == list(range(size))
    assert links[order[-1], NEXT] == tree.root
    rank = np.empty(size, int)
    rank[order] = np.arange(size)
    assert all(links[links[v, NEXT], BEFORE] == v for v in range(size))
    sizes = np.ones(size, int)
    for v in order[:0:-1]:
        sizes[links[v, PARENT]] += sizes[v]
    assert np.array_equal(sizes, links[:, SIZE])
    assert all(rank[links[v, LAST]] == rank[v] + sizes[v] - 1 for v in range(size))
    for v in order[1:]:
        up = links[v, PARENT]
        assert rank[up] < rank[v] < rank[up] + sizes[up]
        assert links[v, SOURCE] != links[up, SOURCE]
    # the flow is feasible, and no arc without flow points away from the root
    rows, columns, flow = tree.arcs()
    columns = columns - n
    assert (flow >= 0).all()
    assert np.array_equal(np.bincount(rows, flow, n).astype(int), a)
    assert np.array_equal(np.bincount(columns, flow, len(b)).astype(int), b)
    assert strongly_feasible(tree)
    heights = tree.heights()
    np.testing.assert_allclose(heights[rows] - heights[n + columns], costs[rows, columns], atol=1e-9)


@settings(max_examples=60)
@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 2, 1000]), st.integers(0, 2**32 - 1))
def test_pivot_by_pivot(n, m, high, seed):
    rng = np.random.default_rng(seed)
    a, b, costs, tree = start(rng, n, m, high)
    rows, columns, _ = tree.arcs()
    tree.climb(costs[rows, columns - n])
    check(tree, a, b, costs)
    all_rows, all_columns = np.divmod(np.arange(n * m), m)
    value = np.inf
    for _ in range(300):
        tails, heads = tree.place[all_rows], tree.place[n + all_columns]
        done, _ = pivots(tree.links, tree.flow, tree.height, tails, heads, costs.ravel(), 1e-12, 0, 1)
        check(tree, a, b, costs)
        rows, columns, flow = tree.arcs()
        assert flow @ costs[rows, columns - n] <= value * (1 + 1e-12)
        value = flow @ costs[rows, columns - n]
        if not done:
            break
        if rng.random() < 0.2:
            tree = tree.in_preorder()
            check(tree, a, b, costs)
    else:
        pytest.fail("no end in sight")
    heights = tree.heights()
    assert (costs - heights[:n, None] + heights[n:]).min() >= -1e-11


@settings(max_examples=60)
@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from([1, 3]), st.integers(0, 2**32 - 1))
def test_refined_again(n, m, high, seed):
    """Every point becomes up to four; masses that tie leave arcs without flow, and the tree strongly feasible."""
    rng = np.random.default_rng(seed)
    a, b, _, tree = start(rng, n, m, high)
    copies = rng.integers(1, 5, n + m)
    first = np.concatenate([[0], np.cumsum(copies)])
    mass = np.repeat(np.concatenate([a, b]) * 12 // np.repeat(1, n + m), copies) // np.repeat(copies, copies)
    places = rng.normal(size=(n + m, 2))
    child_places = np.repeat(places, copies, axis=0) + 0.1 * rng.normal(size=(first[-1], 2))
    tree.flow[:] *= 12
    root = int(first[tree.node[tree.root] + 1]) - 1
    tilt = rng.integers(1, 2**31, first[-1])
    edges = refine(tree, n, places, first, child_places, mass, tilt, root)
    sources = int(first[n])
    finer = tree_of_edges(*edges, sources=sources, root=root)
    costs = np.zeros((sources, first[-1] - sources))
    check(finer, mass[:sources], mass[sources:], costs)
