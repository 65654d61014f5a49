"""The matrix of distances: right, symmetric, resumable, and each pair solved once."""

from __future__ import annotations

import io
import json

import joblib
import numpy as np
import pytest

import otgan
import otgan.distance_matrix as module
from otgan.errors import (
    FileFormatError,
    InvalidShapeError,
    InvalidTypeError,
    InvalidValueError,
    InvalidWeightsError,
    MemoryLimitError,
)


def some(k=5, d=2, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(10 + i, d)) + i for i in range(k)]


@pytest.fixture
def solved(monkeypatch):
    """The pairs of sizes that were solved, in order."""
    pairs, single = [], module._distance

    def counting(x, a, y, b, settings):
        pairs.append((len(x), len(y)))
        return single(x, a, y, b, settings)

    monkeypatch.setattr(module, "_distance", counting)
    return pairs


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("d", [1, 2])
def test_entries_are_the_distances(d, p, solved):
    rng = np.random.default_rng(1)
    samples = some(4, d)
    weights = rng.dirichlet(np.ones(len(samples[1])))
    mixed = [samples[0], (samples[1], weights), otgan.measures.DiscreteMeasure(samples[2]), samples[3].tolist()]
    found = otgan.pairwise(mixed, p=p, metric="cityblock")
    assert solved == [(10, 11), (10, 12), (10, 13), (11, 12), (11, 13), (12, 13)]
    for i in range(4):
        for j in range(4):
            a, b = (weights if k == 1 else None for k in (i, j))
            single = otgan.wasserstein(samples[i], samples[j], a, b, p=p, metric="cityblock")
            assert found.distances[i, j] == pytest.approx(single.distance, rel=1e-12)
            assert found.lower[i, j] <= single.upper_bound
            assert single.lower_bound <= found.upper[i, j]
    np.testing.assert_array_equal(found.distances, found.distances.T)
    assert (found.lower <= found.distances).all()
    assert (found.distances <= found.upper).all()
    assert found.converged.all()
    assert found.converged.dtype == bool


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_workers_change_nothing(backend):
    samples = some(4)
    alone = otgan.pairwise(samples)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        together = otgan.pairwise(samples)
    np.testing.assert_array_equal(alone.distances, together.distances)
    np.testing.assert_array_equal(alone.lower, together.lower)
    np.testing.assert_array_equal(alone.distances, otgan.pairwise(samples, n_jobs=2).distances)


@pytest.mark.parametrize("suffix", ["npz", "json"])
def test_a_second_call_goes_on(tmp_path, suffix, solved, monkeypatch):
    path, samples = tmp_path / f"distances.{suffix}", some()
    single, left = module._distance, [4]

    def interrupted(*arguments):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return single(*arguments)

    monkeypatch.setattr(module, "_distance", interrupted)
    monkeypatch.setattr(module, "BATCH", 0.0)
    with pytest.raises(KeyboardInterrupt):
        otgan.pairwise(samples, path=path)
    assert len(solved) == 4
    monkeypatch.setattr(module, "_distance", single)
    resumed = otgan.pairwise(samples, path=path)
    assert len(solved) == len(set(solved)) == 10
    np.testing.assert_array_equal(resumed.distances, otgan.pairwise(samples).distances)
    solved.clear()
    np.testing.assert_array_equal(otgan.pairwise(samples, path=path).upper, resumed.upper)
    assert not solved
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_other_samples_or_settings_are_refused(tmp_path):
    path, samples = tmp_path / "distances.npz", some(3)
    otgan.pairwise(samples, path=path)
    before = path.read_bytes()
    moved = [samples[0], samples[1], samples[2] + 1e-9]
    weighted = [samples[0], samples[1], (samples[2], np.arange(12) / 66)]
    for other, settings in (
        (moved, {}),
        (weighted, {}),
        (samples[:2], {}),
        (samples, {"p": 2}),
        (samples, {"tol": 1e-3}),
    ):
        with pytest.raises(InvalidValueError, match=r"path must hold distances of these samples .*distances\.npz"):
            otgan.pairwise(other, path=path, **settings)
    assert path.read_bytes() == before


