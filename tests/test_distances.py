"""Distances in tiles are those of another library, to the last places, whatever the shape."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from otgan.compiled import compilations
from otgan.distances import CHEBYSHEV, CITYBLOCK, COLUMNS, DEPTH, EUCLIDEAN, PART, ROWS, distances
from otgan.metrics import METRICS, UNIT

NORMS = {"euclidean": EUCLIDEAN, "cityblock": CITYBLOCK, "chebyshev": CHEBYSHEV}


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize(
    ("n", "m", "d"),
    [(1, 1, 1), (ROWS + 1, COLUMNS + 1, DEPTH + 1), (2 * ROWS, 2 * COLUMNS, 2 * DEPTH), (3, 700, 2), (700, 3, 50)],
)
def test_another_library_agrees(name, n, m, d):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    np.testing.assert_allclose(distances(x, y, NORMS[name]), cdist(x, y, name), rtol=2 * (d + 4) * UNIT)


def test_threads_change_nothing(monkeypatch):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 4 * PART // 500 // 9, 9))
    y = y[:500]
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: range(8), raising=False)
    monkeypatch.setenv("OTGAN_NUM_THREADS", "2")
    threaded = distances(x, y, EUCLIDEAN)
    monkeypatch.setenv("OTGAN_NUM_THREADS", "1")
    assert np.array_equal(threaded, distances(x, y, EUCLIDEAN))


def test_views_of_any_layout():
    x = np.asfortranarray(np.random.default_rng(2).normal(size=(40, 6)))
    x.setflags(write=False)
    assert np.array_equal(distances(x[::2, ::3], x[:, :2], CITYBLOCK), cdist(x[::2, ::3], x[:, :2], "cityblock"))
    told = []
    with compilations(lambda: told.append("compiling")):
        distances(x[:, :1], x[:5, :1], CITYBLOCK)  # whose transpose is read-only and in rows already
    assert not told


COORDINATES = st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=6)


@given(COORDINATES, COORDINATES, st.integers(0, ROWS), st.integers(0, COLUMNS))
def test_errors_are_bounded_as_the_metric_says(x, y, i, j):
    gaps = [abs(Fraction(s) - Fraction(t)) for s, t in zip(x, y, strict=True)]
    if any(0 < gap < 1e-100 for gap in gaps):  # squares that underflow are counted elsewhere
        return
    error = Fraction(METRICS["euclidean"].relative_error(6))
    many_x, many_y = np.zeros((ROWS + 1, 6)), np.zeros((COLUMNS + 1, 6))  # some on the edge of a tile
    many_x[i], many_y[j] = x, y
    found = {name: Fraction(distances(many_x, many_y, norm)[i, j]) for name, norm in NORMS.items()}
    assert abs(found["cityblock"] - sum(gaps)) <= error * sum(gaps)
    assert abs(found["chebyshev"] - max(gaps)) <= error * max(gaps)
    squares = sum(gap**2 for gap in gaps)
    assert (1 - error) ** 2 * squares <= found["euclidean"] ** 2 <= (1 + error) ** 2 * squares
