r"""Passes over all pairs: soft minima of rows, and what the plan that they make sums to.

For potentials g at the targets, with weights a and b, a pass gives

$f_i = -ε \log \sum_j b_j \exp((g_j - c_{ij})/ε)$ and $P_{ij} = a_i b_j \exp((f_i + g_j - c_{ij})/ε)$,

whose rows sum to a. The largest exponent of a row is taken out first, so nothing overflows at any ε. P is never stored;
its column sums and its cost are, and of its entries those that matter to a Newton step.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled, thread_count
from otgan.costs import PointCosts
from otgan.entropic.exponential import deal, exponentials, soft_row, sum_of
from otgan.entropic.groups import Grouping
from otgan.entropic.shares import Shares

#: Entries of the cost matrix that a thread makes at a time where it is not kept: 4 MB, near the processor's cache.
BLOCK = 500_000
#: Such blocks of a thread at the peak, when one is being made: the one before it, distances, and their power.
BLOCKS = 3
#: Pairs below which a second thread costs more than it saves.
FEW = 20_000


@dataclass(frozen=True, eq=False)
class Pass:
    """What a pass over all pairs finds.

    Attributes:
        f: Soft minima of the rows, (n,), in units of the cost.
        columns: Column sums of the plan, (m,).
        cost: Cost of the plan, in units of the cost.
        dual: a · f + b · g: the value of the smoothed problem's semi-dual at g.
        counts: Entries of each row above the cut, (n,).
    """

    f: FloatArray
    columns: FloatArray
    cost: float
    dual: float
    counts: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Rounded:
    r"""Sums of a plan whose columns have been cut to what they may hold, as floats; see `Kernel.round`.

    Attributes:
        rows: Row sums, (n,).
        columns: Column sums, (m,).
        cost: Its cost, in units of the cost.
        missing_costs: Cost of each source point to what the columns lack, $\sum_j c_{ij} r_j$, (n,).
    """

    rows: FloatArray
    columns: FloatArray
    cost: float
    missing_costs: FloatArray


class Kernel:
    """Costs and weights, to pass over.

    Args:
        costs: Costs, (n, m).
        a: Positive source weights, (n,), summing to one.
        b: Positive target weights, (m,), summing to one.
        keep: Whether to hold the cost matrix in memory.
    """

    def __init__(self, costs: PointCosts, a: FloatArray, b: FloatArray, *, keep: bool) -> None:
        self.costs, self.a, self.b = costs, a, b
        self._log_b = np.log(b)
        self._kept = costs.block(slice(None), slice(None)) if keep else None
        self._threads = thread_count() if len(a) * len(b) > FEW else 1

    def _over_rows(self, work: Callable[[int, slice, FloatArray], None], look: Callable[[], None]) -> None:
        """Call work(thread, rows, costs) for all rows, a few at a time; a thread has one part at a time."""
        n, m = self.costs.shape
        step = max(1, BLOCK // m) if self._kept is None else -(-n // self._threads)

        def part(thread: int, start: int) -> None:
            rows = slice(start, min(n, start + step))
            kept = self._kept
            work(thread, rows, self.costs.block(rows, slice(None)) if kept is None else kept[rows])

        if self._threads == 1:
            for start in range(0, n, step):
                part(0, start)
                look()
            return
        with ThreadPoolExecutor(self._threads) as pool:
            for first in range(0, n, step * self._threads):
                starts = range(first, min(n, first + step * self._threads), step)
                for done in [pool.submit(part, *job) for job in enumerate(starts)]:
                    done.result()
                look()

    def soften(self, g: FloatArray, epsilon: float, cut: float, look: Callable[[], None] = lambda: None) -> Pass:
        """One pass.

        Args:
            g: Potential at the targets, (m,), in units of the cost.
            epsilon: In units of the cost.
            cut: Entries of more than this share of their row's mass are counted.
            look: Called between blocks; what it raises ends the pass.
        """
        n, m = self.costs.shape
        exponents = g / epsilon + self._log_b
        f, counts = np.empty(n), np.empty(n, np.int64)
        columns, cost = np.zeros((self._threads, m)), np.zeros(self._threads)

        def work(thread: int, rows: slice, block: FloatArray) -> None:
            cost[thread] += _soften(
                block, exponents, self.a[rows], epsilon, cut, f[rows], columns[thread], counts[rows]
            )

        self._over_rows(work, look)
        dual = float(self.a @ f + self.b @ g)
        return Pass(f, columns.sum(axis=0), float(cost.sum()), dual, counts)

    def shares(self, g: FloatArray, found: Pass, epsilon: float, cut: float, grouping: Grouping | None) -> Shares:
        """The plan's entries above the cut, as shares of their row's mass.

        Args:
            g: Potential at the targets, (m,).
            found: The pass for g with that cut.
            epsilon: In units of the cost.
            cut: Of the entries, or of those of a group of mean size.
            grouping: Groups of targets to add entries up in; None to keep them apart.
        """
        exponents = g / epsilon + self._log_b
        if grouping is not None:
            return self._shares_of_groups(exponents, found.f, epsilon, cut, grouping)
        start = np.concatenate([[0], np.cumsum(found.counts)])
        columns, values = np.zeros(start[-1], np.int32), np.zeros(start[-1])

        def work(thread: int, rows: slice, block: FloatArray) -> None:
            _gather(block, exponents, found.f[rows], epsilon, cut, start[rows], found.counts[rows], columns, values)

        self._over_rows(work, lambda: None)
        return Shares(start, columns, values, self.a, len(self.b))

    def _shares_of_groups(
        self, exponents: FloatArray, f: FloatArray, epsilon: float, cut: float, grouping: Grouping
    ) -> Shares:
        groups, size, room = grouping.groups, grouping.size, grouping.most_entries
        counts, parts = np.zeros(len(f), np.int64), {}
        least = cut * len(groups) / size

        def work(thread: int, rows: slice, block: FloatArray) -> None:
            columns, values = np.empty(len(block) * size + 1, np.int32), np.empty(len(block) * size + 1)
            found = counts[rows]
            count = _gather_groups(block, exponents, f[rows], epsilon, least, groups, found, columns, values)
            if counts.sum() > room:  # what is left out stays on the Hessian's diagonal
                count, found[:] = 0, 0
            parts[rows.start] = columns[:count].copy(), values[:count].copy()

        self._over_rows(work, lambda: None)
        columns, values = (np.concatenate([parts[at][k] for at in sorted(parts)]) for k in (0, 1))
        return Shares(np.concatenate([[0], np.cumsum(counts)]), columns, values, self.a, size, groups)

    def round(self, g: FloatArray, epsilon: float, keep: FloatArray, missing: FloatArray) -> Rounded:
        """Sums of the plan for g with its columns multiplied by `keep`.

        Args:
            g: Potential at the targets, (m,).
            epsilon: In units of the cost.
            keep: What is left of each column, (m,), between 0 and 1.
            missing: What each column then lacks, (m,).
        """
        n, m = self.costs.shape
        exponents = g / epsilon + self._log_b
        rows_left, missing_costs = np.empty(n), np.empty(n)
        columns, cost = np.zeros((self._threads, m)), np.zeros(self._threads)

        def work(thread: int, rows: slice, block: FloatArray) -> None:
            cost[thread] += _round(
                block, exponents, self.a[rows], epsilon, keep, missing, rows_left[rows], columns[thread],
                missing_costs[rows],
            )  # fmt: skip

        self._over_rows(work, lambda: None)
        return Rounded(rows_left, columns.sum(axis=0), float(cost.sum()), missing_costs)


@compiled
def _soften(
    block: FloatArray,
    exponents: FloatArray,
    a: FloatArray,
    epsilon: float,
    cut: float,
    f: FloatArray,
    columns: FloatArray,
    counts: NDArray[np.int64],
) -> float:
    n, m = block.shape
    values, shares, power = np.empty(m), np.empty(m), np.empty(m)
    bits = power.view(np.int64)
    cost, rate = 0.0, 1 / epsilon
    for i in range(n):
        largest = soft_row(exponents, block[i], rate, values, shares, power, bits)
        total = sum_of(shares)
        f[i] = -epsilon * (largest + np.log(total))
        cost += deal(shares, a[i] / total, block[i], columns)
        least, count = cut * total, 0
        for j in range(m):
            count += shares[j] > least
        counts[i] = count
    return cost


@compiled
def _gather(
    block: FloatArray,
    exponents: FloatArray,
    f: FloatArray,
    epsilon: float,
    cut: float,
    start: NDArray[np.int64],
    counts: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: FloatArray,
) -> None:
    n, m = block.shape
    room, where = np.empty(m), np.empty(m + 1, np.int32)
    kept, shares, power = np.empty(m + 1), np.empty(m), np.empty(m)
    bits = power.view(np.int64)
    least, rate = np.log(cut), 1 / epsilon
    for i in range(n):
        height = f[i] * rate
        for j in range(m):
            room[j] = exponents[j] - block[i, j] * rate + height
        at = 0
        for j in range(m):  # without a branch, which would be foreseen badly
            where[at], kept[at] = j, room[j]
            at += room[j] > least
        count = min(at, counts[i])  # rounding may find one more or less than were counted
        for k in range(count):
            kept[k] = min(kept[k], 0.0)
        exponentials(kept[:count], shares[:count], power[:count], bits[:count])
        for k in range(count):
            columns[start[i] + k], values[start[i] + k] = where[k], shares[k]


@compiled
def _gather_groups(
    block: FloatArray,
    exponents: FloatArray,
    f: FloatArray,
    epsilon: float,
    least: float,
    groups: NDArray[np.int32],
    counts: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: FloatArray,
) -> int:
    n, m = block.shape
    size = len(values) // n
    room, shares, power, sums = np.empty(m), np.empty(m), np.empty(m), np.empty(size)
    bits = power.view(np.int64)
    rate, at = 1 / epsilon, 0
    for i in range(n):
        height = f[i] * rate
        for j in range(m):
            room[j] = min(exponents[j] - block[i, j] * rate + height, 0.0)
        exponentials(room, shares, power, bits)
        sums[:] = 0.0
        for j in range(m):
            sums[groups[j]] += shares[j]
        before = at
        for k in range(size):
            columns[at], values[at] = k, sums[k]
            at += sums[k] > least
        counts[i] = at - before
    return at


@compiled
def _round(
    block: FloatArray,
    exponents: FloatArray,
    a: FloatArray,
    epsilon: float,
    keep: FloatArray,
    missing: FloatArray,
    rows: FloatArray,
    columns: FloatArray,
    missing_costs: FloatArray,
) -> float:
    n, m = block.shape
    values, shares, power = np.empty(m), np.empty(m), np.empty(m)
    bits = power.view(np.int64)
    cost, rate = 0.0, 1 / epsilon
    for i in range(n):
        soft_row(exponents, block[i], rate, values, shares, power, bits)
        mass = a[i] / sum_of(shares)
        for j in range(m):
            shares[j] *= keep[j]
        cost += deal(shares, mass, block[i], columns)
        # Each entry rounds once, as `deal` has it; so the sums below are those of the very plan that was dealt.
        for j in range(m):
            shares[j] *= mass
            values[j] = block[i, j] * missing[j]
        rows[i], missing_costs[i] = sum_of(shares), sum_of(values)
    return cost


def peak_bytes(n: int, m: int, *, keep: bool, entries: float) -> float:
    """Bytes that passes take at the most: matrix or blocks, vectors, and shares of the plan."""
    blocks = 2 * n * m if keep else BLOCKS * thread_count() * min(n * m, BLOCK)
    vectors: Any = 40 * (n + m) + 32 * m * thread_count()
    return 8.0 * blocks + vectors + 24.0 * min(entries, n * m)  # where entries are of groups, twice for a moment
