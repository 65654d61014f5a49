"""What every pair with a known truth must obey, whatever its family."""

import math
import subprocess
import sys

import numpy as np
import pytest

import otgan
from otgan import pairs
from otgan.errors import InvalidInputError, InvalidShapeError, InvalidTypeError, InvalidValueError, NotProvidedError
from otgan.interval import Interval
from otgan.measures import DiscreteMeasure, Gaussian, GaussianMixture, SamplerMeasure, empirical, two_moons

MIXTURE = GaussianMixture([[-2.0], [0.0], [3.0]], [0.01, 1.0, 0.25], [0.2, 0.5, 0.3])
UNKNOWN = pairs.Pair("ours", "known by samples", *[SamplerMeasure(lambda n, rng: rng.random((n, 2)))] * 2)
POINTS = empirical(np.random.default_rng(5).normal(size=50))

FAMILIES = {
    "funnels": pairs.funnels(),
    "funnels 1-D": pairs.funnels(1, 5, seed=2),
    "funnels 8-D": pairs.funnels(8, 64, seed=3, degree=3.5),
    "max-funnels": pairs.max_funnels(),
    "max-funnels 5-D": pairs.max_funnels(5, 16, seed=1),
    "one funnel": pairs.funnels(3, 1),
    "ellipsoid": pairs.ellipsoid(),
    "ellipsoid 6-D": pairs.ellipsoid(6, seed=4),
    "ellipsoid, back and forth": pairs.ellipsoid(3, seed=1, source=pairs.Uniform(0, 4), target=pairs.Uniform(1, 2)),
    "three-circles": pairs.three_circles(),
    "point-sphere": pairs.point_sphere(),
    "point-sphere 1-D": pairs.point_sphere(1, 2.0),
    "point-sphere 16-D": pairs.point_sphere(16, 0.5, centre=np.arange(16)),
    "gaussians-1d": pairs.gaussians_1d(),
    "mixtures": pairs.line(MIXTURE, Gaussian([0.5], 2.0)),
    "points and a mixture": pairs.line(POINTS, MIXTURE),
    "points and points": pairs.line(POINTS, [0.0, 0.0, 3.0]),
    "uniform and a point": pairs.line(pairs.Uniform(-1, 3), [0.5]),
    "translation": pairs.translation(),
    "translation of moons": pairs.translation(two_moons(), [3.0, -4.0]),
    "no translation": pairs.translation(POINTS, [0.0]),
    "radial": pairs.radial(),
    "radial 1-D": pairs.radial(1),
    "radial 7-D": pairs.radial(7, pairs.Uniform(1, 2), empirical([0.5, 4.0])),
    "product": pairs.product(pairs.gaussians_1d(), two_moons()),
    "product of funnels": pairs.product(pairs.funnels(2, 4), Gaussian.standard(2)),
}


@pytest.fixture(params=FAMILIES)
def pair(request):
    return FAMILIES[request.param]


def standard_error(values):
    return values.std() / math.sqrt(len(values))


def test_shapes_and_words(pair):
    rng = np.random.default_rng(0)
    assert isinstance(pair, pairs.KnownPair)
    x, y = pair.sample_plan(7, rng)
    for points in (x, y, pair.sample_source(7, rng), pair.sample_target(7, rng)):
        assert points.shape == (7, pair.dim)
        assert points.dtype == np.float64
    assert pair.source.dim == pair.target.dim == pair.dim
    assert pair.potential(x).shape == (7,)
    assert pair.potential_gradient(x).shape == (7, pair.dim)
    assert isinstance(pair.w1, Interval)
    assert 0 <= pair.w1.lower <= pair.w1.upper < np.inf
    assert pair.w1.kind in ("proven", "statistical at level 0.997")
    for text in (pair.name, pair.description, pair.source_reference, repr(pair.source), repr(pair.target)):
        assert text
        assert "\n" not in text


