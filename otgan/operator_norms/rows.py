"""Proven upper bounds of the norms of a matrix's rows, and with them of maps into the maximum norm."""

from __future__ import annotations

from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_points
from otgan.errors import InvalidValueError
from otgan.operator_norms.matrix import NORMAL, UNDERFLOW, U


def row_norms_upper_bound(matrix: Any, order: int) -> FloatArray:
    r"""Numbers that are at least the norm of each row of the float64 matrix W as it stands.

    Their largest bounds an operator norm: of order 2, that of W from the Euclidean into the maximum norm,
    $\|W\|_{2 \to \infty} = \max_i \|w_i\|_2$; of order 1, that within the maximum norm,
    $\|W\|_\infty = \max_i \|w_i\|_1$. A sum of n numbers ≥ 0 is off by less than n units of roundoff in whichever
    order it is taken, a square and a root by one each.

    Args:
        matrix: W, (m, n), finite.
        order: 1 for sums of absolute values, 2 for Euclidean norms.

    Returns:
        The bounds, (m,); infinite where they leave float64.

    Raises:
        InvalidShapeError, InvalidTypeError, InvalidValueError: If it is not a finite real matrix, or the order is
            another.

    >>> row_norms_upper_bound([[3.0, -4.0]], 1).round(10), row_norms_upper_bound([[3.0, -4.0]], 2).round(10)
    (array([7.]), array([5.]))
    """
    if order not in (1, 2):
        raise InvalidValueError("order", "be 1 or 2", repr(order), "choose one of these")
    W = np.abs(as_points("matrix", matrix))
    exponents = np.frexp(W.max(1))[1]
    W = np.ldexp(W, -exponents[:, None])  # largest entry of each row in [1/2, 1): no overflow, harmless underflow
    norms = W.sum(1) if order == 1 else np.sqrt((W * W).sum(1))
    norms = np.where(W.any(1), norms * (1 + 2 * (W.shape[1] + 6) * U) + UNDERFLOW, 0.0)
    with np.errstate(over="ignore"):
        scaled = np.ldexp(norms, exponents)
    # Below the normal numbers that has rounded, and not always upward.
    return np.where((scaled < NORMAL) & (norms > 0), np.nextafter(scaled, np.inf), scaled)
