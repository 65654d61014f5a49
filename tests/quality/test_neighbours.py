"""Precision and recall, and nearness to the training points, against cases by hand and known means."""

from __future__ import annotations

import math

import numpy as np
import pytest

from otgan.errors import InvalidShapeError, InvalidValueError
from otgan.quality import nearest_training, precision_recall


def brute(real, generated, k):
    """The definitions, written out."""
    apart = np.linalg.norm(real[:, None] - generated[None], axis=2)
    r = [sorted(np.linalg.norm(real - p, axis=1))[k] for p in real]
    s = [sorted(np.linalg.norm(generated - p, axis=1))[k] for p in generated]
    n, m = apart.shape
    precision = np.mean([any(apart[i, j] <= r[i] for i in range(n)) for j in range(m)])
    recall = np.mean([any(apart[i, j] <= s[j] for j in range(m)) for i in range(n)])
    density = sum(apart[i, j] <= r[i] for i in range(n) for j in range(m)) / (k * m)
    coverage = np.mean([any(apart[i, j] <= r[i] for j in range(m)) for i in range(n)])
    return precision, recall, density, coverage


@pytest.mark.parametrize("dim", [3, 12])
def test_the_definitions(dim):
    rng = np.random.default_rng(0)
    real, generated = rng.normal(size=(23, dim)), rng.normal(size=(17, dim)) + 0.5 + 2 / dim
    found = precision_recall(real, generated, k=2)
    truth = brute(real, generated, 2)
    assert all(0 < value < 1 for value in truth)  # a case that could tell
    assert (found.precision, found.recall, found.density, found.coverage) == pytest.approx(truth, rel=1e-12)
    assert (found.k, found.sizes) == (2, (23, 17))


def test_density_and_coverage_of_one_law_have_known_means():
    n, m, k = 60, 40, 3
    rng = np.random.default_rng(1)
    found = [precision_recall(rng.normal(size=(n, 2)), rng.normal(size=(m, 2)), k=k) for _ in range(300)]
    means = {"density": 1.0, "coverage": found[0].coverage_of_chance}
    for name, truth in means.items():
        values = [getattr(each, name) for each in found]
        assert abs(np.mean(values) - truth) < 4 * np.std(values, ddof=1) / math.sqrt(len(values))
    assert found[0].coverage_of_chance == pytest.approx(1 - (59 * 58 * 57) / (99 * 98 * 97))


def test_a_collapse_is_precise_and_recalls_little():
    rng = np.random.default_rng(2)
    real = np.concatenate([rng.normal(size=(100, 2)), rng.normal(size=(100, 2)) + 50])
    found = precision_recall(real, rng.normal(size=(200, 2)))
    assert found.precision > 0.9
    assert found.recall <= 0.5
    assert found.coverage <= 0.5


def test_an_outlier_fools_precision_and_not_density():
    rng = np.random.default_rng(3)
    real = np.concatenate([rng.normal(size=(200, 2)), [[30.0, 0.0]]])
    far = rng.normal(size=(200, 2)) + [20.0, 0.0]
    found = precision_recall(real, far)
    assert found.precision > 0.9
    assert found.density < 0.25


def test_repeated_points_lie_in_balls_of_radius_zero():
    same = np.zeros((5, 2))
    found = precision_recall(same, same, k=2)
    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)


def test_too_few_points():
    with pytest.raises(InvalidShapeError, match="generated must have more than k = 5 points, got 5"):
        precision_recall(np.arange(9.0), np.arange(5.0))


@pytest.mark.parametrize("unit", [1e-140, 1e140])
def test_the_unit_of_length_changes_nothing(unit):
    rng = np.random.default_rng(5)
    real, generated = rng.normal(size=(40, 2)), rng.normal(size=(40, 2)) + 0.5
    assert precision_recall(real * unit, generated * unit) == precision_recall(real, generated)


@pytest.mark.parametrize("unit", [1e-170, 1e160])
def test_units_in_which_all_distances_are_one_are_refused(unit):
    points = np.random.default_rng(6).normal(size=(40, 2))
    for measure in (precision_recall, lambda x, y: nearest_training(y, x, x)):
        with pytest.raises(InvalidValueError, match=r"largest coordinate between .* change the unit of length"):
            measure(points * unit, points * unit)


def test_copies_show():
    rng = np.random.default_rng(4)
    training, held_out, new = (rng.normal(size=(400, 5)) for _ in range(3))
    copies = nearest_training(training[:100] + 1e-6, training, held_out)
    assert copies.ratio < 1e-4
    assert copies.share_close == 1
    fresh = nearest_training(new, training, held_out)
    assert abs(fresh.ratio - 1) < 0.1
    # A binomial share around .05, the quantile itself from 400 points: variances add.
    assert abs(fresh.share_close - 0.05) < 4 * math.sqrt(2 * 0.05 * 0.95 / 400)
    assert fresh.sizes == (400, 400, 400)


def test_distances_by_hand():
    found = nearest_training([[1.0], [3.0], [6.0]], [[0.0], [5.0]], [[2.0], [9.0]])
    assert (found.median_generated, found.median_held_out) == (1.0, 3.0)  # 1, 2, 1 and 2, 4
    assert found.ratio == pytest.approx(1 / 3)
    assert found.share_close == 1  # the 5 % quantile of 2 and 4 is 2.1


def test_ratios_where_held_out_points_are_in_the_training_set():
    assert nearest_training([[0.0]], [[0.0]], [[0.0]]).ratio == 1
    assert nearest_training([[1.0]], [[0.0]], [[0.0]]).ratio == math.inf
