"""Counted divergences against scipy, and the two errors of counting; disjoint supports against W1."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy, norm

from otgan.autograd import wasserstein
from otgan.divergences import histogram_jensen_shannon, histogram_kullback_leibler, jensen_shannon
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.measures import parallel_line

LOG2 = math.log(2)
EDGES = np.linspace(-2, 2, 9)


def shares(points, edges):
    return np.histogram(points, np.concatenate([[-np.inf], edges, [np.inf]]))[0] / len(points)


def test_scipy_counts_the_same():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=500), rng.normal(size=300) * 1.5 + 0.5
    p, q = shares(x, EDGES), shares(y, EDGES)
    assert histogram_jensen_shannon(x, y, EDGES).value == pytest.approx(jensenshannon(p, q) ** 2, rel=1e-12)
    assert histogram_kullback_leibler(x, y, EDGES).value == pytest.approx(entropy(p, q), rel=1e-12)


def test_bins_in_the_plane_are_products():
    rng = np.random.default_rng(1)
    x, y = rng.random((200, 2)), rng.random((100, 2)) ** 2
    edges = [np.array([0.3, 0.6]), np.array([0.5])]
    cells = [
        np.histogram2d(*points.T, bins=[[-1, 0.3, 0.6, 2], [-1, 0.5, 2]])[0].ravel() / len(points) for points in (x, y)
    ]
    assert histogram_jensen_shannon(x, y, edges).value == pytest.approx(jensenshannon(*cells) ** 2, rel=1e-12)


def test_empty_bins_make_kl_infinite_and_leave_js_alone():
    x, y = [0.1, 0.2, 0.9], [0.1, 0.2, 0.3]
    assert histogram_kullback_leibler(x, y, [0.5]).value == math.inf
    assert histogram_kullback_leibler(y, x, [0.5]).value == pytest.approx(math.log(3 / 2), rel=1e-14)
    assert 0 < histogram_jensen_shannon(x, y, [0.5]).value < LOG2


def test_counting_is_biased_upward_and_the_interval_knows():
    rng = np.random.default_rng(2)
    ends = np.concatenate([[-np.inf], EDGES, [np.inf]])
    p, q = np.diff(norm.cdf(ends)), np.diff(norm.cdf(ends - 0.5))
    exact = jensenshannon(p, q) ** 2
    found = [histogram_jensen_shannon(rng.normal(size=60), rng.normal(size=60) + 0.5, EDGES) for _ in range(200)]
    values = np.array([one.value for one in found])
    error = values.std(ddof=1) / math.sqrt(len(values))
    assert values.mean() - exact > 5 * error  # upward, beyond all chance
    assert sum(exact in one.interval for one in found) >= 190  # 95 % or more; in truth nearly all
    assert exact < jensen_shannon(([0.0], 1.0), ([0.5], 1.0)).value  # binning goes the other way
    large = histogram_jensen_shannon(rng.normal(size=200_000), rng.normal(size=200_000) + 0.5, EDGES)
    assert exact in large.interval
    assert large.interval.width < 0.06  # and it narrows


def test_one_point_moves_the_value_by_no_more_than_the_interval_assumes():
    rng = np.random.default_rng(3)
    for n in (1, 2, 7):
        most = 0.5 * (math.log1p(n) / n + math.log1p(1 / n))
        for _ in range(50):
            x, y = rng.integers(3, size=n).astype(float), rng.integers(3, size=5).astype(float)
            moved = x.copy()
            moved[0] = rng.integers(3)
            before, after = (histogram_jensen_shannon(points, y, [0.5, 1.5]).value for points in (x, moved))
            assert abs(before - after) <= most


@pytest.mark.parametrize("theta", [-1.0, -0.01, 0.01, 0.5])
def test_parallel_lines(theta):
    """JS is log 2 exactly, with gradient 0, while W1 is |θ| with gradient sign θ."""
    rng = np.random.default_rng(4)
    edges = [np.linspace(-1.2025, 1.2025, 482), np.linspace(0, 1, 5)]
    x, y = (parallel_line(place).sample(50, rng) for place in (0.0, theta))
    assert histogram_jensen_shannon(x, y, edges).value == LOG2
    for step in (-1e-3, 1e-3):
        assert histogram_jensen_shannon(x, y + [step, 0.0], edges).value == LOG2
    shift = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
    heights = torch.from_numpy(x[:, 1])
    generated = torch.stack([shift.expand(50), heights], dim=1)
    distance = wasserstein(generated, torch.from_numpy(x))
    distance.backward()
    assert distance.item() == pytest.approx(abs(theta), rel=1e-12)
    assert shift.grad.item() == pytest.approx(math.copysign(1, theta), rel=1e-12)


def test_at_theta_0_the_lines_are_one():
    x = parallel_line(0.0).sample(50, np.random.default_rng(5))
    assert histogram_jensen_shannon(x, x, [[0.5], [0.5]]).value == 0


def test_bins_beyond_all_floats_are_only_many():
    x = np.random.default_rng(6).random((20, 784))
    found = histogram_jensen_shannon(x, 1 - x, [np.linspace(0.1, 0.9, 9)] * 784)
    assert (found.interval.lower, found.value, found.interval.upper) == (0.0, LOG2, LOG2)


def test_bad_input_is_refused():
    x = np.zeros((3, 2))
    with pytest.raises(InvalidTypeError, match="edges must be the places where bins end"):
        histogram_jensen_shannon(x, x, 10)
    with pytest.raises(InvalidShapeError, match="edges must hold one array for each of the 2 coordinates"):
        histogram_jensen_shannon(x, x, [0.5])
    with pytest.raises(InvalidValueError, match="edges must increase"):
        histogram_kullback_leibler([0.0], [1.0], [1.0, 0.0])
    with pytest.raises(InvalidShapeError, match="y must have the dimension of x, 2"):
        histogram_kullback_leibler(x, [0.0], [0.5])
    with pytest.raises(InvalidValueError, match="level must be below 1"):
        histogram_jensen_shannon([0.0], [1.0], [0.5], level=1)
