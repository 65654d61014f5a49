"""Which cell a point lies in: the atom that is cheapest once the potential has been taken off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.costs import PointCosts, rows_per_chunk


def cell_of(costs: PointCosts, g: FloatArray) -> NDArray[np.intp]:
    r"""$\arg\min_j c(x_i, y_j) - g_j$ for every source point, (n,); the first one in a tie."""
    n, k = costs.shape
    cells, step = np.empty(n, dtype=np.intp), rows_per_chunk(k)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        cells[rows] = (costs.block(rows, slice(None)) - g).argmin(axis=1)
    return cells
