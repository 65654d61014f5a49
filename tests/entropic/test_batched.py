"""A batch of smoothed problems meets its marginals, each with the value that the general solver finds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

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


def test_targets_with_less_mass_than_the_tolerance():
    """The value holds the potential of each, however little it weighs: against plain steps of Sinkhorn."""
    costs = np.array([[5.5, 1.8], [0.05, 1.5], [1.3, 4.5]])
    a, b, epsilon = np.array([1 - 1e-6, 1e-13, 1e-6]), np.array([1 - 1e-11, 1e-11]), 0.01
    f, g = np.zeros(3), np.zeros(2)
    for _ in range(1000):
        f = -epsilon * logsumexp((g - costs) / epsilon, axis=1, b=b)
        g = -epsilon * logsumexp((f[:, None] - costs) / epsilon, axis=0, b=a[:, None])
    found = smooth_batch(costs[None], a[None], b[None], epsilon, 1e-9)
    np.testing.assert_allclose(found.f[0] + found.g[0, 0], f + g[0], atol=1e-6)
    np.testing.assert_allclose(found.g[0] - found.g[0, 0], g - g[0], atol=1e-6)


def test_next_to_no_mass_leaves_the_steps_regular():
    """All goes to a target of hardly any mass at first, where the matrix of a step would be singular."""
    costs, b = np.array([[[3.0, 0.0]] * 3]), np.array([[1.0, 1e-186]])
    found = smooth_batch(costs, np.full((1, 3), 1 / 3), b, 1e-3, 1e-9)
    np.testing.assert_allclose(found.f + found.g[:, :1], 3.0)
    assert found.error <= 1e-9
