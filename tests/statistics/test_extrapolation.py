import numpy as np
import pytest

from otgan import wasserstein
from otgan.errors import InvalidShapeError, InvalidValueError
from otgan.statistics import debiased_estimate
from otgan.statistics.extrapolation import _intercept


def draw(n, d, shift, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.random((n, d)), rng.random((n, d))
    y[:, 0] += shift
    return x, y


@pytest.mark.parametrize(("d", "shift"), [(2, 0.0), (2, 0.3), (3, 0.0), (3, 0.5), (8, 0.3)])
def test_extrapolation_is_within_its_spread_and_takes_bias_away(d, shift):
    estimates = [debiased_estimate(*draw(128, d, shift, seed), n_splits=2, seed=seed) for seed in range(6)]
    errors = np.array([estimate.value for estimate in estimates]) - shift
    plain = np.array([estimate.means[0] for estimate in estimates]) - shift
    assert abs(errors.mean()) < 2 * np.mean([estimate.spread for estimate in estimates])
    if plain.mean() > 0.05:  # where there is a bias beside the sampling error, of about 0.03 here
        assert abs(errors.mean()) < 0.6 * plain.mean()


def test_equal_points_are_at_distance_0():
    estimate = debiased_estimate(np.zeros(40), np.zeros(40), n_splits=1)
    assert (estimate.value, estimate.spread) == (0, 0)


def test_the_spread_is_that_of_repeated_samples():
    estimates = [debiased_estimate(*draw(128, 1, 1.0, seed), n_splits=4, seed=seed) for seed in range(60)]
    values = np.array([estimate.value for estimate in estimates])
    # Far apart on the line W1 is the difference of the means: its standard deviation is √(2/12/128).
    truth = np.sqrt(2 / 12 / 128)
    assert abs(values.mean() - 1) < 4 * truth / np.sqrt(60)
    assert np.median([estimate.spread for estimate in estimates]) == pytest.approx(truth, rel=0.35)


def test_what_it_reports():
    x, y = draw(100, 3, 0.0, 0)
    estimate = debiased_estimate(x, y[:80], n_splits=2)
    assert estimate.sizes == (100, 50, 25, 12)
    assert estimate.means[0] == wasserstein(x, y[:80]).distance
    assert list(estimate.means) == sorted(estimate.means)
    assert 1 / 3 < estimate.rate < 1
    assert estimate == debiased_estimate(x, y[:80], n_splits=2)
    assert str(estimate).endswith("(an estimate, no bracket)")
    assert debiased_estimate(x, y, n_splits=1, rate=0.5).rate == 0.5


def test_the_line_is_followed_to_0():
    s = np.array([0.1, 0.2, 0.4, 0.8])
    value, variance, squares = _intercept(s, 3 + 2 * s)
    assert value == pytest.approx(3)
    assert (variance, squares) == pytest.approx((0, 0), abs=1e-20)


def test_bad_input_is_refused():
    x, y = draw(40, 1, 0.0, 0)
    with pytest.raises(InvalidShapeError, match="x must have at least 32 points, got 31"):
        debiased_estimate(x[:31], y)
    for rate in (0, -1, 1.5):
        with pytest.raises(InvalidValueError, match=r"rate must be in \(0, 1\]"):
            debiased_estimate(x, y, rate=rate)
    with pytest.raises(InvalidValueError, match="n_splits must be at least 1"):
        debiased_estimate(x, y, n_splits=0)
