"""The Fréchet distance against closed forms, SciPy's matrix root, and its bias on the normal law."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from otgan.errors import InvalidShapeError, InvalidValueError
from otgan.quality import frechet_distance


def with_moments(rng, n, mean, cov):
    """A sample whose mean and covariance are exactly these, up to rounding."""
    z = rng.normal(size=(n, len(mean)))
    z -= z.mean(0)
    white = np.linalg.solve(np.linalg.cholesky(np.cov(z.T)), z.T).T
    return mean + white @ np.linalg.cholesky(cov).T


def test_commuting_covariances_have_a_closed_form():
    rng = np.random.default_rng(0)
    x = with_moments(rng, 50, np.array([0.0, 1.0, 2.0]), np.diag([1.0, 4.0, 9.0]))
    y = with_moments(rng, 80, np.array([1.0, 1.0, 4.0]), np.diag([4.0, 4.0, 25.0]))
    found = frechet_distance(x, y)
    assert found.of_means == pytest.approx(1 + 4, rel=1e-10)
    assert found.of_covariances == pytest.approx((2 - 1) ** 2 + (5 - 3) ** 2, rel=1e-10)
    assert found.value == pytest.approx(10, rel=1e-10)
    assert (found.sizes, found.dim, found.full_rank) == ((50, 80), 3, True)


def test_scipys_matrix_root_gives_the_same():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 8)) @ rng.normal(size=(8, 8))
    y = rng.normal(size=(70, 8)) @ rng.normal(size=(8, 8)) + 1
    a, b = np.cov(x.T), np.cov(y.T)
    peer = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert frechet_distance(x, y).value == pytest.approx(peer, rel=1e-9)


def test_fewer_points_than_features_are_no_trouble():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(5, 40)), rng.normal(size=(6, 40))
    found = frechet_distance(x, y)
    # The covariances' factors are the centred points: ‖S - T U‖² at best is tr A + tr B - 2 ‖Tᵀ S‖_*.
    s, t = ((p - p.mean(0)).T / np.sqrt(len(p) - 1) for p in (x, y))
    truth = (s**2).sum() + (t**2).sum() - 2 * np.linalg.norm(t.T @ s, "nuc")
    assert found.of_covariances == pytest.approx(truth, rel=1e-7)
    assert not found.full_rank
    assert frechet_distance(x, x).value == pytest.approx(0, abs=1e-12 * (s**2).sum())


def test_units_enter_as_squares_and_a_common_rotation_not_at_all():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(30, 3)), rng.normal(size=(40, 3)) * [1, 2, 3]
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    value = frechet_distance(x, y).value
    assert frechet_distance(5 * x @ turn + 1, 5 * y @ turn + 1).value == pytest.approx(25 * value, rel=1e-10)
    assert frechet_distance(y, x).value == pytest.approx(value, rel=1e-10)


@pytest.mark.parametrize("d", [1, 4])
def test_the_bias_between_two_samples_of_one_normal_law(d):
    rng, n, sigma = np.random.default_rng(d), 400, 2.0
    values = [frechet_distance(*(sigma * rng.normal(size=(2, n, d)))).value for _ in range(150)]
    said = sigma**2 * (d**2 + 5 * d) / (2 * n)
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    assert abs(np.mean(values) - said) < 4 * error + 0.02 * said  # the formula's own next order in d / n


def test_a_sample_of_the_same_moments_is_not_seen():
    ring = np.column_stack([np.cos(t := np.linspace(0, 2 * np.pi, 8, endpoint=False)), np.sin(t)])
    cross = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]] * 2)
    assert frechet_distance(ring, cross).value == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("unit", [1e-200, 1e-60, 1e60, 1e160])
def test_features_whose_covariance_leaves_float64_are_refused(unit):
    points = unit * np.random.default_rng(4).normal(size=(20, 2))
    with pytest.raises(InvalidValueError, match=r"x must have a largest coordinate between .* change the unit"):
        frechet_distance(points, points)


def test_a_single_point_has_no_covariance():
    with pytest.raises(InvalidShapeError, match="y must have at least two points for a covariance, got 1"):
        frechet_distance([[0.0], [1.0]], [[0.0]])
    with pytest.raises(InvalidShapeError, match="y must have the dimension of x, 1"):
        frechet_distance([[0.0], [1.0]], [[0.0, 1.0]])
