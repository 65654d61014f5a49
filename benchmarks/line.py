"""W_p on the line and along slices: how many times quicker than SciPy and POT?

    python -m benchmarks line [--n N] [--sliced-n N] [--repetitions R] [--out FILE]

All methods run in one process, R times in turn, so that a machine that slows down slows all of them; each is called
twice in its turn, and the second call is timed. What is compiled on first use is compiled before. Times are medians, in
seconds; a ratio is the quickest peer's time over ours. Reading, checking, and the proven bracket are part of our time.
Answers are compared too, in the JSON file: a method that is quick and wrong would show.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import otgan

Method = Callable[[], float]


def on_the_line(n: int, p: float, weighted: bool) -> dict[str, Method]:
    """The cost W_p^p between two normal samples of n points each, by every method that has it."""
    import ot
    from scipy.stats import wasserstein_distance

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=n), rng.normal(size=n) + 0.1
    a, b = (w / w.sum() for w in rng.random((2, n))) if weighted else (None, None)
    metric = {1: "euclidean", 2: "sqeuclidean"}[int(p)]
    methods: dict[str, Method] = {
        "otgan": lambda: otgan.wasserstein(x, y, a, b, p=p).cost,
        "POT emd2_1d": lambda: float(ot.emd2_1d(x, y, a, b, metric=metric)),
        "POT wasserstein_1d": lambda: float(ot.wasserstein_1d(x, y, a, b, p=p)),
    }
    if p == 1:
        methods["SciPy"] = lambda: float(wasserstein_distance(x, y, a, b))
    return methods


def along_slices(n: int, p: float, weighted: bool, count: int = 100, dim: int = 3) -> dict[str, Method]:
    """The sliced distance between two normal samples of n points each, along the same directions."""
    import ot

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, dim)), rng.normal(size=(n, dim)) + 0.1
    a, b = (w / w.sum() for w in rng.random((2, n))) if weighted else (None, None)

    def ours() -> otgan.SlicedDistance:
        return otgan.sliced_wasserstein(x, y, a, b, rng=np.random.default_rng(1), n_projections=count, p=p)

    directions = ours().directions.T
    return {
        "otgan": lambda: ours().distance,
        "POT sliced": lambda: float(ot.sliced_wasserstein_distance(x, y, a, b, projections=directions, p=p)),
    }


def compare(methods: Mapping[str, Method], repetitions: int) -> dict[str, Any]:
    """Medians of the times of all methods, in turn, the ratio, and the largest relative difference of the answers."""
    times: dict[str, list[float]] = {name: [] for name in methods}
    answers = {name: method() for name, method in methods.items()}  # and whatever is compiled is compiled
    for _ in range(repetitions):
        for name, method in methods.items():
            method()  # so that each finds memory and caches as it left them itself
            started = time.perf_counter()
            method()
            times[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in times.items()}
    quickest = min(value for name, value in medians.items() if name != "otgan")
    differ = max(abs(answer / answers["otgan"] - 1) for answer in answers.values())
    return {"seconds": medians, "ratio": quickest / medians["otgan"], "answers_differ_by": differ}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks line", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--n", type=int, default=10**6, help="points a side on the line")
    parser.add_argument("--sliced-n", type=int, default=10**5, help="points a side in space")
    parser.add_argument("--repetitions", type=int, default=7, help="on the line; a third of them along slices")
    parser.add_argument("--out", type=Path, help="JSON file to write; default: nothing is kept")
    options = parser.parse_args(arguments)
    results = {}
    for kind, make, n, repetitions in (
        ("line", on_the_line, options.n, options.repetitions),
        ("sliced", along_slices, options.sliced_n, max(1, options.repetitions // 3)),
    ):
        for p in (1, 2):
            for weighted in (False, True):
                name = f"{kind}, n = {n}, p = {p}, {'random' if weighted else 'equal'} weights"
                results[name] = found = compare(make(n, p, weighted), repetitions)
                seconds = ", ".join(f"{method} {value:.4f} s" for method, value in found["seconds"].items())
                print(f"{name}: {found['ratio']:.1f} times as fast ({seconds})", flush=True)
    if options.out is not None:
        options.out.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return 0
