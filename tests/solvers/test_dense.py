"""The start of the dense network simplex is a basis, and the front door chooses it where it is the quickest."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otgan
from otgan.errors import MemoryLimitError
from otgan.problem import problem_from_matrix, problem_from_points
from otgan.solution import Status
from otgan.solvers import dense
from otgan.solvers.dense import _row_minima
from otgan.solvers.limits import Limits
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


@pytest.mark.parametrize(("n", "m"), [(1, 5000), (5000, 1), (3, 2000), (2000, 3)])
def test_thin_problems(n, m):
    """One source fills many targets, which it then has sorted; for one on either side the plan is certain."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(n, 2)), rng.normal(size=(m, 2))
    found = otgan.wasserstein(x, y, method="dense")
    assert found.converged
    assert found.distance == pytest.approx(otgan.wasserstein(x, y, method="multiscale").distance, rel=1e-11)
    if 1 in (n, m):
        assert found.distance == pytest.approx(np.linalg.norm(x - y, axis=1).mean(), rel=1e-12)


def test_the_limits_are_looked_at_whererow_pivots_are_dear():
    x, y = np.random.default_rng(3).normal(size=(6000, 2)), np.array([[0.0, 0.0], [1.0, 1.0]])
    limits = Limits(1e-11, 10**8, np.inf, 2**32, lambda: True)
    assert dense.solve_dense(problem_from_points(x, y), limits).status is Status.INTERRUPTED


def testrow_pivots_count_against_the_limit_at_every_threshold(monkeypatch):
    rng = np.random.default_rng(4)
    costs = rng.integers(0, 5, (60, 60)) + 1e-13 * rng.random((60, 60))
    made, pivots = [], dense.row_pivots

    def spy(*arguments):
        done = pivots(*arguments)
        made.append(done[0])
        return done

    monkeypatch.setattr(dense, "row_pivots", spy)
    assert otgan.transport(costs).status is not Status.ITERATION_LIMIT
    total = sum(made)
    assert made[0] < total - 1  # later thresholds had something to do
    for most in (made[0] + 1, total - 1):
        made.clear()
        assert otgan.transport(costs, max_iter=most).status is Status.ITERATION_LIMIT
        assert sum(made) == most


def test_it_stops_when_the_bracket_is_as_narrow_as_asked():
    x, y = np.random.default_rng(5).normal(size=(2, 1500, 40))
    rough = otgan.wasserstein(x, y, tol=0.1, method="dense")
    exact = otgan.wasserstein(x, y, method="dense")
    assert rough.converged
    assert 1e-9 < rough.relative_gap <= 0.1
    assert rough.lower_bound <= exact.distance <= rough.upper_bound


def test_memory_counts_coordinates_too():
    x = np.random.default_rng(6).normal(size=(50, 20_000))
    with pytest.raises(MemoryLimitError, match=r"the network simplex on the dense cost matrix needs about 0\.1"):
        otgan.wasserstein(x, x + 1, method="dense", max_memory=1e7)


@pytest.mark.parametrize(
    ("n", "m", "dim", "max_memory", "method"),
    [
        (700, 700, 2, 2**32, "dense"),
        (800, 800, 2, 2**32, "multiscale"),
        (10, 2000, 2, 2**32, "multiscale"),
        (800, 800, 16, 2**32, "dense"),
        (800, 800, 16, 1e7, "multiscale"),
    ],
)
def test_the_matrix_is_kept_where_that_pays(n, m, dim, max_memory, method):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(n, dim)), rng.normal(size=(m, dim))
    assert otgan.wasserstein(x, y, max_memory=max_memory).stats.solver == method


def test_rows_of_few_columns_are_looked_through_many_at_a_time():
    """Work between two looks at the limits, which also sums all heights anew, is counted by what rows really cost."""
    costs, looks = np.random.default_rng(0).random((20_000, 2)), []
    limits = Limits(0.0, 10**8, math.inf, 2**32, lambda: looks.append(None) is not None)
    raw = dense.solve_dense(problem_from_matrix(costs), limits)
    assert raw.status is Status.OPTIMAL
    # two targets: the half of the sources for which the first is dearest go to the second
    dear = np.sort(costs[:, 0] - costs[:, 1])[10_000:]
    assert raw.mass @ costs[raw.rows, raw.columns] == pytest.approx((costs[:, 0].sum() - dear.sum()) / 20_000)
    assert len(looks) < 30
