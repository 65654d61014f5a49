"""Geodesics and distances of Fisher-Rao and W_2 against the line elements that define them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.optimize import minimize

from otgan.divergences import fisher_rao_distance, fisher_rao_geodesic, kullback_leibler, wasserstein_geodesic
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.gaussians import gaussian_wasserstein
from otgan.measures import Gaussian

LAWS = [([0.0], 1.0), ([3.0], 0.25), ([-1.0], 4.0), ([0.0], 1e-4)]


def fisher_length(means, stds):
    """Length of a polygon in ds² = (dμ² + 2 dσ²) / σ²: 1 / σ along a side has a logarithm as its integral."""
    rise = np.log(stds[1:] / stds[:-1])
    mean_inverse = np.where(np.abs(rise) < 1e-9, 1 / stds[1:], rise / np.where(rise == 0, 1, np.diff(stds)))
    return np.sum(np.sqrt(np.diff(means) ** 2 + 2 * np.diff(stds) ** 2) * mean_inverse)


def coordinates(laws):
    return np.array([law.mean[0] for law in laws]), np.array([math.sqrt(law.cov[0, 0]) for law in laws])


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(LAWS, 2)))
def test_the_distance_is_the_length_of_the_geodesic(one, other):
    distance = fisher_rao_distance(one, other)
    means, stds = coordinates(fisher_rao_geodesic(one, other, np.linspace(0, 1, 2001)))
    # the polygon is a path, and too long by the square of its steps, which are 1/100 at the most here
    assert distance <= fisher_length(means, stds) * (1 + 1e-12) <= distance * (1 + 1e-5)
    assert (means[0], stds[0]) == pytest.approx((one[0][0], math.sqrt(one[1])))
    assert (means[-1], stds[-1]) == pytest.approx((other[0][0], math.sqrt(other[1])))


def test_no_other_path_is_shorter():
    one, other = LAWS[0], LAWS[1]
    distance = fisher_rao_distance(one, other)
    means, stds = np.linspace(0.0, 3.0, 12), np.linspace(1.0, 0.5, 12)

    def length(inner):
        return fisher_length(
            np.concatenate([means[:1], inner[:10], means[-1:]]),
            np.exp(np.concatenate([[0.0], inner[10:], [-math.log(2)]])),
        )

    start = np.concatenate([means[1:-1], np.log(stds[1:-1])])
    best = minimize(length, start).fun
    assert distance < best < 1.02 * distance  # of all polygons with 11 sides
    assert length(start) > 1.1 * distance


def test_the_distance_is_one():
    for one, other, third in itertools.permutations(LAWS, 3):
        there = fisher_rao_distance(one, other)
        assert there == pytest.approx(fisher_rao_distance(other, one), rel=1e-14)
        assert 0 < there <= fisher_rao_distance(one, third) + fisher_rao_distance(third, other) + 1e-12
    assert fisher_rao_distance(LAWS[1], LAWS[1]) == 0


def test_special_cases():
    assert fisher_rao_distance(([2.0], 1.0), ([2.0], 9.0)) == pytest.approx(math.sqrt(2) * math.log(3), rel=1e-14)
    # along a common deviation: √2 arcosh (1 + δ² / 4), δ the means' distance in deviations
    assert fisher_rao_distance(([0.0], 4.0), ([6.0], 4.0)) == pytest.approx(
        math.sqrt(2) * math.acosh(1 + 9 / 4), rel=1e-14
    )
    stretched = fisher_rao_distance(([0.0], 100.0), ([30.0], 25.0))
    assert stretched == pytest.approx(fisher_rao_distance(([0.0], 1.0), ([3.0], 0.25)), rel=1e-14)
    middle = fisher_rao_geodesic(([0.0], 1.0), ([0.0], 16.0), [0.5])[0]
    assert math.sqrt(middle.cov[0, 0]) == pytest.approx(2, rel=1e-14)  # the geometric mean
    far = fisher_rao_geodesic(([0.0], 1e-200), ([0.0], 1e200), [0.5])[0]
    assert far.cov[0, 0] == pytest.approx(1, rel=1e-10)
    still = fisher_rao_geodesic(([1.0], 2.0), ([1.0], 2.0), [0.3])[0]
    assert (still.mean[0], still.cov[0, 0]) == pytest.approx((1, 2), rel=1e-14)


def test_close_by_kl_is_half_its_square():
    one, other = ([0.0], 1.0), ([1e-4], (1 + 2e-4) ** 2)
    distance = fisher_rao_distance(one, other)
    assert distance == pytest.approx(3e-4, rel=1e-3)  # √(1 + 2 · 2²) of 1e-4
    assert kullback_leibler(one, other).value == pytest.approx(distance**2 / 2, rel=1e-3)


@pytest.mark.parametrize("way", [fisher_rao_geodesic, wasserstein_geodesic])
def test_the_speed_is_constant(way):
    measure = {
        fisher_rao_geodesic: fisher_rao_distance,
        wasserstein_geodesic: lambda one, other: gaussian_wasserstein(one, other).distance,
    }[way]
    one, other = LAWS[1], LAWS[2]
    laws = way(one, other, [0.0, 0.2, 0.7, 1.0])
    whole = measure(one, other)
    for (s, here), (t, there) in itertools.combinations(zip([0.0, 0.2, 0.7, 1.0], laws, strict=True), 2):
        assert measure(here, there) == pytest.approx((t - s) * whole, rel=1e-9)


def test_the_w2_geodesic_in_space():
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(2, 3, 4))
    one, other = (Gaussian(rng.normal(size=3), root @ root.T) for root in roots)
    whole = gaussian_wasserstein(one, other).distance
    start, early, late, end = wasserstein_geodesic(one, other, [0.0, 0.25, 0.75, 1.0])
    assert gaussian_wasserstein(early, late).distance == pytest.approx(whole / 2, rel=1e-9)
    assert gaussian_wasserstein(one, late).distance == pytest.approx(whole * 0.75, rel=1e-9)
    np.testing.assert_allclose(start.cov, one.cov, atol=1e-12)
    np.testing.assert_allclose(end.cov, other.cov, atol=1e-12)
    # a quarter of the points' way along the optimal map
    moved = 0.75 * np.eye(3) + 0.25 * gaussian_wasserstein(one, other).barycentric_matrix
    np.testing.assert_allclose(early.cov, moved @ one.cov @ moved.T, atol=1e-9)


def test_the_w2_geodesic_takes_points():
    laws = wasserstein_geodesic(([0.0, 0.0], np.zeros((2, 2))), ([2.0, 0.0], np.eye(2)), [0.5])
    np.testing.assert_allclose(laws[0].mean, [1.0, 0.0])
    np.testing.assert_allclose(laws[0].cov, np.eye(2) / 4, atol=1e-15)


def test_bad_input_is_refused():
    with pytest.raises(InvalidShapeError, match="source must be a law on the line, got dimension 2"):
        fisher_rao_distance(([0.0, 0.0], 1.0), ([0.0], 1.0))
    with pytest.raises(InvalidValueError, match="target must have a positive variance"):
        fisher_rao_distance(([0.0], 1.0), ([0.0], np.zeros((1, 1))))
    with pytest.raises(InvalidValueError, match=r"target must have a mean up to 1e100 .* change the unit of length"):
        fisher_rao_geodesic(([0.0], 1.0), ([1e160], 1.0), [0.5])
    with pytest.raises(InvalidTypeError, match="source must be a Gaussian or a pair"):
        fisher_rao_geodesic("N(0, 1)", ([0.0], 1.0), [0.5])
    with pytest.raises(InvalidValueError, match=r"times must lie in \[0, 1\], got 1.5"):
        fisher_rao_geodesic(([0.0], 1.0), ([1.0], 1.0), [0.0, 1.5])
    with pytest.raises(InvalidShapeError, match="times must have shape"):
        wasserstein_geodesic(([0.0], 1.0), ([1.0], 1.0), 0.5)