def test_the_same_state_gives_the_same_pairs(pair):
    first, again = (pair.sample_plan(20, np.random.default_rng(8)) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_the_potential_falls_by_the_distance_along_the_plan(pair):
    x, y = pair.sample_plan(5000, np.random.default_rng(1))
    np.testing.assert_allclose(pair.potential(x) - pair.potential(y), np.linalg.norm(x - y, axis=1), atol=1e-10)


def test_the_potential_is_lipschitz(pair):
    rng = np.random.default_rng(2)
    x, y = pair.sample_plan(1000, rng)
    places = np.concatenate([x, y, rng.uniform(-6, 6, size=(1000, pair.dim))])
    others = [rng.permutation(places), places + 1e-3 * rng.normal(size=places.shape)]
    values = pair.potential(places)
    for other in others:
        assert (np.abs(values - pair.potential(other)) <= np.linalg.norm(places - other, axis=1) + 1e-12).all()


def test_the_gradient_points_against_the_transport(pair):
    x, y = pair.sample_plan(2000, np.random.default_rng(3))
    gradient = pair.potential_gradient(x)
    assert np.isfinite(gradient).all()
    norms = np.linalg.norm(gradient, axis=1)
    assert norms.max() <= 1 + 1e-12
    moved = np.linalg.norm(x - y, axis=1)
    if isinstance(pair.source, DiscreteMeasure):  # points may sit on kinks, and send mass to both sides
        return
    smooth = (moved > 1e-6) & (norms > 0.5)  # a zero is a subgradient where cones have their apex
    error = np.abs(gradient[smooth] - (x - y)[smooth] / moved[smooth, None]).max(axis=1, initial=0)
    # Points that come to lie within 1e-9 of an apex have lost their direction to rounding; they are rare.
    assert (error < 1e-6).mean() > 0.99 if smooth.any() else pair.w1.upper == 0


def test_the_gradient_is_that_of_the_potential(pair):
    rng = np.random.default_rng(4)
    x, y = pair.sample_plan(500, rng)
    places = x + rng.uniform(0.1, 0.9, size=(500, 1)) * (y - x)  # inside the rays
    direction, step = rng.normal(size=places.shape), 1e-6
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    slopes = (pair.potential(places + step * direction) - pair.potential(places - step * direction)) / (2 * step)
    error = np.abs(slopes - (pair.potential_gradient(places) * direction).sum(axis=1))
    # Central differences err by step² / (distance to the apex)² ≤ 1e-5 from 3e-4 on; kinks and apexes are rare.
    away = np.linalg.norm(x - y, axis=1) > 1e-2
    assert (error[away] < 1e-4).mean() > 0.98 if away.any() else True


def test_the_plan_has_the_right_marginals(pair):
    """Means of several functions of x and y, drawn from the plan and from the sides: 5 joint standard errors."""
    n = 20_000
    planned = pair.sample_plan(n, np.random.default_rng(11))
    rng = np.random.default_rng(12)
    for ours, theirs in zip(planned, (pair.sample_source(n, rng), pair.sample_target(n, rng)), strict=True):
        weights = np.random.default_rng(0).normal(size=(pair.dim, 3))
        for function in (lambda z: z, np.square, np.cos):
            a, b = function(ours @ weights), function(theirs @ weights)
            error = np.sqrt(a.var(axis=0) / n + b.var(axis=0) / n)
            assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) <= 5 * error + 1e-12).all()


def test_the_potential_attains_w1(pair):
    n, rng = 50_000, np.random.default_rng(21)
    rise, fall = pair.potential(pair.sample_source(n, rng)), pair.potential(pair.sample_target(n, rng))
    error = 4 * math.hypot(standard_error(rise), standard_error(fall)) + 1e-10
    assert pair.w1.lower - error <= rise.mean() - fall.mean() <= pair.w1.upper + error


def test_the_plan_attains_w1(pair):
    x, y = pair.sample_plan(50_000, np.random.default_rng(22))
    cost = np.linalg.norm(x - y, axis=1)
    error = 4 * standard_error(cost) + 1e-10
    assert pair.w1.lower - error <= cost.mean() <= pair.w1.upper + error


@pytest.mark.parametrize("name", ["funnels", "max-funnels", "ellipsoid 6-D", "three-circles", "radial", "mixtures"])
def test_samples_are_no_closer_than_the_measures(name):
    """E W1 of samples ≥ W1 of the measures, by convexity; the mean over a few samples, within 3 standard errors."""
    pair, rng = FAMILIES[name], np.random.default_rng(31)
    n = 1000
    values = np.array(
        [otgan.wasserstein(pair.sample_source(n, rng), pair.sample_target(n, rng)).distance for _ in range(4)]
    )
    assert values.mean() >= pair.w1.lower - 3 * values.std(ddof=1) / math.sqrt(len(values))


def test_closed_forms():
    assert pairs.translation(two_moons(), [3.0, -4.0]).w1.lower == pytest.approx(5, rel=1e-14)
    assert 5.0 in pairs.translation(two_moons(), [3.0, -4.0]).w1
    assert pairs.translation(POINTS, [0.0]).w1 == Interval(0.0, 0.0)
    assert pairs.three_circles().w1 == Interval(1.0, 1.0)
    assert pairs.point_sphere(16, 0.5).w1 == Interval(0.5, 0.5)
    assert 5 / 6 in pairs.radial().w1
    assert pairs.radial().w1.width < 1e-11
    assert 1.0 in pairs.ellipsoid(9).w1
    assert pairs.product(pairs.radial(3), two_moons()).w1 == pairs.radial(5).w1


