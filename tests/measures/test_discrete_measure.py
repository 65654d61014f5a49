import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otgan.errors import (
    InvalidShapeError,
    InvalidTypeError,
    InvalidValueError,
    InvalidWeightsError,
    WeightsWarning,
)
from otgan.measures import DiscreteMeasure, empirical


def rng(seed=0):
    return np.random.default_rng(seed)


def test_empirical_is_uniform():
    measure = empirical([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]])
    assert measure.dim == 2
    assert len(measure) == 4
    np.testing.assert_array_equal(measure.weights, np.full(4, 0.25))
    assert repr(measure) == "DiscreteMeasure(n=4, dim=2)"


def test_weights_are_normalised_and_kept_raw():
    with pytest.warns(WeightsWarning, match="weights sums to 6"):
        measure = DiscreteMeasure([0.0, 1.0, 2.0], [1, 2, 3])
    np.testing.assert_array_equal(measure.raw_weights, [1, 2, 3])
    np.testing.assert_array_equal(measure.weights, np.array([1, 2, 3]) / 6)


def test_own_copy():
    points, weights = np.zeros((2, 2)), np.array([0.5, 0.5])
    measure = DiscreteMeasure(points, weights)
    points[:], weights[:] = 1, 1
    assert not measure.points.any()
    np.testing.assert_array_equal(measure.raw_weights, [0.5, 0.5])


def test_sample_follows_the_weights():
    shares = np.array([0.1, 0.0, 0.6, 0.3])
    n = 100_000
    drawn = DiscreteMeasure([0.0, 1.0, 2.0, 3.0], shares).sample(n, rng())
    assert drawn.shape == (n, 1)
    counts = np.bincount(drawn[:, 0].astype(int), minlength=4)
    assert counts[1] == 0
    # Five standard errors of a binomial share.
    assert (np.abs(counts / n - shares) <= 5 * np.sqrt(shares * (1 - shares) / n)).all()


def test_extreme_weights_are_sampled():
    with pytest.warns(WeightsWarning, match="sums to 4e-300"):
        measure = DiscreteMeasure([0.0, 1.0], [1e-300, 3e-300])
    drawn = measure.sample(1000, rng())
    assert abs(drawn.mean() - 0.75) < 5 * math.sqrt(0.75 * 0.25 / 1000)


def test_same_seed_same_points():
    measure = empirical(rng().standard_normal((50, 3)))
    np.testing.assert_array_equal(measure.sample(20, rng(1)), measure.sample(20, rng(1)))
    assert (measure.sample(20, rng(1)) != measure.sample(20, rng(2))).any()


@given(n=st.integers(2, 60), fraction=st.floats(0.05, 0.95), seed=st.integers(0, 99))
def test_split_is_a_partition(n, fraction, seed):
    first = round(n * fraction)
    if first in (0, n):
        return
    measure = DiscreteMeasure(np.arange(n), np.arange(1, n + 1) / (n * (n + 1) / 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parts = measure.split(fraction, rng(seed))
    assert [len(part) for part in parts] == [first, n - first]
    assert sorted(np.concatenate([part.points[:, 0] for part in parts])) == list(range(n))
    for part in parts:
        np.testing.assert_array_equal(part.raw_weights, measure.raw_weights[part.points[:, 0].astype(int)])
        assert math.isclose(math.fsum(part.weights), 1, rel_tol=1e-12)
        assert part.sample(5, rng()).shape == (5, 1)


def test_split_is_random_and_reproducible():
    measure = empirical(np.arange(40))
    a, b, c = (measure.split(0.5, rng(seed))[0].points for seed in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


@pytest.mark.parametrize("fraction", [0, 1, 0.1, 0.95])
def test_split_with_an_empty_part(fraction):
    with pytest.raises(
        InvalidValueError, match=r"fraction must leave points with mass in both parts, got .* of 3 points"
    ):
        empirical([1, 2, 3]).split(fraction, rng())


def test_split_with_a_part_without_mass():
    with pytest.raises(InvalidValueError, match="fraction must leave points with mass in both parts"):
        DiscreteMeasure([1, 2], [1.0, 0.0]).split(0.5, rng())


@pytest.mark.parametrize(
    ("fraction", "generator", "error", "message"),
    [
        (1.5, rng(), InvalidValueError, r"fraction must be in \[0, 1\], got 1.5"),
        ("half", rng(), InvalidTypeError, "fraction must be a real number"),
        (0.5, 0, InvalidTypeError, r"rng must be a numpy.random.Generator, got 0; pass numpy.random.default_rng"),
    ],
)
def test_split_arguments(fraction, generator, error, message):
    with pytest.raises(error, match=message):
        empirical([1, 2, 3]).split(fraction, generator)


@pytest.mark.parametrize(
    ("points", "weights", "error", "message"),
    [
        ([], None, InvalidShapeError, "points must not be empty"),
        (np.zeros((2, 2, 2)), None, InvalidShapeError, r"points must have shape \(n, d\)"),
        ([[0.0, math.nan]], None, InvalidValueError, r"points must be finite, got nan at index \(0, 1\)"),
        (["a"], None, InvalidTypeError, "points must hold real numbers, got text"),
        ([1, 2], [1.0], InvalidWeightsError, r"weights must have shape \(2,\)"),
        ([1, 2], [1.5, -0.5], InvalidWeightsError, "weights must not be negative, got -0.5 at index 1"),
        ([1, 2], [0, 0], InvalidWeightsError, "weights must have a positive entry"),
        ([1, 2], [math.inf, 1], InvalidWeightsError, "weights must be finite"),
    ],
)
def test_bad_arguments(points, weights, error, message):
    with pytest.raises(error, match=message):
        DiscreteMeasure(points, weights)


@pytest.mark.parametrize(
    ("n", "generator", "error", "message"),
    [
        (0, rng(), InvalidValueError, "n must be between 1 and 1000000000, got 0"),
        (2.0, rng(), InvalidTypeError, "n must be an integer, got 2.0"),
        (2, None, InvalidTypeError, r"rng must be a numpy.random.Generator, got None"),
        (2, np.random.RandomState(0), InvalidTypeError, r"rng must be a numpy.random.Generator"),
    ],
)
def test_sample_arguments(n, generator, error, message):
    with pytest.raises(error, match=message):
        empirical([1, 2, 3]).sample(n, generator)
