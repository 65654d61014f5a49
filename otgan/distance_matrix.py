"""The matrix of distances between many samples: in parallel, resumable, each pair solved once."""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from otgan import archive
from otgan.checks import FloatArray, as_count, as_number, as_points, as_seconds, as_weights
from otgan.costs import as_metric, point_costs
from otgan.errors import FileFormatError, InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.masses import WeightMasses
from otgan.measures.discrete import DiscreteMeasure
from otgan.metrics import Metric
from otgan.problem import OTProblem
from otgan.solve import MAX_MEMORY, solve

#: Version of what is written to `path`.
SCHEMA = 1
#: Seconds between two writings, and before progress is shown.
SAVE_EVERY, SHOW_AFTER = 10.0, 2.0
#: Seconds that a batch of pairs should take: results come back, and are kept, batch by batch.
BATCH = 1.0

Sample = tuple[FloatArray, FloatArray]


@dataclass(frozen=True, eq=False)
class PairwiseDistances:
    """Distances between k samples.

    Attributes:
        distances: W_p, (k, k), in units of length; symmetric, 0 on the diagonal.
        lower: Proven lower bounds, (k, k).
        upper: Proven upper bounds, (k, k).
        converged: Whether each bracket is as narrow as asked, (k, k).
    """

    distances: FloatArray
    lower: FloatArray
    upper: FloatArray
    converged: NDArray[np.bool_]


def pairwise(
    samples: Sequence[Any],
    *,
    p: float = 1.0,
    metric: str = "euclidean",
    tol: float = 1e-11,
    max_iter: int = 10**8,
    max_seconds: float = math.inf,
    max_memory: float = MAX_MEMORY,
    n_jobs: int | None = None,
    path: str | os.PathLike[str] | None = None,
) -> PairwiseDistances:
    r"""W_p between each two of many samples.

    Pairs are spread over the workers of joblib, so that its backends serve, Dask and Ray among them:
    `with joblib.parallel_config(backend="dask"): pairwise(...)`. joblib divides the cores among its own workers by the
    variables that `otgan.compiled.THREADS` lists.

    Args:
        samples: Samples: points (n, d) or (n,), tuples (points, weights), or `DiscreteMeasure`s, all of one dimension.
        p: Exponent, 1 ≤ p ≤ 64.
        metric: Name of the metric; see `otgan.wasserstein`.
        tol: Relative gap at which a distance counts as converged.
        max_iter: Pivots after which a solve stops.
        max_seconds: Seconds after which a solve stops, with the bracket so far.
        max_memory: Bytes that a solve may take, in each worker.
        n_jobs: Number of workers, −1 for all cores; None for 1, or what `joblib.parallel_config` says.
        path: A .npz or .json file that keeps the distances found so far. A second call with the same samples and
            settings goes on from there, also after Ctrl-C.

    Raises:
        InvalidInputError: If an argument breaks a rule, or `path` holds the distances of other samples or settings.
        FileFormatError: If `path` cannot be read or written, or has another suffix.
        MemoryLimitError: If a solve would need more than `max_memory`.

    >>> pairwise([[0.0, 1.0], [2.0, 3.0], ([0.0, 4.0], [0.75, 0.25])]).distances
    array([[0., 2., 1.],
           [2., 0., 2.],
           [1., 2., 0.]])
    """
    read = _read(samples, as_metric(metric))
    settings = {
        "p": as_number("p", p, low=1, high=64),
        "metric": metric,
        "tol": as_number("tol", tol, low=0),
        "max_iter": as_count("max_iter", max_iter, high=10**18),
        "max_seconds": as_seconds("max_seconds", max_seconds),
        "max_memory": as_number("max_memory", max_memory, low=0, open_low=True),
    }
    record = _Record(len(read), path, _fingerprint(read, settings))
    workers = joblib.Parallel(n_jobs=_jobs(n_jobs))
    try:
        _solve_all(read, settings, record, workers)
    finally:  # Ctrl-C included: what was found is kept
        record.save()
    return record.result()


def _solve_all(read: list[Sample], settings: dict[str, Any], record: _Record, workers: joblib.Parallel) -> None:
    left = record.missing()
    total, started = len(left), time.monotonic()
    size = joblib.effective_n_jobs(workers.n_jobs)
    with workers:
        while left:
            batch, left = left[:size], left[size:]
            began = time.monotonic()
            tasks = [joblib.delayed(_distance)(*read[i], *read[j], settings) for i, j in batch]
            for pair, found in zip(batch, workers(tasks), strict=True):
                record.put(*pair, found)
            record.save(at_least_since=SAVE_EVERY)
            now = time.monotonic()
            size = 2 * size if now - began < BATCH else size
            if now - started > SHOW_AFTER:
                _show(total - len(left), total)


