"""Truth on the line, against closed forms and an independent integration."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

import otgan
from otgan import pairs
from otgan.line_laws.laws import LineLaw, running_sums
from otgan.measures import DiscreteMeasure, Gaussian, GaussianMixture, empirical


def folded_normal(mean, std):
    """E |mean + std Z|, to 40 digits."""
    with mpmath.workdps(40):
        z = mpmath.mpf(mean) / std
        return mpmath.mpf(std) * mpmath.sqrt(2 / mpmath.pi) * mpmath.exp(-(z**2) / 2) + mpmath.mpf(mean) * mpmath.erf(
            z / mpmath.sqrt(2)
        )


@settings(max_examples=40, deadline=None)
@given(st.floats(-50, 50), st.integers(-20, 20), st.floats(-5, 5), st.integers(-3, 3))
def test_two_normal_laws(mean, exponent, shift, scale):
    """The optimal map is affine, so that x − T(x) is normal and its mean size that of a folded normal law."""
    std, other = 2.0 ** (exponent / 10), 2.0**scale
    pair = pairs.line(Gaussian([mean], std**2), Gaussian([mean + shift], other**2))
    # The laws are given by their variances, whose roots are rounded; that much is the test's own error.
    spread = math.sqrt(other**2) - math.sqrt(std**2)
    truth = folded_normal((mean + shift) - mean, abs(spread)) if spread else abs((mean + shift) - mean)
    assert pair.w1.lower <= truth <= pair.w1.upper
    assert pair.w1.width <= 1e-10 * max(1.0, std, other)
    assert pair.w1.kind == "proven"


@st.composite
def laws(draw):
    kind = draw(st.sampled_from(["normal", "mixture", "uniform", "points"]))
    number = st.integers(-30, 30).map(lambda k: k / 10)
    size = st.integers(1, 30).map(lambda k: k / 10)
    if kind == "normal":
        return Gaussian([draw(number)], draw(size))
    if kind == "uniform":
        low = draw(number)
        return pairs.Uniform(low, low + draw(size))
    k = draw(st.integers(1, 4))
    places = draw(st.lists(number, min_size=k, max_size=k))
    masses = np.array(draw(st.lists(size, min_size=k, max_size=k)))
    if kind == "points":
        return DiscreteMeasure(places, masses / masses.sum())
    return GaussianMixture(
        np.array(places)[:, None], draw(st.lists(size, min_size=k, max_size=k)), masses / masses.sum()
    )


def distribution_function(law, t):
    if isinstance(law, DiscreteMeasure):
        return law.weights @ (law.points <= t)
    if isinstance(law, pairs.Uniform):
        return np.clip((t - law.low[0]) / (law.high[0] - law.low[0]), 0, 1)
    if isinstance(law, Gaussian):
        return norm.cdf(t, law.mean[0], math.sqrt(law.cov[0, 0]))
    return sum(w * distribution_function(part, t) for w, part in zip(law.weights, law.components, strict=True))


def places_of(law):
    if isinstance(law, DiscreteMeasure):
        return law.points[:, 0].tolist()
    return [law.low[0], law.high[0]] if isinstance(law, pairs.Uniform) else []


@settings(max_examples=40, deadline=None)
@given(laws(), laws())
def test_any_two_laws(source, target):
    pair = pairs.line(source, target)
    assert pair.w1.width <= 1e-10
    nodes = np.unique([*np.linspace(-25, 25, 201), *pair._solved[1].kinks, *places_of(source), *places_of(target)])

    # By Gauss-Legendre between all places where anything is not smooth; inside cells only, so jumps do not matter.
    at, weight = np.polynomial.legendre.leggauss(12)
    middle, half = (nodes[1:] + nodes[:-1]) / 2, np.diff(nodes) / 2
    t = (middle[:, None] + half[:, None] * at).ravel()
    gaps = abs(distribution_function(source, t) - distribution_function(target, t)).reshape(-1, 12)
    total = half @ gaps @ weight
    assert pair.w1.lower - 1e-9 <= total <= pair.w1.upper + 1e-9
    x, y = pair.sample_plan(300, np.random.default_rng(0))
    np.testing.assert_allclose(pair.potential(x) - pair.potential(y), np.abs(x - y)[:, 0], atol=1e-10)
    mirrored = pairs.line(target, source)
    assert mirrored.w1.lower <= pair.w1.upper
    assert pair.w1.lower <= mirrored.w1.upper


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_points_against_points_is_the_exact_solver(n, m, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=n), rng.normal(size=m) + rng.normal()
    solution, pair = otgan.wasserstein(x, y), pairs.line(x, y)
    assert pair.w1.lower <= solution.upper_bound
    assert solution.lower_bound <= pair.w1.upper
    assert pair.w1.width <= 1e-10


def test_points_by_the_thousands():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=3000), rng.normal(size=2000)
    assert otgan.wasserstein(x, y).distance in pairs.line(x, y).w1
    x = x[:1000]
    pair = pairs.line(x, Gaussian([0.0], 1.0))
    assert pair.w1.width <= 1e-10
    value = sum(
        quad(lambda t, k=k: abs(k / 1000 - norm.cdf(t)), a, b, epsabs=1e-15)[0]
        for k, (a, b) in enumerate(zip([-9, *np.sort(x)], [*np.sort(x), 9], strict=True))
    )
    assert value == pytest.approx(pair.w1.lower, abs=1e-8)


def test_the_same_law_twice_is_at_distance_zero():
    law = GaussianMixture([[0.0], [1.0]], [1.0, 2.0], [0.3, 0.7])
    assert pairs.line(law, law).w1.upper == 0
    assert pairs.line([1.0, 1.0, 2.0], [2.0, 1.0, 1.0]).w1.upper <= 1e-15


def test_laws_that_nearly_agree():
    for shift in (1e-12, 1e-9, 1e-6):
        pair = pairs.line(Gaussian([0.0], 1.0), Gaussian([shift], 1.0))
        assert shift in pair.w1
        assert pair.w1.width < 1e-10


def test_far_from_zero_no_digits_are_lost():
    pair = pairs.line(Gaussian([1e8], 1.0), Gaussian([1e8 + 1], 1.0))
    assert 1.0 in pair.w1
    assert pair.w1.width < 1e-10


def test_scales():
    for scale in (1e-150, 1e-6, 1e6, 1e100):
        pair = pairs.line(pairs.Uniform(0, 4 * scale), pairs.Uniform(scale, 2 * scale))
        assert pair.w1.lower <= 5 / 6 * scale * (1 + 1e-15)
        assert pair.w1.upper >= 5 / 6 * scale * (1 - 1e-15)
        assert pair.w1.width < 1e-10 * scale


def test_a_narrow_law_and_a_wide_one():
    for variance in (1e-250, 1e-30, 1e30):
        pair = pairs.line(Gaussian([0.0], variance), Gaussian([0.0], 1.0))
        truth = abs(math.sqrt(variance) - 1) * math.sqrt(2 / math.pi)
        assert pair.w1.lower <= truth * (1 + 1e-15)
        assert pair.w1.upper >= truth * (1 - 1e-15)
        assert pair.w1.width <= 1e-10 * max(1.0, math.sqrt(variance))


def test_degenerate_normal_law():
    point = Gaussian([2.0], [[0.0]])
    assert 2.0 in pairs.line(point, [0.0]).w1
    assert math.sqrt(2 / math.pi) in pairs.line(Gaussian([2.0], 1.0), point).w1


def test_claimed_errors_hold():
    """Φ and its integral against 40 digits: the accuracy that the brackets are built on."""
    law = LineLaw.of("law", Gaussian([0.3], 2.25))
    t = np.random.default_rng(0).uniform(-13, 14, size=400)
    value, error = law.integral(t)
    cdf, tail = law.cdf(t), law.tail(t)
    with mpmath.workdps(40):
        for k, at in enumerate(t.tolist()):
            z = (mpmath.mpf(at) - mpmath.mpf(0.3)) / mpmath.mpf(1.5)
            truth = mpmath.mpf(1.5) * (z * mpmath.ncdf(z) + mpmath.npdf(z))
            assert abs(value[k] - truth) <= error[k] / 5
            assert abs(cdf[k] - mpmath.ncdf(z)) <= 5e-14 * mpmath.ncdf(z)
            assert abs(tail[k] - mpmath.ncdf(-z)) <= 5e-14 * mpmath.ncdf(-z)


def test_running_sums():
    values = np.array([1e16, 1.0, -1e16, 3.0, 1e-3])
    np.testing.assert_array_equal(running_sums(values)[-3:-1], [1.0, 4.0])
    assert running_sums(values)[-1] == pytest.approx(4.001, rel=5e-16)


def test_quantiles_invert_the_distribution_function():
    law = LineLaw.of("law", GaussianMixture([[-3.0], [2.0]], [0.04, 1.0], [0.25, 0.75]))
    u = np.array([1e-100, 1e-20, 1e-3, 0.25, 0.5, 0.9, 1 - 1e-12])
    t = law.quantile(u, 1 - u)
    np.testing.assert_allclose(law.cdf(t), u, rtol=1e-10)
    above = np.array([1e-18, 1e-30])
    np.testing.assert_allclose(law.tail(law.quantile(np.ones(2), above)), above, rtol=1e-10)
    points = LineLaw.of("points", empirical([3.0, 1.0, 2.0, 1.0]))
    np.testing.assert_array_equal(points.quantile(np.array([0.1, 0.5, 0.51, 0.75, 0.99]), np.zeros(5)), [1, 1, 2, 2, 3])
