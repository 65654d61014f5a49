import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, InvalidWeightsError
from otgan.measures import GaussianMixture

MEANS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 20.0]])
COVS = np.array([[[1.0, 0.5], [0.5, 2.0]], [[0.3, 0.0], [0.0, 0.1]], [[1.0, -0.9], [-0.9, 1.0]]])
SHARES = np.array([0.2, 0.5, 0.3])


def rng(seed=0):
    return np.random.default_rng(seed)


def test_each_component_has_its_share_mean_and_covariance():
    n = 100_000
    points, labels = GaussianMixture(MEANS, COVS, SHARES).sample_with_labels(n, rng())
    assert points.shape == (n, 2)
    assert labels.shape == (n,)
    for j in range(3):
        part = points[labels == j]
        assert abs(len(part) / n - SHARES[j]) <= 5 * math.sqrt(SHARES[j] * (1 - SHARES[j]) / n)
        variances = np.diag(COVS[j])
        assert (np.abs(part.mean(axis=0) - MEANS[j]) <= 5 * np.sqrt(variances / len(part))).all()
        error = np.sqrt((np.outer(variances, variances) + COVS[j] ** 2) / len(part))
        assert (np.abs(np.cov(part.T) - COVS[j]) <= 5 * error).all()


def test_labels_leave_the_points_as_they_are():
    mixture = GaussianMixture(MEANS, COVS, SHARES)
    np.testing.assert_array_equal(mixture.sample(50, rng(4)), mixture.sample_with_labels(50, rng(4))[0])


@pytest.mark.parametrize("shares", [SHARES, np.array([0.5, 0.0, 0.5])])
def test_log_density_against_scipy(shares):
    points = rng().uniform(-5, 25, (100, 2))
    densities = [
        share * multivariate_normal(mean, cov).pdf(points) for share, mean, cov in zip(shares, MEANS, COVS, strict=True)
    ]
    got = GaussianMixture(MEANS, COVS, shares).log_density(points)
    assert got.shape == (100,)
    seen = np.sum(densities, axis=0) > 0  # the plain sum underflows where the logarithm does not
    np.testing.assert_allclose(got[seen], np.log(np.sum(densities, axis=0)[seen]), rtol=1e-9)
    assert np.isfinite(got).all()


def test_variances_for_covariances():
    each = GaussianMixture(MEANS, [1.0, 2.0, 3.0])
    np.testing.assert_array_equal([part.cov[0, 0] for part in each.components], [1, 2, 3])
    every = GaussianMixture(MEANS, 2)
    np.testing.assert_array_equal([part.cov for part in every.components], [2 * np.eye(2)] * 3)
    np.testing.assert_array_equal(every.weights, np.full(3, 1 / 3))
    assert repr(every) == "GaussianMixture(components=3, dim=2)"


def test_singular_components_can_be_sampled():
    points = GaussianMixture([[0.0], [1.0]], np.zeros((2, 1, 1))).sample(100, rng())
    assert set(points[:, 0]) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("covs", "weights", "error", "message"),
    [
        (0.0, None, InvalidValueError, r"covs must be in \(0, inf\)"),
        ("1", None, InvalidTypeError, "covs must be a real number"),
        ([1.0, 2.0], None, InvalidShapeError, r"covs must have shape \(3, d, d\) or \(3,\), got shape \(2,\)"),
        (np.eye(2), None, InvalidShapeError, r"covs must have shape \(3, d, d\) or \(3,\), got shape \(2, 2\)"),
        (np.array(1.0), None, InvalidShapeError, r"covs must have shape .* got shape \(\)"),
        ([1.0, -2.0, 1.0], None, InvalidValueError, r"covs\[1\] must be in \(0, inf\), got -2"),
        (np.zeros((3, 3, 3)), None, InvalidShapeError, r"covs\[0\] must have shape \(2, 2\)"),
        (COVS * [[[1]], [[1]], [[-1]]], None, InvalidValueError, r"covs\[2\] must be positive semidefinite"),
        (1.0, [0.5, 0.5], InvalidWeightsError, r"weights must have shape \(3,\), .* each of the 3 components"),
        (1.0, [0.5, 0.7, -0.2], InvalidWeightsError, "weights must not be negative"),
    ],
)
def test_bad_arguments(covs, weights, error, message):
    with pytest.raises(error, match=message):
        GaussianMixture(MEANS, covs, weights)


def test_bad_means_and_points():
    with pytest.raises(InvalidShapeError, match="means must have shape"):
        GaussianMixture(np.zeros((2, 2, 2)), 1.0)
    with pytest.raises(InvalidShapeError, match=r"points must have shape \(n, 2\)"):
        GaussianMixture(MEANS, 1.0).log_density([1.0, 2.0])
    with pytest.raises(InvalidValueError, match="cov must be positive definite for a density"):
        GaussianMixture(MEANS, np.zeros((3, 2, 2))).log_density([[1.0, 2.0]])
    with pytest.raises(InvalidValueError, match="n must be at least 1"):
        GaussianMixture(MEANS, 1.0).sample_with_labels(0, rng())
    with pytest.raises(InvalidTypeError, match="rng must be a numpy"):
        GaussianMixture(MEANS, 1.0).sample_with_labels(1, 0)
