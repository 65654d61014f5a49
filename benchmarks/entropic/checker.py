"""One measure of error for every method: how far the marginals of its plan are from the weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

FloatArray = NDArray[np.float64]
#: Entries of the plan that are in memory at a time, in each of two buffers.
BLOCK = 4_000_000


def marginal_error(
    x: FloatArray, y: FloatArray, a: FloatArray, b: FloatArray, f: FloatArray, g: FloatArray, epsilon: float
) -> float:
    r"""$\|P 1 - a\|_1 + \|P^T 1 - b\|_1$ of $P_{ij} = a_i b_j e^{(f_i + g_j - \|x_i - y_j\|) / \varepsilon}$.

    The potentials are taken as they are: no method gets a half-step that would make one of the two sums zero.

    Args:
        x, y: Points, (n, d) and (m, d).
        a, b: Weights that sum to one, (n,) and (m,), all positive.
        f, g: Potentials, (n,) and (m,), in units of the cost.
        epsilon: Regularisation, in units of the cost, > 0.

    Returns:
        The sum of both errors, which is at most 2 where P has mass one; infinity where it has none, or is not finite.
    """
    columns = np.zeros(len(y))
    error = 0.0
    h = g / epsilon + np.log(b)
    rows = max(1, BLOCK // len(y))
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(x), rows):
            part = slice(start, start + rows)
            plan = cdist(x[part], y)
            plan /= -epsilon
            plan += (f[part] / epsilon + np.log(a[part]))[:, None]
            plan += h
            np.exp(plan, out=plan)
            error += float(np.abs(plan.sum(axis=1) - a[part]).sum())
            columns += plan.sum(axis=0)
        error += float(np.abs(columns - b).sum())
    return error if np.isfinite(error) else float("inf")
