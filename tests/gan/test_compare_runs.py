from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from otgan.errors import InvalidInputError, InvalidValueError
from otgan.gan import compare_runs, get_data, judge_run, open_run, train_gan
from otgan.gan.compare import correlation_of
from otgan.gan.identity import identity
from otgan.measures import GaussianMixture, eight_gaussians, empirical
from otgan.quality import Extractor

SMALL = {"hidden": (4,), "steps": 4, "batch_size": 8, "n_samples": 20, "every": 1, "threads": 1}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name, data, seed in (("a", "8gaussians", 0), ("b", "8gaussians", 1), ("moons", "moons", 0)):
        train_gan(data, **SMALL, seed=seed, folder=folder / name)
    return {name: open_run(folder / name) for name in ("a", "b", "moons")}


def test_the_law_itself_is_at_the_noise_floor_and_a_shifted_one_as_far_as_it_is_shifted(runs):
    """Translating a law by v moves all of it by v: W1 = |v| between the laws, and between samples up to their noise."""
    law = eight_gaussians()
    shift = np.array([30.0, 40.0])
    shifted = GaussianMixture(np.stack([part.mean for part in law.components]) + shift, 0.01)
    itself, moved = (dataclasses.replace(runs["a"], learnt=one) for one in (law, shifted))
    perfect, far = compare_runs([itself, moved], get_data("8gaussians"), n=200, seed=0)
    assert perfect.numbers["w1"] < 3 * perfect.numbers["noise_floor"]
    assert far.numbers["w1"] == pytest.approx(50, abs=2)
    assert far.numbers["w1_lower"] <= far.numbers["w1"] <= far.numbers["w1_upper"]
    # The same held-out points for both: the floor is the same number.
    assert perfect.numbers["noise_floor"] == far.numbers["noise_floor"]
    assert (perfect.numbers["modes_covered"], far.numbers["high_quality"]) == (8, 0)


class Doubled:
    extractor = Extractor("twice the points")

    def features(self, points):
        return 2 * points

    def probabilities(self, points):
        return np.full((len(points), 4), 0.25)


def test_a_classifier_of_ones_own(runs):
    judged = judge_run(runs["a"], get_data("8gaussians"), n=40, classifier=Doubled())
    assert judged.numbers["class_score"] == pytest.approx(1)
    assert judged.extractor is Doubled.extractor
    assert all("frechet" in each.numbers for each in compare_runs(
        [runs["a"], runs["b"]], get_data("8gaussians"), n=40, classifier=Doubled()
    ))  # fmt: skip
    assert judge_run(runs["a"], get_data("8gaussians"), n=40).extractor is None


def with_log(run, own, w1):
    rows = [{"step": k + 1, "own": a, "w1": b} for k, (a, b) in enumerate(zip(own, w1, strict=True))]
    return dataclasses.replace(run, log=tuple(rows))


def test_ranks(runs):
    run, w1 = runs["a"], [9.0, 5.0, 4.0, 1.0, 0.5]
    assert correlation_of(with_log(run, [8.0, 7.0, 2.0, 0.5, 0.1], w1)) == pytest.approx(1)
    assert correlation_of(with_log(run, [-8.0, -7.0, -2.0, -0.5, -0.1], w1)) == pytest.approx(-1)
    # Ranks 1 2 3 5 4 against 5 4 3 2 1, Spearman: 1 - 6 (16 + 4 + 0 + 9 + 9) / (5 * 24) = -0.9.
    assert correlation_of(with_log(run, [1.0, 2.0, 3.0, 5.0, 4.0], w1)) == pytest.approx(-0.9)
    # Of four looks, one order in twelve is perfect or opposite by chance: too few to say anything.
    assert math.isnan(correlation_of(with_log(run, [8.0, 7.0, 2.0, 0.5], w1[:4])))
    assert math.isnan(correlation_of(with_log(run, [1.0, 2.0, None, 4.0], [1.0, None, 3.0, 4.0])))


def test_runs_of_other_data_are_refused(runs):
    with pytest.raises(InvalidInputError, match=r"runs must be of the same data, 8gaussians, got .*moons.*other data"):
        compare_runs([runs["a"], runs["moons"]], get_data("8gaussians"))
    with pytest.raises(InvalidInputError, match="runs must be of the same data, 8gaussians"):
        compare_runs([runs["a"], runs["b"]], get_data("8gaussians", std=0.05))
    with pytest.raises(InvalidValueError, match="runs must be two or more, got 1"):
        compare_runs([runs["a"]], get_data("8gaussians"))


def test_what_is_the_same_data():
    points = np.random.default_rng(0).normal(size=(40, 2))
    same = {identity(get_data(points)), identity(get_data(empirical(points)))}
    assert len(same) == 1
    other = points.copy()
    other[7, 1] = np.nextafter(other[7, 1], 9)
    assert identity(get_data(other)) not in same
    assert identity(get_data(points, seed=1)) not in same  # other points are held out
    assert identity(get_data("8gaussians")) == identity(get_data("8gaussians", std=0.1))
    assert len({identity(get_data(name)) for name in ("8gaussians", "25gaussians", "moons", "circles")}) == 4
