"""The start of the dense network simplex is a basis, and the front door chooses it where it is the quickest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgan
from otgan.solvers.dense import _row_minima
from otgan.solvers.spanning_tree import strongly_feasible

MASSES = st.lists(st.integers(1, 9), min_size=1, max_size=9)


@given(MASSES, MASSES, st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_the_start_is_a_strongly_feasible_tree(a, b, top, seed):
    a, b = np.array(a) * sum(b), np.array(b) * sum(a)
    n, m = len(a), len(b)
    # few different costs, among them none at all, make ties
    costs = np.random.default_rng(seed).integers(0, top, (n, m)).astype(float)
    tree = _row_minima(costs, a, b)
    tails, heads, flows = tree.arcs()
    assert len(flows) == n + m - 1
    assert (flows >= 0).all()
    assert sorted(tree.node) == list(range(n + m))
    np.testing.assert_array_equal(np.bincount(tails, flows, n), a)
    np.testing.assert_array_equal(np.bincount(heads - n, flows, m), b)
    assert strongly_feasible(tree)


def test_the_start_is_near_the_optimum():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 2)), rng.normal(size=(200, 2))
    costs = np.linalg.norm(x[:, None] - y, axis=2)
    tails, heads, flows = _row_minima(costs, np.ones(200, int), np.ones(200, int)).arcs()
    start = (flows * costs[tails, heads - 200]).sum() / 200
    assert start < 2 * otgan.wasserstein(x, y).distance < costs.mean()


@pytest.mark.parametrize(
    ("size", "dim", "max_memory", "method"),
    [
        (700, 2, 2**32, "dense"),
        (800, 2, 2**32, "multiscale"),
        (800, 16, 2**32, "dense"),
        (800, 16, 1e7, "multiscale"),
    ],
)
def test_the_matrix_is_kept_where_that_pays(size, dim, max_memory, method):
    x, y = np.random.default_rng(1).normal(size=(2, size, dim))
    assert otgan.wasserstein(x, y, max_memory=max_memory).stats.solver == method
