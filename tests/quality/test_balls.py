"""Both ways of finding neighbours against a loop over all pairs, to the last bit, where ties are the rule."""

from __future__ import annotations

import numpy as np
import pytest

from otgan.quality import by_boxes, by_products
from otgan.quality.balls import FEW, in_balls, kth_nearest

WAYS = pytest.mark.parametrize("way", [by_boxes, by_products], ids=["boxes", "products"])


def measured(x, y):
    """Distances as they are defined: squares summed in the order of the coordinates."""
    total = np.zeros((len(x), len(y)))
    for k in range(x.shape[1]):
        gap = x[:, k, None] - y[:, k]
        total += gap * gap
    return np.sqrt(total)


def tenths(rng, size, dim):
    """On a lattice whose step is no binary fraction: distances tie in fact, and not always in their last bit."""
    return rng.integers(-3, 4, size=(size, dim)) * 0.1


def repeated(rng, size, dim):
    return tenths(rng, 5, dim)[rng.integers(5, size=size)]


def far_off(rng, size, dim):
    """Where the terms of a product lose all digits of a distance."""
    return 1e7 + tenths(rng, size, dim)


def with_an_outlier(rng, size, dim):
    points = rng.normal(size=(size, dim))
    points[0] = 1e9
    return points


def tiny(rng, size, dim):
    """Squares near the smallest normal number, and below it."""
    return tenths(rng, size, dim) * 10.0 ** rng.integers(-156, -149, size=(size, 1))


def huge(rng, size, dim):
    return rng.normal(size=(size, dim)) * 1e149


@WAYS
@pytest.mark.parametrize("dim", [1, 2, 5, 19])
@pytest.mark.parametrize("law", [tenths, repeated, far_off, with_an_outlier, tiny, huge])
def test_all_answers_are_those_of_all_pairs(way, dim, law):
    rng = np.random.default_rng(dim)
    x, y, k = law(rng, 311, dim), law(rng, 173, dim), 4
    within, across = measured(x, x), measured(x, y)
    of_x, of_y = np.sort(within, axis=1)[:, k], np.sort(measured(y, y), axis=1)[:, k]
    np.testing.assert_array_equal(way.kth_nearest(x, x, k + 1), of_x)
    np.testing.assert_array_equal(way.kth_nearest(x, y, len(y)), across.max(1))
    np.testing.assert_array_equal(way.kth_nearest(y, x, 1), across.min(0))
    for radius, other in ((of_x, of_y), (np.sort(across, axis=1)[:, 7], np.sort(across, axis=0)[7])):
        # The second pair of radii are distances across: so many points lie exactly on a sphere.
        counts, recalled, covered = way.in_balls(x, y, radius, other)
        np.testing.assert_array_equal(counts, (across <= radius[:, None]).sum(0))
        np.testing.assert_array_equal(recalled, (across <= other).any(1))
        np.testing.assert_array_equal(covered, (across <= radius[:, None]).any(1))


@pytest.mark.parametrize("block", [1, 200, 2**22])
def test_products_in_blocks_and_threads(block, monkeypatch):
    monkeypatch.setattr(by_products, "BLOCK", block)
    monkeypatch.setattr(by_products, "PART", 1)
    rng = np.random.default_rng(1)
    x, y = tenths(rng, 61, 9), tenths(rng, 47, 9)
    radius = measured(x, x).max(1) / 2
    counts, _, covered = by_products.in_balls(x, y, radius, np.zeros(47))
    inside = measured(x, y) <= radius[:, None]
    assert 0 < inside.mean() < 1
    np.testing.assert_array_equal(counts, inside.sum(0))
    np.testing.assert_array_equal(covered, inside.any(1))


def test_one_far_point_does_not_cost_the_others_their_digits():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 12))
    x[7] = 1e12
    ((_, (products, norms, *_, share, _)),) = by_products._products(x, x)
    squares = norms[:, None] + norms - 2 * products
    error = share * (norms[:, None] + norms)
    near = np.arange(200) != 7
    # So nearly all pairs of the others are told apart by products.
    np.testing.assert_allclose(squares[near][:, near], (measured(x, x) ** 2)[near][:, near], atol=1e-9)
    assert error[near][:, near].max() < 1e-9


def test_few_points():
    x, y = np.zeros((1, 2)), np.ones((2, 2))
    for dim in (2, FEW + 1):
        x, y = np.zeros((1, dim)), np.ones((2, dim))
        assert kth_nearest(x, y, 2) == pytest.approx(np.sqrt(dim), rel=1e-15)
        counts, recalled, covered = in_balls(x, y, np.array([np.sqrt(dim)]), np.zeros(2))
        assert (counts.tolist(), recalled.tolist(), covered.tolist()) == ([1, 1], [False], [True])
