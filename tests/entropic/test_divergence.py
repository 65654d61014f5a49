"""The Sinkhorn divergence against its definition, its limits and its laws."""

from __future__ import annotations

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import otgan


def clouds(seed, n=15, m=12):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 2)), rng.normal(size=(m, 2)) + 1, rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), epsilon=st.sampled_from([0.02, 0.3, 5.0]), p=st.sampled_from([1.0, 2.0]))
def test_not_negative_symmetric_and_zero_for_equals(seed, epsilon, p):
    x, y, a, b = clouds(seed)
    found = otgan.sinkhorn_divergence(x, y, a, b, epsilon=epsilon, p=p)
    assert found.converged
    assert found.value in found.bracket
    assert found.value > 0
    swapped = otgan.sinkhorn_divergence(y, x, b, a, epsilon=epsilon, p=p)
    assert swapped.value == pytest.approx(found.value, abs=1e-5)
    order = np.random.default_rng(seed).permutation(len(x))
    same = otgan.sinkhorn_divergence(x, x[order], a, a[order], epsilon=epsilon, p=p)
    assert abs(same.value) <= same.bracket.width < 1e-4


def test_is_what_pot_computes():
    x, y, a, b = clouds(0)
    theirs = ot.bregman.empirical_sinkhorn_divergence(
        x, y, 0.7, a=a, b=b, metric="sqeuclidean", method="sinkhorn_log", stopThr=1e-12, numIterMax=20_000
    )
    # POT takes each part's plan for its plain cost.
    ours = otgan.sinkhorn_divergence(x, y, a, b, epsilon=0.7, p=2, tol=1e-11)
    costs = [part.primal_cost for part in (ours.between, ours.within_source, ours.within_target)]
    plain = costs[0] - (costs[1] + costs[2]) / 2
    assert float(theirs) == pytest.approx(plain, abs=1e-8)
    assert abs(ours.value - plain) > 1e-3  # the smoothed values are another number


def test_limits():
    x, y, a, b = clouds(1)
    exact = otgan.wasserstein(x, y, a, b).distance
    assert otgan.sinkhorn_divergence(x, y, a, b, epsilon=1e-4).value == pytest.approx(exact, abs=2e-3)
    energy = [np.linalg.norm(u[:, None] - v, axis=2) for u, v in ((x, y), (x, x), (y, y))]
    mmd = a @ energy[0] @ b - (a @ energy[1] @ a + b @ energy[2] @ b) / 2
    assert otgan.sinkhorn_divergence(x, y, a, b, epsilon=1e5, tol=1e-10).value == pytest.approx(mmd, abs=1e-4)