def test_the_ellipsoid_is_where_it_should_be():
    """Points p + r ν of the plan are at distance r from the ellipsoid, by a projection that knows nothing of p."""
    pair = pairs.ellipsoid(4, seed=7)
    feet, normals = pair._rays(200, np.random.default_rng(0))
    inside = (feet @ pair.rotation / pair.axes) ** 2
    np.testing.assert_allclose(inside.sum(axis=1), 1, rtol=1e-12)
    for r in (1e-9, 1e-3, 1.0, 1e3):
        np.testing.assert_allclose(pair._distance(feet + r * normals)[0], r, atol=2e-13 * (1 + r))
    assert not pair.potential_gradient(0.5 * feet).any()
    axes = pair.rotation * pair.axes
    corners = np.concatenate([axes.T, -axes.T])
    np.testing.assert_allclose(pair._distance(2 * corners)[0], np.tile(pair.axes, 2), rtol=1e-12)


BAD = [
    (lambda: pairs.translation(two_moons(), [1.0]), InvalidShapeError, r"shift must have shape \(2,\)"),
    (lambda: pairs.translation(two_moons(), [np.nan, 0]), InvalidValueError, "shift must be finite"),
    (lambda: pairs.spheres([[0.0, 0.0], [1.0, 0.0]], 0.6), InvalidValueError, "at least 2 radius = 1.2 apart"),
    (lambda: pairs.point_sphere(2, 0.0), InvalidValueError, "radius must be in"),
    (lambda: pairs.point_sphere(2, centre=[0.0, 0.0, 0.0]), InvalidValueError, "centre must have 2 entries"),
    (lambda: pairs.radial(2, Gaussian([1.0], 1.0)), InvalidValueError, "must be laws of a distance"),
    (lambda: pairs.ellipsoid(0), InvalidValueError, "dim must be between 1 and 4096"),
    (lambda: pairs.ellipsoid(2, seed=-1), InvalidValueError, "seed must be at least 0"),
    (lambda: pairs.ellipsoid(2, seed=0.5), InvalidTypeError, "seed must be an integer"),
    (lambda: pairs.product(two_moons(), two_moons()), InvalidTypeError, "pair must be a KnownPair"),
    (lambda: pairs.line(two_moons(), [0.0]), InvalidShapeError, "source must live on the line"),
    (lambda: pairs.line([0.0], otgan.measures.SamplerMeasure(lambda n, rng: rng.normal(size=n))), InvalidTypeError,
     "target must be a Gaussian, GaussianMixture, Uniform or DiscreteMeasure"),
    (lambda: pairs.Uniform(1.0, 1.0), InvalidValueError, "high must be above low"),
    (lambda: pairs.Uniform([0.0, 0.0], [1.0]), InvalidShapeError, r"high must have the shape \(d,\) of low"),
    (lambda: pairs.Uniform(-1e308, 1e308), InvalidValueError, "high must be above low"),
    (lambda: pairs.funnels().potential([[1.0, 2.0, 3.0]]), InvalidShapeError, r"x must have shape \(n, 2\)"),
    (lambda: pairs.funnels().potential_gradient([[np.inf, 0.0]]), InvalidValueError, "x must be finite"),
    (lambda: pairs.funnels().sample_plan(0, np.random.default_rng()), InvalidValueError, "n must be at least 1"),
    (lambda: pairs.funnels().sample_plan(3, 0), InvalidTypeError, "rng must be a numpy.random.Generator"),
    (lambda: pairs.get_pair("radial", seed=1), InvalidInputError, "seed must be left out for the pair radial"),
    (lambda: pairs.get_pair("8gaussians", dim=2), InvalidInputError, "takes no options, got 2"),
    (lambda: pairs.truth(UNKNOWN), NotProvidedError, "pair must be one whose W1 is known"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[message for *_, message in BAD])
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_truth_of_finite_pairs_is_that_of_the_exact_solver():
    pair = pairs.get_pair("wine")
    known = pairs.truth(pair)
    assert known.w1.lower <= otgan.wasserstein(pair.source, pair.target).distance <= known.w1.upper
    assert known.w1.kind == "proven"
    assert pairs.truth(FAMILIES["funnels"]).w1 is FAMILIES["funnels"].w1


def test_names_and_options():
    assert set(pairs.pair_names(known=True)) < set(pairs.pair_names())
    for name in pairs.pair_names(known=True):
        pair = pairs.get_pair(name)
        assert pair.name == name
        assert isinstance(pair, pairs.KnownPair)
        if "dim" in pairs.pair_options(name):
            assert pairs.get_pair(name, dim=3, seed=None).dim == 3


def test_nothing_heavy_is_imported():
    code = "import otgan.pairs as p, sys; p.funnels().w1; print({'torch', 'matplotlib', 'ot'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
