"""c-transforms against brute force, on the line and off it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import otgan
from otgan.costs import point_costs
from otgan.dual import c_transform as home
from otgan.dual import line, transform
from otgan.dual.transform import proven_transform
from otgan.errors import InvalidShapeError
from tests.strategies import contains
from tests.truth import certain_optimum


def test_it_is_public():
    assert otgan.c_transform is home


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 5]), st.sampled_from([1, 2, 1.5]))
def test_brute_force(seed, d, p):
    rng = np.random.default_rng(seed)
    x, y, g = rng.normal(size=(7, d)), rng.normal(size=(9, d)) + 1e3, rng.normal(size=9)
    expected = (np.linalg.norm(x[:, None] - y, axis=2) ** p - g).min(axis=1)
    np.testing.assert_allclose(otgan.c_transform(g, x, y, p=p), expected, rtol=1e-12)


def test_blocks_agree_with_the_whole(monkeypatch):
    rng = np.random.default_rng(0)
    x, y, g = rng.normal(size=(23, 2)), rng.normal(size=(31, 2)), rng.normal(size=31)
    whole = otgan.c_transform(g, x, y)
    costs = point_costs(x, y)
    proven = proven_transform(costs, g, slice(None), slice(None), to_rows=True)
    monkeypatch.setattr(transform, "BLOCK", 40)
    np.testing.assert_array_equal(otgan.c_transform(g, x, y), whole)
    for one, other in zip(proven_transform(costs, g, slice(None), slice(None), to_rows=True), proven, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from(["euclidean", "cityblock", "chebyshev"]))
def test_proven_transform_is_feasible_for_the_true_costs(seed, to_rows, metric):
    from fractions import Fraction

    from tests.truth import exact_cost

    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    given_ = rng.normal(size=5 if to_rows else 4) * 10.0 ** rng.integers(-3, 6)
    costs = point_costs(x, y, metric=metric)
    high, low = proven_transform(costs, given_, slice(None), slice(None), to_rows=to_rows)
    for k, (part, rest) in enumerate(zip(high, low, strict=True)):
        ways = [
            (exact_cost(x[k], y[j], metric, 1) if to_rows else exact_cost(x[j], y[k], metric, 1)) - Fraction(value)
            for j, value in enumerate(given_.tolist())
        ]
        value = Fraction(part) + Fraction(rest)
        assert min(ways) * (1 - Fraction(1, 10**14)) - abs(min(ways)) / 10**14 - Fraction(1, 10**13) <= value
        assert value <= min(ways)


def test_shapes():
    with pytest.raises(InvalidShapeError, match=r"g must have shape \(2,\), got shape \(3,\)"):
        otgan.c_transform([0.0, 0.0, 0.0], [0.0], [1.0, 2.0])


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, 1.5, 2.0, 3.0]), st.booleans())
def test_partners_on_the_line_are_the_best_ones(seed, p, ties):
    rng = np.random.default_rng(seed)
    k, m = rng.integers(1, 40, 2)
    z, y = (rng.integers(0, 9, size).astype(float) if ties else rng.normal(size=size) for size in (k, m))
    g = rng.normal(size=m) * rng.choice([0, 1, 10])
    g[rng.random(m) < 0.2] = -np.inf
    g[0] = 0.0
    best, _ = line.best_partners(z, y, g, p)
    values = abs(z[:, None] - y) ** p - g
    np.testing.assert_allclose(values[np.arange(k), best], values.min(axis=1), rtol=1e-13, atol=1e-14)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]))
def test_the_search_on_the_line_keeps_the_proof(seed, p):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=5), rng.normal(size=4)
    whole = otgan.wasserstein(x, y, p=p)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transform, "SEARCH", 1)  # as if there were too many pairs to look at
        searched = otgan.wasserstein(x, y, p=p)
    truth = certain_optimum(x[:, None], y[:, None], p=p) if p == 2 else None
    for solution in (whole, searched):
        assert truth is None or contains(solution.certificate.cost.lower, solution.certificate.cost.upper, truth)
    assert searched.lower_bound == pytest.approx(whole.lower_bound, rel=1e-9)


def test_a_hundred_thousand_points_on_the_line_for_p_2():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=100_000), 3 + 2 * rng.normal(size=100_000)
    solution = otgan.wasserstein(x, y, p=2, max_memory=1)
    quantiles = np.sqrt(np.mean((np.sort(x) - np.sort(y)) ** 2))
    assert solution.distance == pytest.approx(quantiles, rel=1e-12)
    assert solution.relative_gap <= 1e-11
