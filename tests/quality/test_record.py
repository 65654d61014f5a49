"""The record: each number is the one that its own room gives, and a perfect generator has those of a real sample."""

from __future__ import annotations

import json

import numpy as np
import pytest

import otgan
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.measures import DiscreteMeasure, eight_gaussians, two_moons
from otgan.quality import frechet_distance, precision_recall, quality


@pytest.fixture(scope="module")
def clouds():
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 2)), rng.normal(size=(60, 2)) + [1.0, 0.0], rng.normal(size=(60, 2))


def test_numbers_are_those_of_the_functions_themselves(clouds):
    x, y, z = clouds
    found = quality(y, x, second_real=z, features=lambda p: 2 * p, probabilities=lambda p: _softmax(p), training=z)
    exact = otgan.wasserstein(x, y)
    assert found.n == 60
    assert found.w1 == pytest.approx(exact.distance, rel=1e-12)
    assert found.w1 in found.generated.bracket
    assert found.generated.bracket.kind == "proven"
    assert found.noise_floor == pytest.approx(otgan.wasserstein(x, z).distance, rel=1e-12)
    assert found.generated.frechet.value == pytest.approx(frechet_distance(2 * x, 2 * y).value, rel=1e-9)
    assert found.generated.neighbours == precision_recall(2 * x, 2 * y)
    assert found.second_real.neighbours == precision_recall(2 * x, 2 * z)
    assert found.generated.sliced_w1 < found.w1
    assert found.nearest.sizes == (60, 60, 60)
    assert found.generated.modes is None
    assert found.population is None
    assert found.p_value == 0.005  # 1 / 200, the smallest that it can be


def _softmax(points):
    rows = np.exp(points)
    return rows / rows.sum(1, keepdims=True)


def test_a_perfect_generator_has_the_numbers_of_a_second_real_sample():
    law, n = eight_gaussians(), 400
    found = quality(law, law, n=n, seed=1)
    assert found.generated.modes.covered == found.generated.modes.well_covered == 8
    assert abs(found.generated.modes.high_quality - 0.988891) < 4 * np.sqrt(0.0111 * 0.9889 / n)
    assert abs(found.generated.neighbours.density - 1) < 0.15
    assert found.p_value > 0.005


def test_at_w1_zero_the_test_keeps_its_level_and_the_floor_is_passed_half_the_time():
    law, trials = two_moons(), 50
    found = [quality(law, law, n=25, seed=seed) for seed in range(trials)]
    rejected = np.mean([each.p_value <= 0.2 for each in found])
    assert rejected <= 0.2 + 4 * np.sqrt(0.2 * 0.8 / trials)
    # Generated and second real sample are exchangeable.
    assert abs(np.mean([each.w1 > each.noise_floor for each in found]) - 0.5) < 4 * np.sqrt(0.25 / trials)


def test_numbers_are_json_and_lines_show_both_samples():
    found = quality(two_moons(), two_moons(), n=50, diameter=10.0)
    numbers = json.loads(json.dumps(found.numbers, allow_nan=False))
    assert numbers["w1"] == found.w1
    assert numbers["noise_floor"] == found.noise_floor
    assert numbers["real_precision"] == found.second_real.neighbours.precision
    assert numbers["population_lower"] <= 0 <= numbers["population_upper"]  # one law
    assert "real_w1" not in numbers
    text = "\n".join(found.lines)
    assert text.startswith("of 50 points")
    assert f"{found.w1:.4g}" in text
    assert f"{found.noise_floor:.4g}" in text
    assert "statistical at level 0.95, finite-sample" in text


def test_an_infinite_number_is_none_in_json():
    found = quality(np.arange(9.0) + 0.5, np.arange(9.0), second_real=np.arange(9.0), training=np.arange(9.0), k=1)
    assert found.nearest.ratio == np.inf  # the real points are the training points
    assert found.numbers["nearest_ratio"] is None


def test_finite_real_points_are_split_for_the_noise_floor():
    rng = np.random.default_rng(2)
    real = rng.normal(size=(41, 2))
    found = quality(rng.normal(size=(100, 2)), real, n=1000, k=3)
    assert found.n == 20
    assert found.noise_floor > 0  # no point is on both sides
    assert quality(two_moons(), real, second_real=two_moons(), n=30).n == 30
    assert quality(two_moons(), real, second_real=two_moons(), n=1000).n == 41


def test_the_seed_says_it_all(clouds):
    x = clouds[0]
    one, same, other = (quality(two_moons(), x, n=20, seed=seed).numbers for seed in (3, 3, 4))
    assert one == same
    assert one != other


def test_refusals(clouds):
    x, y, _ = clouds
    with pytest.raises(InvalidShapeError, match="generated must have the dimension of real, 2, got 1"):
        quality(np.arange(9.0), x)
    with pytest.raises(InvalidValueError, match="generated must be points of equal weight"):
        quality(DiscreteMeasure(y, np.linspace(1, 2, 60) / 90), x)
    with pytest.raises(InvalidShapeError, match="what features returns must have one row for each of the 30 points"):
        quality(y, x, features=lambda p: p[:5])
    with pytest.raises(InvalidShapeError, match="real must be more than k = 5 points, in each half, got 4; give more"):
        quality(y, x[:8])
    with pytest.raises(InvalidShapeError, match="generated must be more than k = 5 points, got 1"):
        quality(y[:1], x)
    with pytest.raises(InvalidValueError, match="n must be more than k = 5 points, got 2"):
        quality(two_moons(), two_moons(), n=2)
    with pytest.raises(InvalidTypeError, match="features must be a function of points"):
        quality(y, x, features=3)
    with pytest.raises(InvalidValueError, match="generated must have a largest coordinate between"):
        quality(1e160 * y, x)
    with pytest.raises(InvalidValueError, match="seed must be at least 0"):
        quality(y, x, seed=-1)
