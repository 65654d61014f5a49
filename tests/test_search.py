"""The search for the smallest cost plus height finds what trying all pairs finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otgan.compiled import compilations
from otgan.costs import point_costs
from otgan.dual.transform import c_transform
from otgan.search import LEAF, PointTree, boxes

METRICS = ["euclidean", "cityblock", "chebyshev", "haversine"]


def problem(rng, n, m, d, metric, kind="generic"):
    if metric == "haversine":
        x, y = (rng.uniform([-90, -360], [90, 360], size=(k, 2)) for k in (n, m))
    elif kind == "lattice":
        x, y = (rng.integers(-2, 3, size=(k, d)).astype(float) for k in (n, m))
    else:
        x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    return x, y


@given(
    st.sampled_from(METRICS),
    st.sampled_from([1.0, 1.5, 2.0, 3.0]),
    st.integers(1, 5),
    st.integers(1, 40),
    st.integers(1, 9 * LEAF),
    st.integers(1, 12),
    st.sampled_from(["generic", "lattice"]),
    st.sampled_from([-200, 0, 40]),
    st.integers(0, 2**32 - 1),
)
def test_finds_the_smallest_sums(metric, p, d, n, m, most, kind, exponent, seed):
    rng = np.random.default_rng(seed)
    x, y = problem(rng, n, m, d, metric, kind)
    if metric != "haversine" and p == 1:
        x, y = np.ldexp(x, exponent), np.ldexp(y, exponent)
    costs = point_costs(x, y, metric=metric, p=p)
    heights = rng.normal(size=m) * costs.scale / 4
    heights[rng.random(m) < 0.2] = np.inf
    found, at = PointTree(costs.scaled[1], costs).search(costs.scaled[0], heights, most)
    sums = costs.block(slice(None), slice(None)) + heights
    expected = np.sort(sums, axis=1)[:, :most]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * costs.scale)
    there = np.isfinite(expected)
    assert ((at >= 0) == there).all()
    rows, ranks = np.nonzero(there)
    np.testing.assert_allclose(sums[rows, at[rows, ranks]], found[rows, ranks], rtol=1e-12, atol=1e-12 * costs.scale)
    assert all(len(set(row[row >= 0])) == (row >= 0).sum() for row in at)


@pytest.mark.parametrize("metric", METRICS)
def test_only_sums_below_the_threshold_count(metric):
    rng = np.random.default_rng(1)
    x, y = problem(rng, 50, 400, 3, metric)
    costs = point_costs(x, y, metric=metric)
    heights = rng.normal(size=400) * costs.scale / 50
    sums = costs.block(slice(None), slice(None)) + heights
    below = np.sort(sums, axis=1)[:, 3] * (1 + 1e-9 * np.sign(np.sort(sums, axis=1)[:, 3]))
    _, at = PointTree(y, costs).search(x, heights, 10, below)
    assert ((at >= 0).sum(axis=1) == 4).all()


@pytest.mark.parametrize("metric", METRICS)
def test_lowered_costs_stay_below_the_true_minimum(metric):
    rng = np.random.default_rng(2)
    x, y = problem(rng, 200, 500, 2, metric)
    costs = point_costs(x, y, metric=metric)
    heights = rng.normal(size=500) * costs.scale / 50
    keep, less = 1 - costs.relative_error, costs.absolute_error
    found, _ = PointTree(y, costs).search(x, heights, keep=keep, less=less)
    block = np.maximum(costs.block(slice(None), slice(None)) * keep - less, 0.0)
    np.testing.assert_allclose(found[:, 0], (block + heights).min(axis=1), rtol=0, atol=4e-16 * costs.scale)


def test_no_box_at_the_antipode_is_passed_over():
    """There the arc grows like the root of what the chord is short of: small errors of places are large ones of it."""
    rng = np.random.default_rng(4)
    # where boxes, which lie along axes, are flat enough for their bounds to be sharp
    for place in np.repeat([[0.0, 0.0], [0.0, 90.0], [90.0, 0.0]], 20, axis=0):
        away = 10 ** rng.uniform(-9, -3) * rng.normal(size=(300, 2))
        y = np.clip(-place[0] + away[:, 0], -90, 90), place[1] + 180 + away[:, 1]
        costs = point_costs(place[None], np.column_stack(y), metric="haversine")
        found, _ = PointTree(costs.y, costs).search(costs.x, np.zeros(300))
        # the compiled loop and NumPy may differ in the last places of the same formula
        assert found[0, 0] <= costs.block(slice(None), slice(None)).min() * (1 + 1e-15)


def test_other_arrays_need_no_other_machine_code():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(1100, 2)), rng.normal(size=(1000, 2))
    g, told = rng.normal(size=1000), []
    usual = c_transform(g, x, y)
    for array in (x, y, g):
        array.setflags(write=False)
    with compilations(lambda: told.append("compiling")):
        assert np.array_equal(c_transform(g, x, y), usual)
        assert np.array_equal(c_transform(g, np.asfortranarray(x), np.repeat(y, 2, axis=0)[::2]), usual)
    assert not told


def test_boxes_hold_their_points_and_halve_them():
    points = np.random.default_rng(3).normal(size=(1000, 3))
    order, ranges, low, high = boxes(points, 5, True)
    for kept, found in zip((order, ranges), boxes(points, 5, False)[:2], strict=True):
        assert np.array_equal(kept, found)
    assert sorted(order) == list(range(1000))
    assert tuple(ranges[1]) == (0, 1000)
    for box in range(1, 64):
        inside = points[order[slice(*ranges[box])]]
        assert np.array_equal(inside.min(axis=0), low[box])
        assert np.array_equal(inside.max(axis=0), high[box])
        if box < 32:
            assert ranges[2 * box][0] == ranges[box][0]
            assert ranges[2 * box][1] == ranges[2 * box + 1][0] == sum(ranges[box]) // 2
            assert ranges[2 * box + 1][1] == ranges[box][1]


def test_coinciding_points():
    x, y = np.zeros((3, 2)), np.zeros((200, 2))
    costs = point_costs(np.ones((3, 2)), y)
    found, _ = PointTree(y, costs).search(x, np.arange(200.0), 2)
    assert found.tolist() == [[0.0, 1.0]] * 3
