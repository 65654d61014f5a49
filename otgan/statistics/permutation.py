"""Were two samples drawn from one law? A permutation test, whose level is exact for every n and m."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_count, as_number
from otgan.compiled import compiled, in_parts
from otgan.dual.transform import BLOCK
from otgan.errors import InvalidValueError
from otgan.solve import MAX_MEMORY, wasserstein
from otgan.statistics.inputs import read_samples
from otgan.statistics.sliced import unit_directions

STATISTICS = ("w1", "sliced")
#: Directions over which the sliced statistic is averaged.
N_PROJECTIONS = 64
#: Steps on the line below which a thread does not pay.
PART = 500_000
#: Values that differ by a smaller share are taken for equal. Two orders of summation of one statistic differ by some
#: 1e-13 of it; a tie that rounding breaks the wrong way would make the p-value too small, an extra tie makes it larger.
TIE = 1e-9

#: From which points of the pooled sample are taken for the source, (b, n + m), to the statistic of each, (b,).
Statistic = Callable[[np.ndarray], FloatArray]


@dataclass(frozen=True)
class TestResult:
    """What a permutation test found.

    Attributes:
        statistic: Its value for the samples as they are, in units of length.
        p_value: Probability of a p-value this small or smaller, at most, where both samples have one law.
        n_permutations: Random permutations that it was compared with.
        name: Which statistic: "w1" or "sliced".
    """

    statistic: float
    p_value: float
    n_permutations: int
    name: str


def permutation_test(
    x: Any,
    y: Any,
    *,
    n_permutations: int = 999,
    statistic: str = "w1",
    seed: int = 0,
    max_memory: float = MAX_MEMORY,
) -> TestResult:
    r"""Test whether two samples come from one law.

    $p = (1 + \#\{b : T_b \ge T\}) / (1 + B)$ over B random permutations of the pooled sample. Where the pooled sample
    is exchangeable, $P(p \le α) \le α$ for every α, n, m and B.

    Args:
        x: Source sample, (n, d) or (n,).
        y: Target sample, (m, d) or (m,).
        n_permutations: B ≥ 1; p is never below 1 / (1 + B).
        statistic: "w1", the exact W1 of the samples: one solve a permutation off the line, so for up to some hundred
            points, and a matter of sorting on the line; or "sliced", the mean W1 of 64 random projections.
        seed: Of permutations and projections.
        max_memory: Bytes that the exact solver may take.

    Returns:
        Statistic and p-value.

    Raises:
        InvalidInputError: If an argument breaks a rule.
        MemoryLimitError: If the exact solver would need more than `max_memory`.

    Source: Phipson and Smyth (2010), Permutation p-values should never be zero.

    >>> permutation_test([0.0, 1.0, 2.0, 3.0], [10.0, 11.0, 12.0, 13.0], n_permutations=99).statistic
    10.0
    """
    source, target = read_samples(x, y, least=2, why="one point a side leaves nothing to permute")
    n_perm = as_count("n_permutations", n_permutations)
    memory = as_number("max_memory", max_memory, low=0, open_low=True)
    rng = np.random.default_rng(as_count("seed", seed, low=0))
    if statistic not in STATISTICS:
        raise InvalidValueError("statistic", f"be one of {', '.join(STATISTICS)}", repr(statistic), "take one of these")
    pooled = np.concatenate([source, target])
    if statistic == "sliced":
        # Drawn before the permutations and kept for all of them: the statistic is one fixed function of the samples.
        function = _sliced(pooled, unit_directions(N_PROJECTIONS, pooled.shape[1], rng))
    elif pooled.shape[1] == 1:
        function = _on_line(pooled[:, 0])
    else:
        function = _off_line(pooled, memory)
    as_drawn = np.arange(len(pooled)) < len(source)
    value = float(function(as_drawn[None])[0])
    larger = 0
    step = max(1, BLOCK // len(pooled))
    for start in range(0, n_perm, step):
        count = min(step, n_perm - start)
        chosen = rng.permuted(np.tile(as_drawn, (count, 1)), axis=1)
        larger += int((function(chosen) >= value * (1 - TIE)).sum())
    return TestResult(value, (1 + larger) / (1 + n_perm), n_perm, statistic)


def _on_line(points: FloatArray) -> Statistic:
    """W1 = ∫ |F − G| with the points sorted once; F − G in integers over n m."""
    order = np.argsort(points, kind="stable")
    gaps = np.diff(points[order])

    def statistic(chosen: np.ndarray) -> FloatArray:
        n = int(chosen[0].sum())
        out = np.empty(len(chosen))
        in_parts(
            lambda first, last: _walk(first, last, chosen, order, gaps, n, chosen.shape[1] - n, out), len(out),
            smallest=max(1, PART // len(order)),
        )  # fmt: skip
        return out

    return statistic


@compiled
def _walk(
    first: int,
    last: int,
    chosen: np.ndarray,
    order: np.ndarray,
    gaps: FloatArray,
    n: int,
    m: int,
    out: FloatArray,
) -> None:
    for b in range(first, last):
        ahead, total = 0, 0.0
        for t in range(len(gaps)):
            ahead += (n + m) * chosen[b, order[t]] - n  # m or -n, and no branch that nobody could predict
            total += abs(ahead) * gaps[t]
        out[b] = total / (n * m)


def _sliced(points: FloatArray, directions: FloatArray) -> Statistic:
    slices = [_on_line(points @ direction) for direction in directions]

    def statistic(chosen: np.ndarray) -> FloatArray:
        return np.asarray(np.mean([one(chosen) for one in slices], axis=0))

    return statistic


def _off_line(points: FloatArray, max_memory: float) -> Statistic:
    def statistic(chosen: np.ndarray) -> FloatArray:
        return np.array([wasserstein(points[row], points[~row], max_memory=max_memory).distance for row in chosen])

    return statistic
