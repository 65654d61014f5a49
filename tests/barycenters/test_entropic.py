"""Smoothed means: POT, the exact mean in the limit, the blur, and a bracket that holds wherever it stops."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otgan.barycenters import entropic_barycenter, fixed_support_barycenter
from otgan.errors import Interrupted, InvalidValueError, MemoryLimitError
from otgan.solution import Status
from otgan.solve import wasserstein

PLACES = np.linspace(0, 1, 40)


def bumps():
    heights = np.stack([np.exp(-((PLACES - 0.3) ** 2) / 0.01), np.exp(-((PLACES - 0.7) ** 2) / 0.02)])
    return heights / heights.sum(axis=1, keepdims=True)


def test_pot_agrees():
    import ot

    weights, counts = bumps(), [0.3, 0.7]
    mean = entropic_barycenter([(PLACES, w) for w in weights], PLACES, epsilon=0.003, weights=counts, tol=1e-11)
    peer = ot.bregman.barycenter(
        weights.T,
        (PLACES[:, None] - PLACES) ** 2,
        0.003,
        weights=np.array(counts),
        method="sinkhorn_log",
        numItermax=10_000,
        stopThr=1e-13,
    )
    np.testing.assert_allclose(mean.masses, peer, atol=1e-9)
    assert mean.status is Status.CONVERGED
    assert mean.stats.marginal_violation <= 1e-11
    for plan, w in zip(mean.plans, weights, strict=True):
        np.testing.assert_allclose(plan.sum(axis=0), w, atol=1e-10)
        np.testing.assert_allclose(plan.sum(axis=1), mean.masses, atol=1e-10)


def test_smoothing_goes_away():
    measures, counts = [(PLACES, w) for w in bumps()], [0.3, 0.7]
    exact = fixed_support_barycenter(measures, PLACES, weights=counts)
    gap = None
    for epsilon in (0.01, 0.001, 0.0002):
        mean = entropic_barycenter(measures, PLACES, epsilon=epsilon, weights=counts)
        assert mean.cost_bounds.lower <= exact.cost_bounds.upper
        assert exact.cost_bounds.lower <= mean.cost_bounds.upper
        assert gap is None or mean.gap < gap / 2
        gap = mean.gap
        # The repaired plans cost no less than exact ones from the same masses.
        true = sum(
            c * wasserstein(PLACES, PLACES, mean.masses, w, p=2).cost
            for c, (_, w) in zip(counts, measures, strict=True)
        )
        assert true <= mean.cost_bounds.upper
    assert mean.relative_gap < 0.01
    assert all((part.f[:, None] + part.g <= (PLACES[:, None] - PLACES) ** 2 + 1e-12).all() for part in mean.potentials)


def test_it_is_blurred():
    """The mean of a measure and itself is not that measure, but wider: by ε/2 in variance where there is room."""
    places = np.linspace(-3, 3, 241)
    weights = np.exp(-(places**2) / (2 * 0.3**2))
    weights /= weights.sum()
    mean = entropic_barycenter([(places, weights)] * 2, places, epsilon=0.1, tol=1e-10)
    # For N(0, s²) and the entropy relative to the support's counting measure: the variance v of the mean of one measure
    # with itself minimises over plans freely, so the plan is the measure convolved with N(0, ε/2).
    assert mean.masses @ places**2 == pytest.approx(0.3**2 + 0.1 / 2, rel=1e-6)


@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(1, 30), epsilon=st.sampled_from([1e-4, 1e-1, 10.0]))
@settings(max_examples=8)
def test_bracket_holds_wherever_it_stops(seed, steps, epsilon):
    rng = np.random.default_rng(seed)
    measures = [(rng.normal(size=(4, 2)), rng.dirichlet(np.ones(4))), rng.normal(size=(3, 2)) + 1]
    support = rng.normal(size=(5, 2))
    exact = fixed_support_barycenter(measures, support, p=1)
    mean = entropic_barycenter(measures, support, epsilon=epsilon, p=1, max_iter=steps)
    assert mean.cost_bounds.lower <= exact.cost_bounds.upper
    assert exact.cost_bounds.lower <= mean.cost_bounds.upper
    assert mean.masses.sum() == pytest.approx(1)


def test_interruption_leaves_a_mean(monkeypatch):
    from otgan.barycenters import entropic

    @contextmanager
    def pressed():
        yield lambda: True

    monkeypatch.setattr(entropic, "interrupts", pressed)
    with pytest.raises(Interrupted) as caught:
        entropic_barycenter([[0.0, 1.0], [3.0, 9.0]], [0.0, 2.0, 5.0], epsilon=1e-3)
    stopped = caught.value.partial
    assert stopped.status is Status.INTERRUPTED
    assert 0 < stopped.lower_bound <= stopped.upper_bound


def test_limits():
    late = entropic_barycenter([[0.0, 1.0], [3.0, 9.0]], [0.0, 2.0, 5.0], epsilon=1e-3, max_seconds=1e-9)
    assert late.status is Status.RESOURCE_LIMIT
    with pytest.raises(InvalidValueError, match="epsilon must be in"):
        entropic_barycenter([[0.0]], [0.0], epsilon=-1)
    with pytest.raises(MemoryLimitError, match="the smoothed mean needs"):
        entropic_barycenter([np.zeros(99)], np.zeros(99), epsilon=1, max_memory=1000)
