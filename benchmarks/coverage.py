"""How often do the confidence intervals for the population's W1 hold, and how wide are they?

    python -m benchmarks coverage [--quick] [--out FILE] [--replications N]

Every case draws two fresh samples from two laws whose W1 is known, computes one interval, and notes both ends. The
ends go to FILE as JSON, case by case, a few replications at a time; a run that is started again with the same FILE
goes on where the last one stopped, and raises the number of replications where more are asked for. Replication r of a
case has a seed of its own, so the results do not depend on where a run stopped. At the end a Markdown table is
printed: coverage with its standard error, median width, and median width beside W1.

Truths: a translation moves every point by the same vector, so W1 is its length. Uniform laws on [0, 1] and
[1/4, 3/4] have quantiles that are |t − 1/2| / 2 apart, so W1 = 1/8, and their distribution functions cross. Laws on
finitely many atoms are solved exactly by their weights.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from otgan import wasserstein
from otgan.checks import FloatArray
from otgan.statistics import confidence_interval

LEVEL = 0.95
#: Replications between two writes of the file.
CHUNK = 25
#: Draws of the limit law: fewer make the interval wider and not wrong, and off the line each is a linear program.
LINE_DRAWS, ATOM_DRAWS = 399, 99


@dataclass(frozen=True)
class Case:
    """Two laws, the W1 between them, and the settings of the interval."""

    method: str
    laws: str
    dim: int
    n: int
    w1: float
    draw: Callable[[int, np.random.Generator], tuple[FloatArray, FloatArray]]
    settings: dict[str, Any]

    @property
    def key(self) -> str:
        return f"{self.method} | {self.laws} | d={self.dim} | n={self.n}"

    def interval(self, replication: int) -> tuple[float, float]:
        rng = np.random.default_rng([zlib.crc32(self.key.encode()), replication])
        x, y = self.draw(self.n, rng)
        interval = confidence_interval(x, y, level=LEVEL, seed=replication, **self.settings)
        return interval.lower, interval.upper


def cases(n: int, dims: tuple[int, ...] = (1, 2, 8)) -> Iterator[Case]:
    for dim in dims:
        for shift in (0.0, 0.3):
            name = "equal uniform" if shift == 0 else "uniform, shifted by 0.3"
            diameter = {"diameter": math.sqrt(dim)}
            yield Case("finite-sample, diameter", name, dim, n, shift, _uniform(dim, shift), diameter)
        for shift in (0.0, 1.0):
            name = "equal normal" if shift == 0 else "normal, shifted by 1"
            normal = _normal(dim, shift)
            yield Case("finite-sample, sub-Gaussian", name, dim, n, shift, normal, {"sub_gaussian": 1.0})
            if dim == 1:
                line = {"method": "asymptotic", "n_draws": LINE_DRAWS}
                yield Case("asymptotic, line", name, dim, n, shift, normal, line)
        if dim == 1:
            for shift in (0.0, 0.3):
                name = "equal uniform" if shift == 0 else "uniform, shifted by 0.3"
                yield Case("asymptotic, line", name, dim, n, shift, _uniform(dim, shift), line)
            yield Case("asymptotic, line", "uniform, crossing", dim, n, 0.125, _crossing, line)
        atoms = np.arange(5.0)[:, None] if dim == 1 else _simplex(dim)
        even = np.full(len(atoms), 1 / len(atoms))
        tilted = np.arange(1.0, len(atoms) + 1) / np.arange(1.0, len(atoms) + 1).sum()
        settings = {"method": "asymptotic", "atoms": atoms, "n_draws": ATOM_DRAWS}
        for name, other in (("equal atoms", even), ("unequal atoms", tilted)):
            w1 = wasserstein(atoms, atoms, even, other).distance
            yield Case("asymptotic, atoms", name, dim, n, w1, _choice(atoms, even, other), settings)


def _uniform(dim: int, shift: float) -> Callable[..., tuple[FloatArray, FloatArray]]:
    def draw(n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        x, y = rng.random((n, dim)), rng.random((n, dim))
        y[:, 0] += shift
        return x, y

    return draw


def _normal(dim: int, shift: float) -> Callable[..., tuple[FloatArray, FloatArray]]:
    def draw(n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        x, y = rng.standard_normal((n, dim)), rng.standard_normal((n, dim))
        y[:, 0] += shift
        return x, y

    return draw


def _crossing(n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    return rng.random((n, 1)), 0.25 + rng.random((n, 1)) / 2


def _simplex(dim: int) -> FloatArray:
    """0 and the unit vectors."""
    return np.concatenate([np.zeros((1, dim)), np.eye(dim)])


def _choice(atoms: FloatArray, p: FloatArray, q: FloatArray) -> Callable[..., tuple[FloatArray, FloatArray]]:
    def draw(n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        return rng.choice(atoms, n, p=p), rng.choice(atoms, n, p=q)

    return draw


def study(todo: list[Case], replications: int, file: Path | None, *, say: Callable[[str], None]) -> dict[str, Any]:
    """Run every case up to a number of replications.

    Returns:
        For each case W1, the lower ends and the upper ends.
    """
    results: dict[str, Any] = {}
    if file is not None and file.exists():
        stored = json.loads(file.read_text(encoding="utf-8"))
        if stored.get("level") != LEVEL:
            raise SystemExit(f"{file} is a study at level {stored.get('level')}, not {LEVEL}: choose another --out")
        results = stored["cases"]
    for case in todo:
        entry = results.setdefault(case.key, {"w1": case.w1, "lower": [], "upper": []})
        started = time.perf_counter()
        while len(entry["lower"]) < replications:
            first = len(entry["lower"])
            for replication in range(first, min(first + CHUNK, replications)):
                lower, upper = case.interval(replication)
                entry["lower"].append(lower)
                entry["upper"].append(upper)
            _write(file, results)
        say(f"{case.key}: {time.perf_counter() - started:.1f} s")
    return {case.key: results[case.key] for case in todo}


def _write(file: Path | None, results: dict[str, Any]) -> None:
    if file is None:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(file.name + ".part")
    draft.write_text(json.dumps({"level": LEVEL, "cases": results}), encoding="utf-8")
    os.replace(draft, file)  # a run that is killed leaves the last whole file


def coverage(entry: dict[str, Any]) -> tuple[float, float, int]:
    """Share of intervals that hold W1, the standard error of that share at the level, and their number.

    Ends within 1e-9 of W1 = 0 or another truth count as holding it: truths here are themselves rounded.
    """
    lower, upper = np.array(entry["lower"]), np.array(entry["upper"])
    holds = (lower <= entry["w1"] + 1e-9) & (upper >= entry["w1"] - 1e-9)
    return float(holds.mean()), math.sqrt(LEVEL * (1 - LEVEL) / len(lower)), len(lower)


def table(results: dict[str, Any]) -> str:
    """The results as a Markdown table."""
    lines = [
        "| method | laws | d | n | W1 | coverage | replications | median lower end | median upper end | median width |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for key, entry in results.items():
        method, laws, dim, n = key.split(" | ")
        share, _, count = coverage(entry)
        lower, upper = np.array(entry["lower"]), np.array(entry["upper"])
        lines.append(
            f"| {method} | {laws} | {dim[2:]} | {n[2:]} | {entry['w1']:.4g} | {share:.1%} | {count} "
            f"| {np.median(lower):.3f} | {np.median(upper):.3f} | {np.median(upper - lower):.3f} |"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks coverage", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="40 replications of 100 points, in half a minute")
    parser.add_argument("--replications", type=int, help="intervals a case (default 1000, or 40 with --quick)")
    parser.add_argument("--sizes", type=int, nargs="+", help="points a sample (default 200 and 1000, or 100)")
    parser.add_argument("--out", type=Path, help="JSON file to write and to go on from; default: nothing is kept")
    options = parser.parse_args(arguments)
    sizes = options.sizes or ([100] if options.quick else [200, 1000])
    todo = [case for n in sizes for case in cases(n)]
    replications = options.replications or (40 if options.quick else 1000)
    results = study(todo, replications, options.out, say=lambda line: print(line, flush=True))
    print()
    print(table(results))
    return 0
