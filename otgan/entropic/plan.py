"""The plan of a smoothed problem, which is dense, and never stored: its rows are made when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from otgan.checks import FloatArray
from otgan.costs import Costs, check_memory
from otgan.entropic.kernel import BLOCK

#: Entries below this share of their row's mass are left out of a sparse plan unless told otherwise.
SHARE = 1e-12


@dataclass(frozen=True, eq=False)
class EntropicPlan:
    r"""$P_{ij} = a_i b_j \exp((f_i + g_j - c_{ij})/ε)$, whose rows sum to a and columns nearly to b.

    Rows are made from g, as f is: where ε is below the rounding of f, they sum to a all the same.

    Attributes:
        f: Potential at the source points, (n,), in units of the cost.
        g: Potential at the target points, (m,), in units of the cost.
        costs: Costs.
        a: Source weights, (n,).
        b: Target weights, (m,).
        epsilon: In units of the cost.
        max_memory: Bytes that a sparse plan may take.
    """

    f: FloatArray
    g: FloatArray
    costs: Costs
    a: FloatArray
    b: FloatArray
    epsilon: float
    max_memory: float

    @property
    def shape(self) -> tuple[int, int]:
        """Number of source and of target points."""
        return self.costs.shape

    def rows(self, index: NDArray[np.intp] | slice) -> FloatArray:
        """Rows of the plan as they are, (len(index), m)."""
        exponents = self.g / self.epsilon + self._log_b - self.costs.block(index, slice(None)) * (1 / self.epsilon)
        shares = np.exp(exponents - exponents.max(axis=1, keepdims=True))
        return np.asarray(shares * (self.a[index] / shares.sum(axis=1))[:, None])

    @cached_property
    def _log_b(self) -> FloatArray:
        with np.errstate(divide="ignore"):  # no mass: nothing arrives
            return np.asarray(np.log(self.b))

    def apply(self, values: Any) -> FloatArray:
        """P @ values, for values (m,) or (m, k) at the targets; also written `plan @ values`."""
        at = np.asarray(values, dtype=np.float64)
        return np.concatenate([block @ at for _, block in self._blocks()])

    def apply_transposed(self, values: Any) -> FloatArray:
        """Pᵀ @ values, for values (n,) or (n, k) at the sources."""
        at = np.asarray(values, dtype=np.float64)
        total = np.zeros((self.shape[1], *at.shape[1:]))
        for rows, block in self._blocks():
            total += block.T @ at[rows]
        return total

    __matmul__ = apply

    def to_sparse(self, share: float = SHARE) -> csr_array:
        """The plan as a sparse matrix, (n, m), without entries below a share of their row's mass.

        Raises:
            MemoryLimitError: If it would take more than `max_memory`; a larger share, or a smaller ε, needs less.
        """
        pieces: list[tuple[NDArray[Any], ...]] = []
        entries = 0
        for rows, block in self._blocks():
            at = np.nonzero(block > share * self.a[rows, None])
            entries += len(at[0])
            check_memory(32.0 * entries, self.max_memory, "a sparse plan")
            pieces.append((at[0] + rows.start, at[1], block[at]))
        row, column, mass = (np.concatenate(part) for part in zip(*pieces, strict=True))
        return csr_array((mass, (row, column)), shape=self.shape)

    def _blocks(self) -> Iterator[tuple[slice, FloatArray]]:
        n, m = self.shape
        step = max(1, BLOCK // m)
        for start in range(0, n, step):
            rows = slice(start, min(n, start + step))
            yield rows, self.rows(rows)
