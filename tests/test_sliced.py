"""Sliced distances against closed forms, POT, and the laws that projections obey."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import otgan
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, InvalidWeightsError
from tests.strategies import samples


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("p", [1, 2, 2.5])
def test_the_same_directions_give_what_pot_gives(weighted, p):
    import ot

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 4)), rng.normal(size=(200, 4)) + 0.5
    a, b = (rng.dirichlet(np.ones(300)), rng.dirichlet(np.ones(200))) if weighted else (None, None)
    sliced = otgan.sliced_wasserstein(x, y, a, b, rng=rng, n_projections=30, p=p)
    peer = ot.sliced_wasserstein_distance(x, y, a, b, projections=sliced.directions.T, p=p)
    assert sliced.distance == pytest.approx(float(peer), rel=1e-9)
    assert sliced.n_projections == len(sliced.costs) == 30
    assert sliced.p == p


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("d", [1, 2, 3, 10])
def test_a_translation_has_a_closed_form(d, p):
    # E |cos|^p of the angle between a random direction and a fixed one: 1/d for p = 2, a ratio of Γs for p = 1
    rng = np.random.default_rng(d)
    x, move = rng.normal(size=(20, d)), rng.normal(size=d)
    moment = 1 / d if p == 2 else math.gamma(d / 2) / (math.sqrt(math.pi) * math.gamma((d + 1) / 2))
    truth = np.linalg.norm(move) * moment ** (1 / p)
    sliced = otgan.sliced_wasserstein(x, x + move, rng=rng, n_projections=2000, p=p)
    assert abs(sliced.distance - truth) <= 4 * sliced.standard_error + 1e-12
    # the spread of |cos|^p is known too
    spread = math.sqrt(max(0.0, 1 / d - moment**2)) if p == 1 else math.sqrt(3 / (d * (d + 2)) - 1 / d**2)
    expected = np.linalg.norm(move) ** p * spread / math.sqrt(2000) * truth ** (1 - p) / p
    assert sliced.standard_error == pytest.approx(expected, rel=0.1, abs=1e-12)


def test_one_direction_has_no_standard_error():
    sliced = otgan.sliced_wasserstein([[0.0, 0.0]], [[1.0, 0.0]], rng=np.random.default_rng(0), n_projections=1)
    assert math.isnan(sliced.standard_error)


@settings(max_examples=60, deadline=None)
@given(samples(), st.sampled_from([1, 2]))
def test_no_slice_is_above_the_distance(sample, p):
    rng = np.random.default_rng(0)
    points = sample.x, sample.y, sample.a, sample.b
    truth = otgan.wasserstein(*points, p=p)
    sliced = otgan.sliced_wasserstein(*points, rng=rng, n_projections=5, p=p)
    largest = otgan.max_sliced_wasserstein(*points, rng=rng, n_starts=3, p=p)
    for lower in (sliced.lower_bound, largest.lower_bound):
        assert 0 <= lower <= truth.upper_bound
    scale = truth.problem.costs.scale ** (1 / p)
    assert sliced.distance <= truth.distance + 1e-7 * scale
    assert largest.distance == pytest.approx(largest.lower_bound, abs=1e-7 * scale)


@settings(max_examples=40, deadline=None)
@given(samples())
def test_laws_of_a_distance(sample):
    def sliced(x, y, a, b):
        return otgan.sliced_wasserstein(x, y, a, b, rng=np.random.default_rng(1), n_projections=4).distance

    x, y, a, b = sample.x, sample.y, sample.a, sample.b
    there = sliced(x, y, a, b)
    scale = 1e-9 * (np.ptp(np.concatenate([x, y])) + 1e-300)
    assert sliced(x, x, a, a) == 0
    assert there == pytest.approx(sliced(y, x, b, a), abs=scale)
    assert sliced(2 * x, 2 * y, a, b) == pytest.approx(2 * there, abs=scale)
    assert there <= sliced(x, y, a, None) + sliced(y, y, None, b) + scale


@pytest.mark.parametrize("p", [1, 2])
def test_the_largest_slice_of_a_translation_is_its_length(p):
    rng = np.random.default_rng(2)
    x, move = rng.normal(size=(100, 5)), rng.normal(size=5)
    found = otgan.max_sliced_wasserstein(x, x + move, rng=rng, p=p)
    length = np.linalg.norm(move)
    assert found.distance == pytest.approx(length, rel=1e-9)
    assert length * (1 - 1e-9) <= found.lower_bound <= length * (1 + 1e-15)
    np.testing.assert_allclose(found.direction, -move / length, atol=1e-6)


@pytest.mark.parametrize("p", [1, 2])
def test_the_largest_slice_is_found_in_the_plane(p):
    # in the plane all directions can be tried
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(60, 2)), rng.normal(size=(50, 2)) @ np.diag([3.0, 0.5]) @ [[0.8, -0.6], [0.6, 0.8]]
    angles = np.linspace(0, math.pi, 2000)
    every = [
        otgan.wasserstein(x @ theta, y @ theta, p=p).distance
        for theta in np.column_stack([np.cos(angles), np.sin(angles)])
    ]
    found = otgan.max_sliced_wasserstein(x, y, rng=rng, n_starts=10, p=p)
    assert found.distance >= max(every) * (1 - 1e-6)
    assert found.lower_bound <= otgan.wasserstein(x, y, p=p).upper_bound
    assert np.linalg.norm(found.direction) == pytest.approx(1, rel=1e-13)
    assert found.n_starts == 10


def test_one_place_against_itself():
    found = otgan.max_sliced_wasserstein(np.zeros((3, 2)), np.zeros((2, 2)), rng=np.random.default_rng(0), n_starts=1)
    assert (found.distance, found.lower_bound) == (0, 0)


def test_measures_and_seeds():
    rng = np.random.default_rng(4)
    x, y, a = rng.normal(size=(30, 2)), rng.normal(size=(40, 2)), rng.dirichlet(np.ones(30))
    measure = otgan.measures.DiscreteMeasure(x, a)
    one = otgan.sliced_wasserstein(measure, y, rng=np.random.default_rng(5))
    other = otgan.sliced_wasserstein(x, y, a, rng=np.random.default_rng(5))
    assert one.distance == other.distance
    np.testing.assert_array_equal(one.directions, other.directions)


@pytest.mark.parametrize("function", [otgan.sliced_wasserstein, otgan.max_sliced_wasserstein])
def test_bad_input_is_refused(function):
    rng, points = np.random.default_rng(0), [[0.0, 1.0], [2.0, 3.0]]
    with pytest.raises(InvalidTypeError, match=r"rng must be a numpy\.random\.Generator, got 0"):
        function(points, points, rng=0)
    with pytest.raises(InvalidShapeError, match="y must have the dimension of x, 2"):
        function(points, [1.0, 2.0], rng=rng)
    with pytest.raises(InvalidWeightsError, match="a must not be negative"):
        function(points, points, [-1.0, 2.0], rng=rng)
    with pytest.raises(InvalidValueError, match="p must be in"):
        function(points, points, rng=rng, p=0.5)
    name = "n_projections" if function is otgan.sliced_wasserstein else "n_starts"
    with pytest.raises(InvalidValueError, match=f"{name} must be at least 1, got 0"):
        function(points, points, rng=rng, **{name: 0})
