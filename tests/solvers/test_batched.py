"""A batch of small problems has the optima that a second solver finds, each with potentials that prove it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from otgan.costs import point_costs
from otgan.distances import CHEBYSHEV, CITYBLOCK, EUCLIDEAN
from otgan.solvers import batched
from otgan.solvers.batched import solve_batch

NORMS = {"euclidean": (EUCLIDEAN, 2), "cityblock": (CITYBLOCK, 1), "chebyshev": (CHEBYSHEV, np.inf)}


def by_highs(costs, a, b):
    n, m = costs.shape
    equations = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    return linprog(costs.ravel(), A_eq=equations, b_eq=np.concatenate([a, b]), method="highs").fun


@settings(max_examples=12)
@given(
    st.integers(1, 7),
    st.integers(1, 7),
    st.sampled_from(sorted(NORMS)),
    st.sampled_from([1.0, 2.0, 2.5]),
    st.booleans(),
    st.sampled_from([-40, 0, 40]),
    st.integers(0, 2**32 - 1),
)
def test_each_problem_is_solved(n, m, metric, p, lattice, exponent, seed):
    """On lattices many costs are the same, and points coincide; some masses are 0."""
    rng, count = np.random.default_rng(seed), 3
    norm, order = NORMS[metric]
    x, y = (
        (rng.integers(0, 3, (count, k, 2)) if lattice else rng.normal(size=(count, k, 2))) * 2.0**exponent
        for k in (n, m)
    )
    a, b = rng.integers(0, 4, (count, n)), rng.integers(0, 4, (count, m))
    a[:, 0] += 1
    b[:, -1] += 1
    a, b = a * b.sum(axis=1, keepdims=True), b * a.sum(axis=1, keepdims=True)
    costs = point_costs(x.reshape(-1, 2), y.reshape(-1, 2), metric=metric, p=p)
    found = solve_batch(costs, (count, n, m), norm, a, b)
    for k in range(count):
        here = np.linalg.norm(x[k][:, None] - y[k], ord=order, axis=2) ** p
        left, right = a[k] / a[k].sum(), b[k] / b[k].sum()
        scale = 2.0 ** (exponent * p)
        assert found.cost[k] / scale == pytest.approx(by_highs(here / scale, left, right), rel=1e-9, abs=1e-12)
        plan = np.zeros((n, m))
        np.add.at(plan, (found.rows[k], found.columns[k]), found.mass[k])
        np.testing.assert_allclose(plan.sum(axis=1), left, atol=1e-15)
        np.testing.assert_allclose(plan.sum(axis=0), right, atol=1e-15)
        assert (found.f[k][:, None] + found.g[k] <= here + 1e-12 * scale).all()
        assert left @ found.f[k] + right @ found.g[k] == pytest.approx(found.cost[k], rel=1e-11, abs=1e-12 * scale)


def test_chunks_and_shared_masses(monkeypatch):
    """What is cut into chunks, on threads, is what one problem at a time gives."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 5, 3)), rng.normal(size=(7, 4, 3))
    a, b = np.full((1, 5), 4), np.full((1, 4), 5)
    one_by_one = [solve_batch(point_costs(x[k], y[k]), (1, 5, 4), EUCLIDEAN, a, b).cost[0] for k in range(7)]
    monkeypatch.setattr(batched, "CHUNK", 60)
    monkeypatch.setattr(batched, "PART", 1)
    together = solve_batch(point_costs(x.reshape(-1, 3), y.reshape(-1, 3)), (7, 5, 4), EUCLIDEAN, a, b)
    np.testing.assert_allclose(together.cost, one_by_one, rtol=1e-14)
