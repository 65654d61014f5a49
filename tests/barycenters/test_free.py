"""Means on a free support: quantile averages, Gaussians on the line, POT, and the bound that no mean beats."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from otgan.barycenters import fixed_support_barycenter, free_support_barycenter
from otgan.errors import Interrupted, InvalidTypeError, InvalidValueError
from otgan.solution import Status


def test_on_the_line_it_averages_quantiles():
    rng = np.random.default_rng(0)
    samples = np.sort(rng.normal(size=(3, 8)) * [[1], [2], [0.5]] + [[0], [3], [-2]], axis=1)
    counts = np.array([0.5, 0.2, 0.3])
    mean = free_support_barycenter(list(samples), n_points=8, rng=rng, weights=counts)
    np.testing.assert_allclose(np.sort(mean.points.ravel()), counts @ samples, atol=1e-12)
    truth = float(counts @ ((samples - counts @ samples) ** 2).mean(axis=1))
    # On the line the bound from below is attained, so that the local minimum is proven to be the smallest.
    assert mean.cost_bounds.lower <= truth * (1 + 1e-14)
    assert truth * (1 - 1e-14) <= mean.cost_bounds.upper
    assert mean.relative_gap < 1e-11
    assert mean.status is Status.LOCAL
    assert mean.converged
    assert mean.status.value.startswith("local minimum")


def test_gaussians_on_the_line():
    levels = (np.arange(200) + 0.5) / 200
    measures = [norm.ppf(levels, loc=-1, scale=1), norm.ppf(levels, loc=3, scale=3)]
    mean = free_support_barycenter(measures, n_points=200, rng=np.random.default_rng(1), weights=[0.25, 0.75])
    # The mean of N(m, s²) is N(mean of m, (mean of s)²), here N(2, 2.5²).
    np.testing.assert_allclose(np.sort(mean.points.ravel()), norm.ppf(levels, loc=2, scale=2.5), atol=1e-9)


def test_two_points_meet_between():
    mean = free_support_barycenter(
        [[[0.0, 0.0]], [[4.0, 8.0]]], n_points=1, rng=np.random.default_rng(0), weights=[0.75, 0.25]
    )
    np.testing.assert_allclose(mean.points, [[1.0, 2.0]])
    assert mean.cost == pytest.approx(0.75 * 5 + 0.25 * 45)
    assert mean.cost in mean.objective
    assert mean.iterations == 1


@pytest.mark.parametrize("seed", [0, 1])
def test_bracket_holds_the_best_mean_on_any_points(seed):
    rng = np.random.default_rng(seed)
    measures = [rng.normal(size=(12, 2)) + [k, 0] for k in range(3)]
    found = free_support_barycenter(measures, n_points=12, rng=rng)
    assert found.lower_bound < found.upper_bound
    assert found.relative_gap < 0.1
    assert found.objective.relative_width < 1e-11
    assert found.cost_bounds.upper == found.objective.upper
    # Masses of any size on the same points, and on more, cost no less than the bound.
    best = fixed_support_barycenter(measures, np.vstack([found.points, rng.normal(size=(20, 2))]))
    assert found.cost_bounds.lower <= best.cost_bounds.upper
    assert best.cost_bounds.lower <= found.cost_bounds.upper
    # It is a fixed point: each point is at the mean of the places to which it is sent.
    sent = sum(12 * plan @ points / 3 for plan, points in zip(found.plans, measures, strict=True))
    np.testing.assert_allclose(sent, found.points, atol=1e-9)


def test_pot_finds_no_fixed_point_elsewhere():
    import ot

    rng = np.random.default_rng(3)
    measures = [rng.normal(size=(10, 2)), rng.normal(size=(10, 2)) + 2]
    found = free_support_barycenter(measures, n_points=10, rng=rng)
    equal = np.full(10, 0.1)
    peer = ot.lp.free_support_barycenter(measures, [equal, equal], found.points, equal, numItermax=20)
    np.testing.assert_allclose(peer, found.points, atol=1e-9)


def test_few_steps_and_the_same_seed():
    rng = np.random.default_rng(4)
    measures = [rng.normal(size=(40, 2)), rng.normal(size=(40, 2)) * 3, rng.random((40, 2))]
    short = free_support_barycenter(measures, n_points=30, rng=np.random.default_rng(5), max_iter=1)
    long = free_support_barycenter(measures, n_points=30, rng=np.random.default_rng(5))
    again = free_support_barycenter(measures, n_points=30, rng=np.random.default_rng(5))
    assert short.status is Status.ITERATION_LIMIT
    assert not short.converged
    assert short.cost_bounds.lower == long.cost_bounds.lower
    assert long.cost < short.cost
    np.testing.assert_array_equal(long.points, again.points)


def test_interruption_leaves_a_mean(monkeypatch):
    from otgan.barycenters import free

    usual, count = free._plans, 0

    def pressed(*arguments):
        nonlocal count
        count += 1
        if count == 3:
            raise Interrupted("the solution", None)
        return usual(*arguments)

    monkeypatch.setattr(free, "_plans", pressed)
    rng = np.random.default_rng(6)
    with pytest.raises(Interrupted) as caught:
        free_support_barycenter([rng.random((20, 2)), rng.random((20, 2)) * 2], n_points=15, rng=rng)
    stopped = caught.value.partial
    assert stopped.status is Status.INTERRUPTED
    assert stopped.iterations == 1
    assert stopped.lower_bound == 0 < stopped.objective.lower  # what was not proven is not claimed


def test_bad_input():
    with pytest.raises(InvalidTypeError, match=r"rng must be a numpy.random.Generator"):
        free_support_barycenter([[0.0]], n_points=1, rng=0)
    with pytest.raises(InvalidValueError, match="n_points must be at least 1"):
        free_support_barycenter([[0.0]], n_points=0, rng=np.random.default_rng(0))
