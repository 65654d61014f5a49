"""Means on a fixed support: closed forms on the line, POT, and what weak duality says of any masses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otgan.barycenters import fixed_support_barycenter
from otgan.barycenters.bounds import lower_bound
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, MemoryLimitError
from otgan.measures import DiscreteMeasure
from otgan.solution import Status
from otgan.solve import wasserstein


def cost_of(masses, support, measures, counts, p=2):
    parts = [m if isinstance(m, tuple) else (m, None) for m in measures]
    return sum(
        count * wasserstein(support, points, masses, weights, p=p).cost
        for count, (points, weights) in zip(counts, parts, strict=True)
    )


def test_two_points():
    mean = fixed_support_barycenter([[0.0], [4.0]], np.arange(5.0), weights=[0.75, 0.25])
    np.testing.assert_allclose(mean.masses, [0, 1, 0, 0, 0], atol=1e-12)
    assert mean.cost == pytest.approx(0.75 * 1 + 0.25 * 9)
    assert mean.lower_bound <= 3**0.5 <= mean.upper_bound
    assert mean.relative_gap < 1e-12
    assert mean.status is Status.OPTIMAL
    assert mean.converged
    # For p = 1 the mean is a median: all of it at the point that counts more.
    median = fixed_support_barycenter([[0.0], [4.0]], np.arange(5.0), weights=[0.75, 0.25], p=1)
    np.testing.assert_allclose(median.masses, [1, 0, 0, 0, 0], atol=1e-12)
    assert median.cost == median.distance == pytest.approx(1)


def test_on_the_line_it_averages_quantiles():
    rng = np.random.default_rng(0)
    samples = np.sort(rng.normal(size=(3, 6)) * [[1], [2], [0.5]] + [[0], [3], [-2]], axis=1)
    counts = np.array([0.5, 0.2, 0.3])
    means = counts @ samples
    mean = fixed_support_barycenter(list(samples), np.concatenate([means, rng.normal(size=9)]), weights=counts)
    np.testing.assert_allclose(mean.masses, [1 / 6] * 6 + [0] * 9, atol=1e-9)
    truth = float(counts @ ((samples - means) ** 2).mean(axis=1))
    assert mean.cost_bounds.lower <= truth * (1 + 1e-14)
    assert truth * (1 - 1e-14) <= mean.cost_bounds.upper
    assert mean.relative_gap < 1e-9


@pytest.mark.parametrize("seed", [0, 1])
def test_pot_agrees(seed):
    import ot

    rng = np.random.default_rng(seed)
    places, weights = rng.normal(size=(9, 2)), rng.random((9, 3)) + 0.01
    weights, counts = weights / weights.sum(axis=0), np.array([0.2, 0.3, 0.5])
    costs = np.linalg.norm(places[:, None] - places, axis=2) ** 2
    peer = ot.lp.barycenter(weights, costs, weights=counts)
    measures = [(places, weights[:, k]) for k in range(3)]
    mean = fixed_support_barycenter(measures, places, weights=counts)
    truth = sum(c * ot.emd2(peer / peer.sum(), weights[:, k], costs) for k, c in enumerate(counts))
    assert mean.cost == pytest.approx(truth, rel=1e-8)
    assert mean.relative_gap < 1e-9
    assert cost_of(mean.masses, places, measures, counts) == pytest.approx(mean.cost, rel=1e-9)
    for k, plan in enumerate(mean.plans):
        np.testing.assert_allclose(plan.sum(axis=1), mean.masses, atol=1e-12)
        np.testing.assert_allclose(plan.sum(axis=0), weights[:, k], atol=1e-12)
    # Potentials prove the cost: feasible, and their mean is the same wherever the mean may be.
    heights = sum(c * part.f for c, part in zip(counts, mean.potentials, strict=True))
    value = sum(c * part.g @ weights[:, k] for k, (c, part) in enumerate(zip(counts, mean.potentials, strict=True)))
    assert value + heights.min() == pytest.approx(mean.cost, rel=1e-9)
    assert all((part.f[:, None] + part.g <= costs + 1e-12).all() for part in mean.potentials)


@given(seed=st.integers(0, 2**32 - 1), p=st.sampled_from([1.0, 2.0]))
@settings(max_examples=8)
def test_any_potentials_prove_less_than_any_masses_cost(seed, p):
    rng = np.random.default_rng(seed)
    support, x, y = rng.normal(size=(4, 2)), rng.normal(size=(3, 2)), rng.normal(size=(5, 2)) + 1
    a, b, w, counts = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(4)), [0.3, 0.7]
    low = [np.linalg.norm(support[:, None] - points, axis=2) ** p * (1 - 1e-12) for points in (x, y)]
    guess = [rng.normal(size=3), rng.normal(size=5)]
    lower, _ = lower_bound(low, [a, b], np.array(counts), guess)
    mean = fixed_support_barycenter([(x, a), (y, b)], support, weights=counts, p=p)
    assert 0 <= lower <= mean.cost_bounds.upper
    assert mean.cost_bounds.lower <= cost_of(w, support, [(x, a), (y, b)], counts, p) * (1 + 1e-12)


def test_weights_of_a_measure_and_points_without_mass():
    mean = fixed_support_barycenter(
        [DiscreteMeasure([0.0, 9.0], [1.0, 0.0]), ([2.0, 7.0], [1.0, 0.0])], [1.0, 8.0], tol=1e-9
    )
    np.testing.assert_allclose(mean.masses, [1, 0], atol=1e-12)
    assert mean.cost == pytest.approx(1)
    np.testing.assert_allclose(mean.measure.weights, [1, 0], atol=1e-12)


@pytest.mark.filterwarnings("error")
def test_a_measure_that_hardly_counts():
    mean = fixed_support_barycenter([[1e100], [0.0, 2e100]], [0.0, 3e100], weights=[1.0, 1e-121])
    np.testing.assert_allclose(mean.masses, [1, 0], atol=1e-12)
    assert mean.converged
    assert mean.cost == pytest.approx(1e200)


def test_bracket_holds_when_time_is_up():
    rng = np.random.default_rng(2)
    measures, support = [rng.normal(size=(30, 2)) + k for k in range(3)], rng.normal(size=(30, 2))
    stopped = fixed_support_barycenter(measures, support, max_seconds=1e-6)
    whole = fixed_support_barycenter(measures, support)
    assert stopped.status is Status.RESOURCE_LIMIT
    assert stopped.cost_bounds.lower <= whole.cost_bounds.upper
    assert whole.cost_bounds.lower < stopped.cost_bounds.upper


@pytest.mark.parametrize(
    ("measures", "error", "message"),
    [
        ("text", InvalidTypeError, "measures must be a list of measures"),
        ([], InvalidShapeError, "measures must not be empty"),
        ([[0.0], [[1.0, 2.0]]], InvalidShapeError, r"measures\[1\] must have the dimension of measures\[0\], 1"),
        ([[0.0], ([1.0], [1.0], 3)], InvalidShapeError, r"measures\[1\] must be points, or a tuple"),
        ([[0.0], [float("nan")]], InvalidValueError, r"measures\[1\] must be finite"),
    ],
)
def test_bad_measures(measures, error, message):
    with pytest.raises(error, match=message):
        fixed_support_barycenter(measures, [0.0])


def test_memory():
    with pytest.raises(MemoryLimitError, match="the linear program needs"):
        fixed_support_barycenter([np.zeros(99)], np.zeros(99), max_memory=1000)
