"""What is measured: pairs of laws that samples are drawn from, and the sizes at which each method is asked."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmarks.exact.methods import LAZY, OURS, PEERS, POT, SCIPY, Sample, rough
from otgan.measures import Gaussian, Measure, Uniform, eight_gaussians, swiss_roll, two_moons


@dataclass(frozen=True)
class Case:
    """Samples from two laws.

    Attributes:
        title: Name in tables.
        source: Law of the n source points.
        target: Law of the target points.
        weighted: Whether weights are uniform in [0, 1] before they are normalised; else they are equal.
        share: Number of target points, as a share of n.
    """

    title: str
    source: Measure
    target: Measure
    weighted: bool = False
    share: float = 1.0

    @property
    def square(self) -> bool:
        """Whether it is an assignment problem."""
        return not self.weighted and self.share == 1

    def draw(self, n: int) -> Sample:
        """The same sample for the same n, in every process."""
        rng = np.random.default_rng([zlib.crc32(self.title.encode()), n])
        sizes = n, max(1, round(n * self.share))
        x, y = (law.sample(k, rng) for law, k in zip((self.source, self.target), sizes, strict=True))
        if not self.weighted:
            return Sample(x, y, None, None)
        a, b = (w / w.sum() for w in map(rng.random, sizes))
        return Sample(x, y, a, b)


def _families() -> Iterator[tuple[str, str, Measure, Measure]]:
    square = Uniform([0.0, 0.0], [1.0, 1.0])
    yield "eight", "8 Gaussians → Gaussian", eight_gaussians(), Gaussian.standard(2)
    yield "square", "square → square", square, square
    yield "roll", "Swiss roll → moons", swiss_roll(), two_moons()
    for d in (3, 10):
        yield f"normal{d}", f"normal → normal, d = {d}", Gaussian.standard(d), Gaussian.standard(d)


#: Families with equal weights: a panel each in the figure.
FAMILIES = {name: Case(title, *laws) for name, title, *laws in _families()}
CASES = FAMILIES | {
    f"{name}-weighted": Case(f"{title}, weighted", *laws, weighted=True) for name, title, *laws in _families()
}
CASES["eight-uneven"] = Case("8 Gaussians → Gaussian, m = 3n/4", eight_gaussians(), Gaussian.standard(2), share=0.75)

#: Cases of small problems.
SMALL = ("eight", "eight-weighted")
SMALL_SIZES = (10, 30, 60, 100, 200, 500, 1000)
SIZES = (1000, 2000, 4000, 8000)
#: Size up to which the slower peers are asked in every case, and the one case in which they are asked beyond it.
SLOW_SIZE, SLOW_CASE = 2000, "eight"
#: As far as POT's dense matrix goes in 24 GB of memory.
DENSE_CASE, DENSE_SIZE = "eight-uneven", 20_000
#: Cases in which we go on alone, and how far.
LARGE = ("square", "eight")
LARGE_SIZES = (30_000, 100_000)
#: Relative gaps to which the time is measured there.
GAPS = (1e-3, 1e-6)


class Task(NamedTuple):
    """One sample for several methods, which take turns."""

    case: str
    n: int
    methods: tuple[str, ...]
    rounds: int = 3


def plan(*, quick: bool) -> Iterator[Task]:
    """All tasks, small ones first, so that a run that is cut short has something of every case."""
    alone = (OURS, *map(rough, GAPS))
    if quick:
        yield Task("eight", 1000, (OURS, *PEERS), rounds=2)
        yield Task("eight", 1200, alone, rounds=1)
        return
    for n in SMALL_SIZES[:-1]:
        for case in SMALL:
            yield Task(case, n, _methods(case, n), rounds=7)
    for n in SIZES:
        for case in CASES:
            yield Task(case, n, _methods(case, n), rounds=7 if n in SMALL_SIZES and case in SMALL else 3)
    yield Task(DENSE_CASE, DENSE_SIZE, (OURS, POT))
    for n in LARGE_SIZES:
        for case in LARGE:
            yield Task(case, n, alone)


def _methods(case: str, n: int) -> tuple[str, ...]:
    if n > SLOW_SIZE and case != SLOW_CASE:
        return OURS, POT
    return (OURS, POT, LAZY, SCIPY) if CASES[case].square else (OURS, POT, LAZY)
