"""The closed form on the line, against rational arithmetic and against SciPy."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from otgan.line import buckets, line_cost, line_masses, quantile_coupling
from otgan.line.masses import DIFFERENCE_ERROR, difference, parts, two_product, two_sum
from tests.strategies import contains
from tests.truth import exact_weights

KINDS = ("normal", "cauchy", "lattice", "nearby", "one atom", "far away", "wide", "few values", "subnormal")
WEIGHTS = ("equal", "random", "counts", "some zero", "spread")


def points(rng, kind, n, m):
    x, y = rng.normal(size=n), rng.normal(size=m)
    if kind == "cauchy":
        return rng.standard_cauchy(n), rng.standard_cauchy(m)
    if kind == "lattice":
        return np.floor(3 * x), np.floor(3 * y)
    if kind == "nearby":
        return x, x[rng.integers(0, n, m)] + 1e-9 * y
    if kind == "one atom":
        return np.where(rng.random(n) < 0.95, 0.0, x), np.where(rng.random(m) < 0.95, 0.0, y)
    if kind == "far away":
        return 1e8 + 1e-7 * x, 1e8 + 1e-7 * y
    if kind == "wide":
        return np.exp(40 * x), -np.exp(40 * y)
    if kind == "few values":
        return np.nextafter(1.0, 2.0) * (x > 0), 1.0 * (y > 0)
    if kind == "subnormal":  # and one point to give the sample a length
        return tuple(np.append(np.ldexp(np.floor(90 * abs(z[1:])), -1074), 1.0) for z in (x, y))
    return x, y


def weights(rng, kind, n):
    if kind == "equal":
        return np.ones(n)
    if kind == "counts":
        return rng.integers(1, 5, n).astype(float)
    if kind == "some zero":
        return np.where(rng.random(n) < 0.5, 0.0, rng.random(n)) + (np.arange(n) == 0)
    if kind == "spread":
        return 10.0 ** rng.uniform(-30, 0, n)
    return rng.random(n) / n


def rational_w1(x, y, a, b):
    """∫ |F − G| in rational arithmetic."""
    a, b = exact_weights(a, len(x)), exact_weights(b, len(y))
    gains = list(zip(x.tolist(), a, strict=True))
    events = sorted(gains + [(v, -w) for v, w in zip(y.tolist(), b, strict=True)])
    total, level = Fraction(0), Fraction(0)
    for (here, w), (there, _) in pairwise(events):
        level += w
        total += abs(level) * (Fraction(there) - Fraction(here))
    return total


def rational_cost(x, y, a, b, p):
    """The quantile coupling's cost in rational arithmetic."""
    a, b = exact_weights(a, len(x)), exact_weights(b, len(y))
    left = sorted(zip(x.tolist(), a, strict=True))
    right = sorted(zip(y.tolist(), b, strict=True))
    total, i, j = Fraction(0), 0, 0
    (u, v), (w, z) = left[0], right[0]
    while True:
        both = min(v, z)
        total += both * abs(Fraction(u) - Fraction(w)) ** p
        v, z = v - both, z - both
        if v == 0:
            i += 1
            if i == len(left):
                return total
            u, v = left[i]
        if z == 0:
            j += 1
            if j == len(right):
                return total
            w, z = right[j]


@pytest.mark.parametrize("few", [0, buckets.FEW])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighted", WEIGHTS)
def test_w1_is_in_the_bracket(kind, weighted, few, monkeypatch):
    monkeypatch.setattr(buckets, "FEW", few)  # so that small problems too are dealt into buckets
    rng = np.random.default_rng(KINDS.index(kind))
    for n, m in ((1, 1), (3, 2), (40, 70), (300, 500)):
        x, y = points(rng, kind, n, m)
        a, b = weights(rng, weighted, n), weights(rng, weighted, m)
        masses = line_masses(a, b)
        interval = line_cost(x, y, masses).interval
        truth = rational_w1(x, y, a, b)
        assert contains(interval.lower, interval.upper, truth)
        span = max(x.max(), y.max()) - min(x.min(), y.min())
        assert interval.width <= 1e-12 * truth + 16 * masses.error * span + 1e-300


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighted", WEIGHTS)
@pytest.mark.parametrize("p", [2, 3])
def test_higher_powers_are_in_the_bracket(kind, weighted, p):
    if kind == "wide" and p == 3:
        return  # its cubes leave float64, which costs refuse
    rng = np.random.default_rng(KINDS.index(kind))
    for n, m in ((1, 1), (3, 2), (50, 50), (200, 130)):
        x, y = points(rng, kind, n, m)
        a, b = weights(rng, weighted, n), weights(rng, weighted, m)
        interval = line_cost(x, y, line_masses(a, b), float(p)).interval
        assert contains(interval.lower, interval.upper, rational_cost(x, y, a, b, p))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighted", WEIGHTS[:3])
