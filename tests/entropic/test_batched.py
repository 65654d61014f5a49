"""A batch of smoothed problems meets its marginals, each with the value that the general solver finds."""

from __future__ import annotations

import numpy as np
import pytest

import otgan
from otgan.entropic import batched
from otgan.entropic.batched import smooth_batch


@pytest.mark.parametrize("epsilon", [1e-2, 0.3, 100.0])
def test_each_problem_is_solved(epsilon):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 12, 2)), rng.normal(size=(4, 9, 2)) + 1
    x[3] *= 10
    a, b = rng.dirichlet(np.ones(12), 4), rng.dirichlet(np.ones(9), 4)
    a[1, :3] = b[2, 4] = 0
    a, b = a / a.sum(axis=1, keepdims=True), b / b.sum(axis=1, keepdims=True)
    costs = np.linalg.norm(x[:, :, None] - y[:, None], axis=3)
    found = smooth_batch(costs, a, b, epsilon, 1e-10)
    assert (found.error <= 1e-10).all()
    plans = a[:, :, None] * b[:, None] * np.exp((found.f[:, :, None] + found.g[:, None] - costs) / epsilon)
    np.testing.assert_allclose(plans.sum(axis=2), a, atol=1e-9)
    np.testing.assert_allclose(plans.sum(axis=1), b, atol=1e-9)
    values = (a * found.f).sum(axis=1) + (b * found.g).sum(axis=1)
    single = [
        otgan.sinkhorn(*each, epsilon=epsilon, tol=1e-10).regularised_cost for each in zip(x, y, a, b, strict=True)
    ]
    np.testing.assert_allclose(values, single, rtol=1e-9)


def test_what_falls_short_shows_it(monkeypatch):
    monkeypatch.setattr(batched, "STEPS", 0)
    costs = np.random.default_rng(1).random((2, 8, 8))
    found = smooth_batch(costs, np.full((2, 8), 1 / 8), np.full((2, 8), 1 / 8), 1e-3, 1e-10)
    assert (found.error > 1e-3).all()
    assert np.isfinite(found.f).all()