def _show(done: int, total: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\rpairs: {done} of {total}" + ("\n" if done == total else ""))
        sys.stderr.flush()


def _distance(
    x: FloatArray, a: FloatArray, y: FloatArray, b: FloatArray, settings: dict[str, Any]
) -> tuple[float, float, float, bool]:
    """One distance, its bracket, and whether it converged; runs in a worker."""
    # Copies, since joblib hands large arrays over as read-only views of a file.
    costs = point_costs(x.copy(), y.copy(), metric=settings["metric"], p=settings["p"])
    limits = {name: settings[name] for name in ("tol", "max_iter", "max_seconds", "max_memory")}
    solution = solve(OTProblem(costs, WeightMasses(a.copy(), b.copy())), method="auto", **limits)
    return solution.distance, solution.lower_bound, solution.upper_bound, solution.converged


def _jobs(n_jobs: Any) -> int | None:
    if n_jobs is None:
        return None
    count = as_count("n_jobs", n_jobs, low=-(10**6))
    if count == 0:
        raise InvalidValueError("n_jobs", "not be 0", count, "take the number of workers, or -1 for all cores")
    return count


def _read(samples: Any, metric: Metric) -> list[Sample]:
    if not isinstance(samples, list | tuple) and not (isinstance(samples, np.ndarray) and samples.ndim > 1):
        raise InvalidTypeError("samples", "be a list of samples", type(samples).__name__, "pass [x, y, z]")
    if not len(samples):
        raise InvalidShapeError("samples", "not be empty", "no samples", "give at least one")
    read = [_read_one(f"samples[{k}]", sample) for k, sample in enumerate(samples)]
    dim = read[0][0].shape[1]
    for k, (points, _) in enumerate(read):
        if points.shape[1] != dim:
            raise InvalidShapeError(
                f"samples[{k}]",
                f"have the dimension of samples[0], {dim}",
                f"dimension {points.shape[1]}",
                "give all samples the same columns",
            )
        metric.check(f"samples[{k}]", points)
    return read


def _read_one(name: str, sample: Any) -> Sample:
    if isinstance(sample, DiscreteMeasure):
        return sample.points, sample.raw_weights
    points, weights = sample, None
    if isinstance(sample, tuple):
        if len(sample) != 2:
            raise InvalidShapeError(
                name, "be points, or a tuple (points, weights)", f"{len(sample)} parts", "use a list for bare points"
            )
        points, weights = sample
    array = as_points(name, points).copy()  # a caller who reuses the buffer must not change the sample
    return array, as_weights(f"weights of {name}", weights, len(array)).copy()


def _fingerprint(read: list[Sample], settings: dict[str, Any]) -> str:
    """A hash of samples and settings, by which a file is known to belong to them."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for points, weights in read:
        digest.update(str(points.shape).encode())
        digest.update(points.tobytes())
        digest.update(weights.tobytes())
    return digest.hexdigest()


class _Record:
    """The distances found so far, in memory and in a file.

    Args:
        k: Number of samples.
        path: The file; None for none.
        fingerprint: What it must belong to.
    """

    NAMES = ("distances", "lower", "upper")

    def __init__(self, k: int, path: str | os.PathLike[str] | None, fingerprint: str) -> None:
        self._path, self._fingerprint = path, fingerprint
        self._saved, self._changed = time.monotonic(), False
        self._numbers = {name: np.zeros((k, k)) for name in self.NAMES}
        self._done = np.eye(k, dtype=np.int8)
        self._converged = np.eye(k, dtype=np.int8)
        if path is None:
            return
        if Path(path).suffix not in archive.SUFFIXES:  # before hours of work, not after
            raise FileFormatError(f"{path}: the suffix must be one of {', '.join(archive.SUFFIXES)}")
        if Path(path).exists():
            self._load(path)

    def _load(self, path: str | os.PathLike[str]) -> None:
        with archive.reading(path):
            header, arrays = archive.read(path, (*self.NAMES, "done", "converged"))
            if header["schema"] != SCHEMA:
                raise FileFormatError(f"{path}: schema {header['schema']!r}, this version reads {SCHEMA}; delete it")
            same = header["fingerprint"] == self._fingerprint
            if same and any(array.shape != self._done.shape for array in arrays.values()):
                raise ValueError("matrices of another shape")
        if not same:
            raise InvalidValueError(
                "path",
                "hold distances of these samples and settings, or not exist",
                path,
                "choose another path, or delete the file",
            )
        self._numbers = {name: arrays[name].astype(np.float64) for name in self.NAMES}
        self._done, self._converged = arrays["done"].astype(np.int8), arrays["converged"].astype(np.int8)

    def missing(self) -> list[tuple[int, int]]:
        return [(int(i), int(j)) for i, j in np.argwhere(np.triu(self._done == 0, 1))]

    def put(self, i: int, j: int, found: tuple[float, float, float, bool]) -> None:
        for one, other in ((i, j), (j, i)):
            for name, value in zip(self.NAMES, found[:3], strict=True):
                self._numbers[name][one, other] = value
            self._converged[one, other] = found[3]
            self._done[one, other] = 1
        self._changed = True

    def save(self, *, at_least_since: float = 0.0) -> None:
        if self._path is None or not self._changed or time.monotonic() - self._saved < at_least_since:
            return
        header = {"schema": SCHEMA, "fingerprint": self._fingerprint}
        archive.write(self._path, header, self._numbers | {"done": self._done, "converged": self._converged})
        self._saved, self._changed = time.monotonic(), False

    def result(self) -> PairwiseDistances:
        return PairwiseDistances(**self._numbers, converged=self._converged.astype(np.bool_))
