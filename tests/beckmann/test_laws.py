"""Laws in the plane of every kind, against distances that follow by hand or come from the line."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ellipe, ndtr
from scipy.stats import multivariate_normal, rice

import otgan
from otgan.beckmann.grid import CORNER_DISTANCE, Grid
from otgan.beckmann.laws import mixture
from otgan.beckmann.parts import Curve, Normal
from otgan.errors import InvalidShapeError, InvalidTypeError, NotProvidedError
from otgan.line_laws import LineLaw, line_w1
from otgan.measures import (
    DiscreteMeasure,
    Gaussian,
    GaussianMixture,
    SamplerMeasure,
    Uniform,
    checkerboard,
    circles,
    eight_gaussians,
    parallel_line,
    swiss_roll,
    two_moons,
)
from otgan.measures.shapes import ShapeMeasure, Spiral

FEW = settings(max_examples=12, deadline=None)
LEANING = np.array([[1.0, 0.6], [0.6, 0.5]])


def rotation(angle):
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def holds(bracket, truth, width):
    assert bracket.lower_bound <= truth <= bracket.upper_bound
    assert bracket.relative_gap <= width
    assert bracket.interval.kind == "proven"


@FEW
@given(st.floats(0, math.pi), st.floats(0.02, 1), st.floats(-2, 2), st.floats(-2, 2))
def test_translations_of_a_normal_law_that_leans(angle, ratio, dx, dy):
    length = math.hypot(dx, dy)
    if length < 0.1:
        return
    cov = rotation(angle) @ np.diag([1.0, ratio]) @ rotation(angle).T
    bracket = otgan.population_w1(Gaussian([0, 0], cov), Gaussian([dx, dy], cov), rtol=0.1, max_seconds=20)
    assert bracket.lower_bound <= length <= bracket.upper_bound
    assert bracket.converged


def test_radial_laws_that_lean():
    # x -> 2 x along the same rays, so W1 = E|X|, an elliptic integral
    bracket = otgan.population_w1(Gaussian([1, 2], LEANING), Gaussian([1, 2], 4 * LEANING), rtol=0.02)
    small, large = np.linalg.eigvalsh(LEANING)
    holds(bracket, math.sqrt(2 * large / math.pi) * ellipe(1 - small / large), 0.02)


@pytest.mark.parametrize("angle", [0.3, 1.2, 2.5])
def test_rotations_change_nothing(angle):
    means, covs = np.array([[-1.0, 0.0], [1.0, 0.5]]), np.array([np.diag([0.3, 0.1]), np.diag([0.1, 0.4])])
    turn = rotation(angle)
    upright = otgan.population_w1(GaussianMixture(means, covs), Gaussian([0, 0], 0.5), rtol=0.02)
    turned = GaussianMixture(means @ turn.T, turn @ covs @ turn.T)
    leaning = otgan.population_w1(turned, Gaussian([0, 0], 0.5), rtol=0.02)
    assert leaning.lower_bound <= upright.upper_bound
    assert upright.lower_bound <= leaning.upper_bound
    assert leaning.relative_gap <= 0.02


def test_a_singular_normal_law_is_one_on_a_line():
    # both live on the diagonal: √2 times the distance of N(0, 1) and N(1, 4)
    direction = np.ones((2, 2))
    line = line_w1(*(LineLaw.of("p", law) for law in (Gaussian([0.0], 1.0), Gaussian([1.0], 4.0))))[0]
    bracket = otgan.population_w1(Gaussian([0, 0], direction), Gaussian([1, 1], 4 * direction), rtol=0.12)
    holds(bracket, math.sqrt(2) * line.upper, 0.12)


@FEW
@given(st.floats(0, 2), st.floats(0.1, 3), st.floats(0.1, 1))
def test_the_pieces_of_a_leaning_law_are_as_close_as_they_say(std, lean, share):
    # along one axis the other is a common factor, and the line knows the distance: of a hundred pieces at once, of
    # the fifteen hundred that the finest cells would need in a minute
    h = share * lean
    products, blur = Normal(1.0, (0.0, 0.0), (std, 1.0), (lean, 0.0)).pieces(h)
    pieces = GaussianMixture(products.low[:, :1], products.std[:, 0, None, None] ** 2, products.weights)
    apart = line_w1(LineLaw.of("p", pieces), LineLaw.of("q", Gaussian([0.0], std**2 + lean**2)))[0]
    assert apart.lower <= blur
    assert blur <= h  # and they are no coarser than the cells


def test_cell_masses_of_a_leaning_law():
    grid = Grid((-4.0, -3.0), 0.5, (16, 12))
    net = mixture("p", Gaussian([0, 0], LEANING)).weigh(grid)
    law = multivariate_normal([0, 0], LEANING)
    for i, j in ((4, 3), (8, 6), (10, 8), (7, 7)):
        corner = np.array([grid.low[0] + 0.5 * i, grid.low[1] + 0.5 * j])
        mass = law.cdf(corner + 0.5, lower_limit=corner)
        assert net.cells[i, j] == pytest.approx(mass, abs=2e-3)
    assert net.cells.sum() == pytest.approx(1, abs=1e-12)
    assert net.hats.sum() == pytest.approx(1, abs=1e-12)


def test_uniform_laws():
    holds(otgan.population_w1(Uniform([0, 0], [1, 2]), Uniform([0.5, 0], [1.5, 2]), rtol=0.01), 0.5, 0.01)
    # a common factor, and on the line U(0, 1) against U(0, 2.3)
    holds(otgan.population_w1(Uniform([0, 0], [1, 1]), Uniform([0, 0], [2.3, 1]), rtol=0.01), 0.65, 0.01)
    # both centred, x -> 2 x
    mean = (math.sqrt(2) + math.asinh(1)) / 3 / 2  # of a square of side 1 from its centre
    holds(otgan.population_w1(Uniform([-1, -1], [0, 0]), Uniform([-1.5, -1.5], [0.5, 0.5]), rtol=0.01), mean, 0.01)


def test_segments_points_and_laws():
    holds(otgan.population_w1(parallel_line(0.0), parallel_line(0.7), rtol=0.02), 0.7, 0.02)
    point = DiscreteMeasure(np.array([[1.0, 1.0]]), np.ones(1))
    holds(otgan.population_w1(point, Gaussian([1, 1], 1.0), rtol=0.1), math.sqrt(math.pi / 2), 0.1)
    # a sample against its law: three points, each with a square around it
    points = np.array([[0.5, 0.5], [1.5, 0.5], [2.5, 0.5]])
    holds(otgan.population_w1(points, Uniform([0, 0], [3, 1]), rtol=0.1), CORNER_DISTANCE / 2 - 1e-6, 0.1)
    nowhere = otgan.population_w1(Gaussian([1, 1], np.zeros((2, 2))), point)
    assert (nowhere.lower_bound, nowhere.upper_bound) == (0, 0)


def test_circles():
    holds(otgan.population_w1(circles(2, 2, 0), circles(1, 1, 0), rtol=0.05), 1, 0.05)
    # with noise the radii follow Rice's law, which grows with the circle
    radii = [0.2 * rice.mean(radius / 0.2) for radius in (2, 1)]
    holds(otgan.population_w1(circles(2, 2, 0.2), circles(1, 1, 0.2), rtol=0.02), radii[0] - radii[1], 0.02)


def test_a_spiral_and_its_translation():
    def roll(place):
        return ShapeMeasure(lambda n, rng: np.zeros((n, 2)), (Spiral(place, 0.1, 0.2, 0.5, 9.0),), 0.1)

    holds(otgan.population_w1(roll((0.0, 0.0)), roll((0.6, 0.8)), rtol=0.05), 1, 0.05)


@FEW
@given(st.floats(0.05, 2), st.floats(0.02, 1), st.floats(0.02, 1))
def test_the_pieces_of_an_arc_are_as_close_as_they_say(radius, noise, h):
    # projected on an axis, which brings laws no further apart
    products, blur = Curve(1.0, Spiral((0.0, 0.0), radius, 0.0, 0.0, math.pi / 3), noise).pieces(h)
    t, fine = np.linspace(-6, 8, 1401), radius * np.cos(math.pi / 3 * (np.arange(300) + 0.5) / 300)
    f, g = (ndtr((t[:, None] - x) / noise).mean(axis=1) for x in (fine, products.low[:, 0]))
    assert abs(f - g).sum() * (t[1] - t[0]) <= blur + 1e-3 * radius
    assert blur <= h


@pytest.mark.parametrize(
    "law", [swiss_roll(), two_moons(), circles(), checkerboard(), swiss_roll(noise=0.3)], ids=lambda law: repr(law)
)
def test_toy_laws_weigh_what_their_samples_do(law):
    parts = mixture("p", law)
    low, high = parts.extent()
    grid = Grid(tuple(low), float((high - low).max()) / 24, (24, 24))
    net = parts.weigh(grid)
    n = 200_000
    points = law.sample(n, np.random.default_rng(0))
    counts = np.histogram2d(*points.T, bins=[grid.edges(0), grid.edges(1)])[0] / n
    error = np.sqrt(net.cells.clip(1e-5) / n)
    # pieces next to the edge of a cell may fall on its other side
    assert (abs(counts - net.cells) / error).mean() < 1.5
    assert abs(counts - net.cells).max() < 6 * error.max() + 0.25 * net.cells.max() * (0 if law.noise else 1)
    assert net.cells.sum() == pytest.approx(1, abs=1e-12)


def test_a_board_is_an_image():
    board = np.indices((4, 4)).sum(axis=0) % 2 == 0
    image = otgan.image_w1(board.astype(float), np.ones((4, 4)), pixels="squares", rtol=0.02)
    law = otgan.population_w1(checkerboard(4, 0.5), Uniform([-1, -1], [1, 1]), rtol=0.02)
    assert law.lower_bound <= 0.5 * image.upper_bound
    assert 0.5 * image.lower_bound <= law.upper_bound
    assert law.relative_gap <= 0.02


def test_what_two_laws_share_does_not_count():
    # half of each is the same; the other half moves by 3, so W1 = 3/2
    source = GaussianMixture([[0, 0], [5, 0]], [LEANING, LEANING])
    target = GaussianMixture([[5, 0], [0, 3]], [LEANING, LEANING])
    holds(otgan.population_w1(source, target, rtol=0.02), 1.5, 0.02)
    same = otgan.population_w1(swiss_roll(), swiss_roll())
    assert (same.lower_bound, same.upper_bound, same.converged) == (0, 0, True)


def test_the_line():
    source, target = Gaussian([0.0], 1.0), GaussianMixture([[1.0], [3.0]], [1.0, 4.0], [0.2, 0.8])
    bracket = otgan.population_w1(source, target)
    assert bracket.interval == otgan.pairs.line(source, target).w1
    assert bracket.converged
    assert bracket.lower_bound >= 2.6  # the means are that far apart
    t = np.linspace(-9, 15, 200_001)
    f = ndtr(t) - 0.2 * ndtr(t - 1) - 0.8 * ndtr((t - 3) / 2)
    assert bracket.distance == pytest.approx(abs(f).sum() * (t[1] - t[0]), abs=1e-6)
    values = bracket.potential([0.0, 1.0, 4.0])
    assert (np.diff(values) == [-1, -3]).all()
    assert otgan.population_w1(Uniform(0, 1), Uniform(2, 3)).interval.width < 1e-10
    assert 2 in otgan.population_w1(Uniform(0, 1), Uniform(2, 3)).interval
    assert otgan.population_w1([0.0, 1.0], Uniform(0, 1)).distance == pytest.approx(0.25)
    with pytest.raises(NotProvidedError, match="laws on the line need no grid"):
        _ = bracket.grid
    with pytest.raises(InvalidShapeError, match=r"points must have shape \(k, 1\)"):
        bracket.potential([[0.0, 1.0]])
    assert otgan.population_w1(source, target, rtol=0).status is otgan.Status.RESOURCE_LIMIT


def test_refusals_name_what_to_do():
    plane = Gaussian.standard(2)
    with pytest.raises(InvalidShapeError, match=r"source must be a measure .* got dimension 3; project both"):
        otgan.population_w1(Gaussian.standard(3), Gaussian.standard(3))
    with pytest.raises(InvalidShapeError, match="target must be a measure on the line or in the plane, like the other"):
        otgan.population_w1(plane, Gaussian.standard(1))
    with pytest.raises(InvalidTypeError, match=r"source must be a law whose masses are known.*describe it by a Den"):
        otgan.population_w1(SamplerMeasure(lambda n, rng: rng.normal(size=(n, 2))), plane)
    with pytest.raises(NotProvidedError, match=r"otgan\.wasserstein solves them exactly"):
        otgan.population_w1(np.zeros((3, 2)), np.ones((3, 2)))
    assert otgan.pairs.truths.on_grid(otgan.pairs.get_pair("swissroll-moons"))
    assert eight_gaussians().dim == 2
