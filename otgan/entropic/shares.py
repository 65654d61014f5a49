r"""The Hessian of the semi-dual, from the plan's largest entries, and its damped systems.

Where the entries are too many, neighbouring targets are taken together: the system is projected on steps that are equal
within each group, which is exact but for steps that vary within one.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled, thread_count

#: Iterations of conjugate gradients at most.
ITERATIONS = 300
#: Entries below which a second thread costs more than it saves.
FEW = 50_000


@dataclass(frozen=True, eq=False)
class Shares:
    r"""Entries of a plan as shares $S_{ij} = P_{ij}/a_i$ of their rows' mass, in rows.

    Attributes:
        start: Where each row starts, (n + 1,).
        columns: Target, or group of targets, of each entry, (k,).
        values: (k,).
        a: Source weights, (n,).
        size: Number of targets, or of groups.
        groups: The group of each target, (m,), where entries are those of groups; None where they are of targets.
    """

    start: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: FloatArray
    a: FloatArray
    size: int
    groups: NDArray[np.int32] | None = None

    def newton_step(self, slope: FloatArray, sums: FloatArray, damping: FloatArray, tol: float) -> FloatArray:
        r"""Solve $(\mathrm{diag}(q + μ) - S^T \mathrm{diag}(a) S)\, z = s$ by conjugate gradients.

        Args:
            slope: Right-hand side s, (m,).
            sums: Column sums q of the whole plan, (m,): entries that are left out here stay on the diagonal.
            damping: µ, (m,), positive.
            tol: Relative residual in L1 at which to stop.
        """
        if self.groups is None:
            return self._solve(slope, sums + damping, tol)
        uphill, base = np.zeros(self.size), np.zeros(self.size)
        np.add.at(uphill, self.groups, slope)
        np.add.at(base, self.groups, sums + damping)
        return self._solve(uphill, base, tol)[self.groups]

    def _solve(self, slope: FloatArray, base: FloatArray, tol: float) -> FloatArray:
        with ThreadPoolExecutor(self._threads) as pool:
            diagonal = np.maximum(base - self._product(pool, None), 1e-12 * base + 1e-300)
            x, residual = np.zeros(self.size), slope.copy()
            scaled = residual / diagonal
            direction, size = scaled, residual @ scaled
            enough = tol * abs(slope).sum()
            for _ in range(ITERATIONS):
                image = base * direction - self._product(pool, direction)
                curvature = direction @ image
                if not curvature > 0:  # rounding, where the matrix is nearly singular
                    break
                share = size / curvature
                x = x + share * direction
                residual = residual - share * image
                if abs(residual).sum() <= enough:
                    break
                scaled = residual / diagonal
                size, last = residual @ scaled, size
                direction = scaled + (size / last) * direction
        return x

    @property
    def _threads(self) -> int:
        return thread_count() if len(self.values) > FEW else 1

    def _product(self, pool: ThreadPoolExecutor, direction: FloatArray | None) -> FloatArray:
        """Sᵀ diag(a) S times a direction; for None the diagonal of that matrix."""
        threads, n = self._threads, len(self.a)
        # Rows are dealt so that threads have like numbers of entries.
        edges = np.searchsorted(self.start, self.start[-1] * np.arange(threads + 1) // threads)
        edges[0], edges[-1] = 0, n
        out = np.zeros((threads, self.size))
        jobs = []
        for k in range(threads):
            rows = slice(edges[k], edges[k + 1])
            place = self.start[edges[k] : edges[k + 1] + 1]
            if direction is None:
                jobs.append(pool.submit(_diagonal, place, self.columns, self.values, self.a[rows], out[k]))
            else:
                jobs.append(pool.submit(_apply, place, self.columns, self.values, self.a[rows], direction, out[k]))
        for job in jobs:
            job.result()
        return np.asarray(out.sum(axis=0))


@compiled(fastmath={"reassoc"})
def _apply(
    start: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: FloatArray,
    a: FloatArray,
    direction: FloatArray,
    out: FloatArray,
) -> None:
    for i in range(len(a)):
        mean = 0.0
        for k in range(start[i], start[i + 1]):
            mean += values[k] * direction[columns[k]]
        mean *= a[i]
        for k in range(start[i], start[i + 1]):
            out[columns[k]] += mean * values[k]


@compiled
def _diagonal(
    start: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: FloatArray,
    a: FloatArray,
    out: FloatArray,
) -> None:
    for i in range(len(a)):
        for k in range(start[i], start[i + 1]):
            out[columns[k]] += a[i] * values[k] * values[k]