def test_files_that_are_none_of_ours_are_refused(tmp_path):
    samples = some(2)
    with pytest.raises(FileFormatError, match=r"suffix must be one of \.npz, \.json"):
        otgan.pairwise(samples, path=tmp_path / "distances.csv")
    with pytest.raises(FileFormatError, match="cannot be written"):
        otgan.pairwise(samples, path=tmp_path / "nowhere" / "distances.npz")
    path = tmp_path / "distances.json"
    otgan.pairwise(samples, path=path)
    content = json.loads(path.read_text())
    for change in ({"schema": 9}, {"done": [[1]]}, {"lower": "x"}, {"lower": [1, 2, 3, 4]}):
        path.write_text(json.dumps(content | change))
        with pytest.raises(FileFormatError, match=r"distances\.json"):
            otgan.pairwise(samples, path=path)
    path.write_text("[1, 2")
    with pytest.raises(FileFormatError, match=r"distances\.json"):
        otgan.pairwise(samples, path=path)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_shown_to_those_who_wait(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    otgan.pairwise(some(3))
    assert terminal.getvalue() == ""
    monkeypatch.setattr(module, "SHOW_AFTER", -1.0)
    otgan.pairwise(some(3))
    assert terminal.getvalue().endswith("pairs: 3 of 3\n")
    monkeypatch.setattr("sys.stderr", io.StringIO())
    otgan.pairwise(some(3))  # no terminal, no progress
    import sys

    assert sys.stderr.getvalue() == ""


def test_one_sample_has_no_pairs():
    assert otgan.pairwise(some(1)).distances.tolist() == [[0.0]]


def test_three_samples_in_one_array():
    found = otgan.pairwise(np.arange(6.0).reshape(3, 2))  # three samples of two points on the line
    np.testing.assert_allclose(found.distances, [[0, 2, 4], [2, 0, 2], [4, 2, 0]])


def test_bad_input_is_refused():
    x, y = some(2)
    with pytest.raises(InvalidTypeError, match="samples must be a list of samples, got str"):
        otgan.pairwise("samples")
    with pytest.raises(InvalidTypeError, match="samples must be a list of samples, got ndarray"):
        otgan.pairwise(np.zeros(3))
    with pytest.raises(InvalidShapeError, match="samples must not be empty"):
        otgan.pairwise([])
    with pytest.raises(InvalidShapeError, match=r"samples\[1\] must have the dimension of samples\[0\], 2, got"):
        otgan.pairwise([x, [1.0]])
    with pytest.raises(InvalidShapeError, match=r"samples\[1\] must be points, or a tuple .*, got 3 parts"):
        otgan.pairwise([x, (y, None, None)])
    with pytest.raises(InvalidValueError, match=r"samples\[0\] must be finite"):
        otgan.pairwise([x * np.nan, y])
    with pytest.raises(InvalidWeightsError, match=r"weights of samples\[1\] must not be negative"):
        otgan.pairwise([x, (y, -np.ones(len(y)))])
    with pytest.raises(InvalidValueError, match="metric must be one of"):
        otgan.pairwise([x, y], metric="cosine")
    with pytest.raises(InvalidTypeError, match="metric must be a name"):
        otgan.pairwise([x, y], metric=None)
    with pytest.raises(InvalidValueError, match=r"samples\[1\] must hold degrees"):
        otgan.pairwise([[[1.0, 2.0]], [[91.0, 0.0]]], metric="haversine")
    with pytest.raises(InvalidValueError, match="p must be in"):
        otgan.pairwise([x, y], p=0)
    with pytest.raises(InvalidValueError, match="tol must be in"):
        otgan.pairwise([x, y], tol=-1)
    with pytest.raises(InvalidValueError, match="n_jobs must not be 0"):
        otgan.pairwise([x, y], n_jobs=0)
    with pytest.raises(InvalidTypeError, match="n_jobs must be an integer"):
        otgan.pairwise([x, y], n_jobs=1.5)
    with pytest.raises(MemoryLimitError, match="max_memory"):
        otgan.pairwise([x, y], max_memory=1)