def test_many_points_against_scipy(kind, weighted, monkeypatch):
    monkeypatch.setattr(buckets, "CROWDED", 500)  # so that crowded buckets occur
    rng = np.random.default_rng(1)
    x, y = points(rng, kind, 60_000, 50_000)
    a, b = weights(rng, weighted, len(x)), weights(rng, weighted, len(y))
    found = line_cost(x, y, line_masses(a, b))
    assert found.cost in found.interval
    assert found.interval.relative_width <= 1e-11
    # SciPy's running sums round at each point, relative to the whole mass and span.
    slack = 1e-12 * (np.quantile(np.abs(x), 0.99) if kind != "wide" else abs(x).max())
    assert found.cost == pytest.approx(wasserstein_distance(x, y, a, b), rel=1e-8, abs=slack)


@pytest.mark.parametrize("weighted", WEIGHTS)
@pytest.mark.parametrize("p", [1.0, 2.0])
def test_one_measure_in_another_order_is_at_distance_0(weighted, p):
    rng = np.random.default_rng(2)
    x, a = rng.normal(size=3000), weights(rng, weighted, 3000)
    order = rng.permutation(3000)
    found = line_cost(x, x[order], line_masses(a, a[order]), p)
    if weighted == "spread":  # thirty orders of magnitude are more than two integers of 40 bits hold
        assert found.interval.lower == 0 <= found.interval.upper < 1e-15
    else:
        assert (found.cost, found.interval.lower, found.interval.upper) == (0, 0, 0)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=6),
    st.lists(st.floats(0, 1), min_size=1, max_size=6),
    st.integers(-800, 800),
)
def test_differences_of_distribution_functions(a, b, exponent):
    if not any(a) or not any(b):
        return
    a, b = np.ldexp(np.array(a), exponent), np.array(b)
    if not a.any():
        return
    masses = line_masses(a, b)
    f, g = exact_weights(a, len(a)), exact_weights(b, len(b))
    base = 2.0**masses.totals.bits
    for i in range(len(a) + 1):
        for j in range(len(b) + 1):
            one, other = (
                [sum(part) for part in zip((0, 0), *(parts(w, base) for w in side), strict=True)]
                for side in (masses.a[:i], masses.b[:j])
            )
            truth = sum(f[:i]) - sum(g[:j])
            found = difference(*one, *other, masses.totals)
            assert abs(Fraction(found) - truth) <= 6 * Fraction(2) ** -53 * abs(truth) + Fraction(masses.error)


@settings(max_examples=200, deadline=None)
@given(st.floats(-1e100, 1e100), st.floats(-1e100, 1e100))
def test_compiled_arithmetic_is_free_of_error(x, y):
    total, lost = two_sum(x, y)
    assert Fraction(total) + Fraction(lost) == Fraction(x) + Fraction(y)
    if x == 0 or y == 0 or min(abs(x), abs(y)) > 1e-100:
        product, lost = two_product(x, y)
        assert Fraction(product) + Fraction(lost) == Fraction(x) * Fraction(y)


def test_totals_that_differ_cost_their_share_of_precision():
    assert line_masses(np.ones(3), np.ones(7)).error == 0
    assert line_masses(np.array([0.1, 0.2]), np.array([0.2, 0.1])).error == 0
    assert line_masses(np.array([0.1, 0.2]), np.array([0.3, 0.1])).error == DIFFERENCE_ERROR


@pytest.mark.parametrize("weighted", WEIGHTS)
def test_the_coupling_has_the_right_marginals_and_the_order_of_the_line(weighted):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=40), rng.normal(size=30)
    a, b = weights(rng, weighted, 40), weights(rng, weighted, 30)
    masses = line_masses(a, b)
    coupling, slack = quantile_coupling(x, y, masses), 1e-25 + 70 * masses.error
    np.testing.assert_array_equal(x[coupling.rows], coupling.x)
    np.testing.assert_array_equal(y[coupling.columns], coupling.y)
    np.testing.assert_allclose(np.bincount(coupling.rows, coupling.mass, 40), a / a.sum(), rtol=1e-12, atol=slack)
    np.testing.assert_allclose(np.bincount(coupling.columns, coupling.mass, 30), b / b.sum(), rtol=1e-12, atol=slack)
    assert (np.diff(coupling.x) >= 0).all()
    assert (np.diff(coupling.y) >= 0).all()
    assert math.isclose(coupling.mass.sum(), 1)
