import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.measures import Gaussian

MEAN = np.array([1.0, -2.0, 0.5])
ROOT = np.array([[1.0, 0.0, 0.0], [0.5, 2.0, 0.0], [-1.0, 0.3, 0.7]])
COV = ROOT @ ROOT.T


def rng(seed=0):
    return np.random.default_rng(seed)


def test_sample_moments():
    n = 200_000
    points = Gaussian(MEAN, COV).sample(n, rng())
    variances = np.diag(COV)
    assert (np.abs(points.mean(axis=0) - MEAN) <= 5 * np.sqrt(variances / n)).all()
    # Var of an entry of the sample covariance: (c_ii c_jj + c_ij²) / n (Isserlis).
    error = np.sqrt((np.outer(variances, variances) + COV**2) / n)
    assert (np.abs(np.cov(points.T) - COV) <= 5 * error).all()


def test_singular_covariance_stays_on_its_plane():
    direction = np.array([1.0, 2.0, -1.0])
    points = Gaussian(MEAN, np.outer(direction, direction)).sample(1000, rng()) - MEAN
    along = points @ direction / 6
    np.testing.assert_allclose(points, np.outer(along, direction), atol=1e-7)  # square root of rounding
    assert abs(along.var() - 1) < 5 * math.sqrt(2 / 1000)


def test_zero_covariance_is_a_point():
    np.testing.assert_array_equal(Gaussian([3.0, 4.0], np.zeros((2, 2))).sample(5, rng()), np.tile([3.0, 4.0], (5, 1)))


@given(seed=st.integers(0, 1000), dim=st.integers(1, 6))
def test_log_density_against_scipy(seed, dim):
    generator = rng(seed)
    root = generator.standard_normal((dim, dim))
    cov, mean = root @ root.T + 0.1 * np.eye(dim), generator.standard_normal(dim)
    points = generator.standard_normal((7, dim))
    expected = np.atleast_1d(multivariate_normal(mean, cov).logpdf(points))
    np.testing.assert_allclose(Gaussian(mean, cov).log_density(points), expected, rtol=1e-9, atol=1e-9)


def test_number_means_multiple_of_the_identity():
    np.testing.assert_array_equal(Gaussian([0.0, 0.0], 2.5).cov, 2.5 * np.eye(2))
    np.testing.assert_array_equal(Gaussian([0.0, 0.0], np.float32(2.5)).cov, 2.5 * np.eye(2))


def test_standard():
    measure = Gaussian.standard(3)
    np.testing.assert_array_equal(measure.mean, np.zeros(3))
    np.testing.assert_array_equal(measure.cov, np.eye(3))
    assert repr(measure) == "Gaussian.standard(3)"
    assert repr(Gaussian(MEAN, COV)) == "Gaussian(dim=3)"


def test_rounding_in_float32_is_forgiven():
    cov = np.float32(COV)
    cov[0, 1] = np.nextafter(cov[0, 1], np.float32(9))
    measure = Gaussian(MEAN, cov)
    np.testing.assert_array_equal(measure.cov, measure.cov.T)
    flat = np.float32(np.outer([0.1, 0.3], [0.1, 0.3])) - np.float32(1e-9) * np.eye(2, dtype=np.float32)
    assert np.isfinite(Gaussian([0.0, 0.0], flat).sample(5, rng())).all()


def test_same_seed_same_points():
    measure = Gaussian(MEAN, COV)
    np.testing.assert_array_equal(measure.sample(5, rng(3)), measure.sample(5, rng(3)))


@pytest.mark.parametrize(
    ("mean", "cov", "error", "message"),
    [
        (0.0, 1.0, InvalidShapeError, r"mean must have shape \(d,\), got shape \(\)"),
        ([[0.0]], 1.0, InvalidShapeError, r"mean must have shape \(d,\), got shape \(1, 1\)"),
        ([0.0, math.inf], 1.0, InvalidValueError, "mean must be finite"),
        ([0.0], 0.0, InvalidValueError, r"cov must be in \(0, inf\), got 0"),
        ([0.0], -1, InvalidValueError, r"cov must be in \(0, inf\)"),
        ([0.0], "1", InvalidTypeError, "cov must be a real number"),
        ([0.0], None, InvalidTypeError, "cov must hold real numbers"),
        ([0.0, 0.0], [1.0, 1.0], InvalidShapeError, r"cov must have shape \(2, 2\), got shape \(2,\)"),
        ([0.0, 0.0], np.eye(3), InvalidShapeError, r"cov must have shape \(2, 2\), got shape \(3, 3\)"),
        ([0.0, 0.0], [[1.0], [1.0, 2.0]], InvalidShapeError, "cov must have rows of one length"),
        (
            [0.0, 0.0],
            [[1.0, 0.5], [0.4, 1.0]],
            InvalidValueError,
            "cov must be symmetric, got entries that differ by 0.1",
        ),
        (
            [0.0, 0.0],
            [[1.0, 2.0], [2.0, 1.0]],
            InvalidValueError,
            "cov must be positive semidefinite, got the eigenvalue -1",
        ),
    ],
)
def test_bad_arguments(mean, cov, error, message):
    with pytest.raises(error, match=message):
        Gaussian(mean, cov)


@pytest.mark.parametrize("cov", [np.zeros((2, 2)), np.ones((2, 2))])
def test_singular_has_no_density(cov):
    with pytest.raises(
        InvalidValueError, match=r"cov must be positive definite for a density, got rank . in dimension 2"
    ):
        Gaussian([0.0, 0.0], cov).log_density([[0.0, 0.0]])


def test_density_at_points_of_another_dimension():
    with pytest.raises(InvalidShapeError, match=r"points must have shape \(n, 2\), got shape \(4, 3\)"):
        Gaussian.standard(2).log_density(np.zeros((4, 3)))


def test_standard_needs_a_dimension():
    with pytest.raises(InvalidValueError, match="dim must be at least 1"):
        Gaussian.standard(0)
