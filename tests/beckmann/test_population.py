"""The population's W1 in the plane, against closed forms, the discrete solver, and samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import otgan
from otgan.beckmann.flux import Flux
from otgan.beckmann.grid import CORNER_DISTANCE
from otgan.beckmann.laws import box_of, mixture
from otgan.beckmann.population import _box
from otgan.beckmann.potential import Potential
from otgan.errors import InvalidShapeError, InvalidValueError, MemoryLimitError, NotProvidedError
from otgan.measures import Gaussian, GaussianMixture, eight_gaussians

FEW = settings(max_examples=15, deadline=None)


@FEW
@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(0.05, 2), st.floats(0.05, 2))
def test_translations(dx, dy, one, other):
    length = math.hypot(dx, dy)
    if length < 0.05:
        return
    cov = np.diag([one, other])
    bracket = otgan.population_w1(Gaussian([0, 0], cov), Gaussian([dx, dy], cov), rtol=0.05, max_seconds=20)
    assert bracket.lower_bound <= length <= bracket.upper_bound
    assert bracket.converged == (bracket.relative_gap <= 0.05)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_radial_laws(scale):
    # R and 2R along the same rays: W1 = E|X| = σ √(π/2)
    bracket = otgan.population_w1(Gaussian([5, 5], scale**2), Gaussian([5, 5], 4 * scale**2), rtol=0.02)
    assert bracket.lower_bound <= scale * math.sqrt(math.pi / 2) <= bracket.upper_bound
    assert bracket.relative_gap <= 0.02
    assert bracket.status is otgan.Status.OPTIMAL


def test_a_common_factor_leaves_the_line():
    # P ⊗ R against Q ⊗ R is W1(P, Q), here of two mixtures on the line, by ∫ |F − G|
    from scipy.stats import norm

    p = GaussianMixture([[-1, 0], [1, 0]], [np.diag([0.04, 1.0])] * 2)
    q = GaussianMixture([[0, 0], [2, 0]], [np.diag([0.09, 1.0])] * 2, [0.3, 0.7])
    z = np.linspace(-4, 6, 400_001)
    f = 0.5 * norm.cdf(z, -1, 0.2) + 0.5 * norm.cdf(z, 1, 0.2)
    g = 0.3 * norm.cdf(z, 0, 0.3) + 0.7 * norm.cdf(z, 2, 0.3)
    truth = abs(f - g).sum() * (z[1] - z[0])
    bracket = otgan.population_w1(p, q, rtol=0.03)
    assert bracket.lower_bound - 1e-6 <= truth <= bracket.upper_bound + 1e-6
    assert bracket.converged


@pytest.mark.parametrize("offset", [1e3, 1e8, 3e14])
def test_far_from_the_origin(offset):
    # at 3e14 coordinates are multiples of 1/16: a truth that float64 can hold
    one, other = Gaussian([offset, offset], 1.0), Gaussian([offset + 0.5, offset], 1.0)
    bracket = otgan.population_w1(one, other, rtol=0.05, max_seconds=5)
    assert bracket.lower_bound <= 0.5 <= bracket.upper_bound
    f = bracket.potential([[offset + 0.25, offset], [offset, offset]])
    assert f[1] >= f[0]


@pytest.mark.parametrize("std", [1e-8, 1e-5, 1e-3])
def test_bumps_narrower_than_a_cell_cost_at_most_their_mass(std):
    bracket = otgan.population_w1(
        Gaussian([0, 0], std**2), Gaussian([1, 0.3], std**2), rtol=1e-3, max_memory=10_000_000
    )
    assert bracket.lower_bound <= math.hypot(1, 0.3) <= bracket.upper_bound <= 1.2


@pytest.mark.parametrize("scale", [1e-80, 1e80])
def test_extreme_units(scale):
    bracket = otgan.population_w1(Gaussian([0, 0], scale**2), Gaussian([3 * scale, 0], scale**2), rtol=0.02)
    assert bracket.lower_bound <= 3 * scale <= bracket.upper_bound
    assert bracket.converged


def test_equal_laws_are_at_distance_zero():
    law = eight_gaussians()
    bracket = otgan.population_w1(law, eight_gaussians(), max_seconds=1)
    assert (bracket.lower_bound, bracket.upper_bound, bracket.converged) == (0, 0, True)
    assert (bracket.potential(np.zeros((3, 2))) == 0).all()


def test_the_default_pair_and_its_samples():
    source, target = eight_gaussians(), Gaussian.standard(2)
    bracket = otgan.population_w1(source, target, rtol=0.01)
    assert bracket.converged
    assert 0.88 < bracket.lower_bound < bracket.upper_bound < 0.90
    # the function that proves the lower bound, on fresh samples
    rng = np.random.default_rng(0)
    x, y = source.sample(100_000, rng), target.sample(100_000, rng)
    f, g = bracket.potential(x), bracket.potential(y)
    error = math.sqrt(f.var() / len(f) + g.var() / len(g))
    assert f.mean() - g.mean() == pytest.approx(bracket.lower_bound, abs=4 * error + 2e-3)
    # samples are further apart than their laws, on average
    distances = [otgan.wasserstein(source.sample(500, rng), target.sample(500, rng)).distance for _ in range(10)]
    assert np.mean(distances) >= bracket.lower_bound - 3 * np.std(distances) / math.sqrt(10)


def test_the_potential_is_lipschitz_between_any_two_points():
    bracket = otgan.population_w1(eight_gaussians(std=0.3), Gaussian([1, 0], 0.5), rtol=0.05)
    rng = np.random.default_rng(1)
    z = rng.uniform(-6, 6, size=(1500, 2))
    near = z + rng.normal(size=z.shape) * 10.0 ** rng.uniform(-4, -1, size=(1500, 1))
    values = bracket.potential(z)
    assert (abs(values - bracket.potential(near)) / np.linalg.norm(z - near, axis=1)).max() <= 1 + 1e-9
    assert (abs(values[:, None] - values) - np.linalg.norm(z[:, None] - z, axis=2)).max() <= 1e-12


@FEW
@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_stopped_after_any_number_of_steps_the_ends_are_right(steps, seed):
    rng = np.random.default_rng(seed)
    shift = rng.normal(size=2)
    source, target = mixture("p", Gaussian([0, 0], 0.3)), mixture("q", Gaussian(shift, 0.3))
    grid = _box(*box_of([source.extent(), target.extent()]))
    net = source.weigh(grid) - target.weigh(grid)
    flux = Flux(net)
    potential = Potential(net, flux.upper_bound())
    for _ in range(steps):
        flux.step()
        potential.step()
    assert potential.look() <= np.linalg.norm(shift) <= flux.upper_bound()


def test_masses_and_hats_on_the_grid():
    covs = [np.diag([0.5, 0.2]), np.diag([0.01, 3.0])]
    source, target = (
        mixture("p", GaussianMixture([[0, 1], [1, 0]], covs, [0.3, 0.7])),
        mixture("q", Gaussian.standard(2)),
    )
    grid = _box(*source.extent())
    net = source.weigh(grid) - target.weigh(grid)
    assert abs(net.cells.sum()) < 1e-12
    assert abs(net.hats.sum()) < 1e-12
    # linear functions are in the span of the hats: their net integral is that of the means, the box being wide
    x = grid.edges(0)[:, None] * np.ones(grid.shape[1] + 1)
    assert (net.hats * x).sum() == pytest.approx(0.7, abs=1e-3)


def image(seed, size):
    rng = np.random.default_rng(seed)
    return rng.random((size, size)) ** 4


@pytest.mark.parametrize("pixels", ["points", "squares"])
def test_images_against_the_discrete_solver(pixels):
    a, b = np.zeros((12, 12)), np.zeros((12, 12))
    a[1:5, 1:4], b[6:11, 7:12] = image(0, 5)[:4, :3], image(1, 5)
    bracket = otgan.image_w1(a, b, pixel_size=0.5, pixels=pixels, rtol=0.02, max_seconds=60)
    times = 1 if pixels == "points" else 4  # squares are approached by sixteen points each
    places = (np.stack(np.meshgrid(*[np.arange(12 * times)] * 2, indexing="ij"), -1).reshape(-1, 2) + 0.5) * 0.5 / times
    spread = [np.repeat(np.repeat(im, times, axis=0), times, axis=1).ravel() for im in (a, b)]
    kept = [weights > 0 for weights in spread]
    exact = otgan.wasserstein(*(places[k] for k in kept), *(w[k] / w.sum() for w, k in zip(spread, kept, strict=True)))
    slack = 0 if pixels == "points" else CORNER_DISTANCE * 0.5 / times
    assert bracket.lower_bound - slack <= exact.distance <= bracket.upper_bound + slack
    assert bracket.converged
    assert bracket.relative_gap <= 0.02


def test_equal_images_and_single_rows():
    same = otgan.image_w1(image(0, 6), image(0, 6) * 7, pixels="squares", max_seconds=20)
    assert same.lower_bound == 0
    assert same.upper_bound < 1e-6
    assert same.converged
    row = otgan.image_w1([[1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0]], rtol=0.05)
    assert row.lower_bound <= 2 <= row.upper_bound
    assert row.relative_gap < 0.05


def test_pixels_that_are_points_are_solved_exactly():
    """Hand-made: all mass of three pixels of four moves; and however narrow the bracket, it holds."""
    one, other = np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([[4.0, 0.0], [0.0, 0.0]])
    bracket = otgan.image_w1(one, other * 1e-300, pixel_size=3.0, rtol=1e-12)
    truth = 3 * (2 + math.sqrt(2)) / 4
    assert bracket.lower_bound <= truth * (1 + 1e-15)
    assert bracket.upper_bound >= truth * (1 - 1e-15)
    assert bracket.converged
    assert bracket.relative_gap <= 1e-12
    # what proves the lower end, and the distance to a corner is what it should be
    np.testing.assert_allclose(np.diff(bracket.potential([[0.0, 0.0], [3.0, 0.0], [3.0, 3.0]])), [3, 3 * 2**0.5 - 3])
    same = otgan.image_w1(one, 5 * one)
    assert (same.lower_bound, same.upper_bound, same.converged) == (0, 0, True)
    with pytest.raises(NotProvidedError, match="pixels that the exact solver took need none either"):
        same.grid  # noqa: B018


def test_pixels_by_the_grid_and_by_the_solver(monkeypatch):
    one, other = image(3, 5), image(4, 5)
    exact = otgan.image_w1(one, other, rtol=1e-10)
    monkeypatch.setattr("otgan.beckmann.images.EXACT", 24)
    grid = otgan.image_w1(one, other, rtol=0.1)
    assert grid.lower_bound <= exact.lower_bound <= exact.upper_bound <= grid.upper_bound
    assert grid.grid.shape[0] >= 4


def test_limits_are_kept_and_told():
    source, target = eight_gaussians(std=0.02), Gaussian.standard(2)
    early = otgan.population_w1(source, target, rtol=1e-4, max_seconds=0.3)
    assert early.status is otgan.Status.RESOURCE_LIMIT
    assert not early.converged
    assert early.lower_bound < 0.9519
    assert early.upper_bound > 0.9433
    small = otgan.population_w1(source, target, rtol=1e-4, max_memory=10_000_000)
    assert max(small.grid.shape) <= 192
    assert small.status is otgan.Status.RESOURCE_LIMIT


def test_bad_input():
    standard = Gaussian.standard(2)
    with pytest.raises(InvalidValueError, match="rtol must be in"):
        otgan.population_w1(standard, standard, rtol=-1)
    with pytest.raises(InvalidValueError, match="max_seconds must be in"):
        otgan.population_w1(standard, standard, max_seconds=0)
    with pytest.raises(MemoryLimitError, match="the first grid needs about"):
        otgan.population_w1(standard, Gaussian([1, 0], 1.0), max_memory=1000)
    good = np.ones((3, 3))
    for bad, error, message in (
        (-good, InvalidValueError, "image_a must hold grey values >= 0"),
        (0 * good, InvalidValueError, "image_a must hold grey values >= 0, not all 0"),
        (good * np.nan, InvalidValueError, "image_a must be finite"),
        (np.ones((3, 3, 3)), InvalidShapeError, r"image_a must have shape \(r, c\)"),
    ):
        with pytest.raises(error, match=message):
            otgan.image_w1(bad, good)
    with pytest.raises(InvalidShapeError, match="image_b must have the shape of image_a"):
        otgan.image_w1(good, np.ones((3, 4)))
    with pytest.raises(InvalidValueError, match="pixels must be 'points' or 'squares'"):
        otgan.image_w1(good, good, pixels="hexagons")
    with pytest.raises(InvalidShapeError, match=r"points must have shape \(k, 2\)"):
        otgan.population_w1(standard, Gaussian([1, 0], 1.0), rtol=0.5).potential([[1.0, 2.0, 3.0]])
