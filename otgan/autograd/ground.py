r"""Gradients of ground costs $c(x, y) = d(x, y)^p$ with respect to the points.

Where two points coincide the gradient is 0: for p > 1 it is the derivative, for p = 1, where there is none, the element
of the subdifferential that both directions share. Nothing is divided by zero, nor squared out of float64's range.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled, plain
from otgan.distances import CHEBYSHEV, CITYBLOCK, EUCLIDEAN
from otgan.errors import NotProvidedError

#: Metrics whose costs have gradients here.
NORMS = {"euclidean": EUCLIDEAN, "cityblock": CITYBLOCK, "chebyshev": CHEBYSHEV}


def need_norm(metric: str) -> int:
    """The constant of `otgan.distances` for a metric whose gradient is known.

    Raises:
        NotProvidedError: If it is not a norm's.
    """
    if metric not in NORMS:
        raise NotProvidedError(
            f"gradients by points are known for {', '.join(NORMS)}; for metric={metric!r} detach() the points, "
            "or map them into space first"
        )
    return NORMS[metric]


def arcs_gradient(
    x: FloatArray,
    y: FloatArray,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    weight: FloatArray,
    *,
    p: float,
    norm: int,
) -> tuple[FloatArray, FloatArray]:
    """Gradients of Σ weight · c over arcs.

    Args:
        x: Source points, (n, d).
        y: Target points, (m, d).
        rows: Source index of each arc, (k,).
        columns: Target index, (k,).
        weight: (k,); of any sign.
        p: Exponent.
        norm: The metric; see `need_norm`.

    Returns:
        With respect to x, (n, d), and to y, (m, d).
    """
    to_x, to_y = np.zeros(x.shape), np.zeros(y.shape)
    indices = plain(rows.astype(np.int64)), plain(columns.astype(np.int64))
    _over_arcs(plain(x), plain(y), *indices, plain(weight), p, norm, to_x, to_y)
    return to_x, to_y


def add_pairs_gradient(
    x: FloatArray, y: FloatArray, weight: FloatArray, to_x: FloatArray, to_y: FloatArray, *, p: float, norm: int
) -> None:
    """Add the gradients of Σ_ij weight_ij · c(x_i, y_j) over all pairs.

    Args:
        x: Source points, (n, d).
        y: Target points, (m, d).
        weight: (n, m).
        to_x: Gradient with respect to x, (n, d), changed in place.
        to_y: Gradient with respect to y, (m, d), changed in place.
        p: Exponent.
        norm: The metric; see `need_norm`.
    """
    _over_pairs(plain(x), plain(y), plain(weight), p, norm, to_x, to_y)


@compiled
def _over_arcs(
    x: FloatArray,
    y: FloatArray,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    weight: FloatArray,
    p: float,
    norm: int,
    to_x: FloatArray,
    to_y: FloatArray,
) -> None:
    for k in range(len(rows)):
        i, j = rows[k], columns[k]
        _add(x[i], y[j], weight[k], p, norm, to_x[i], to_y[j])


@compiled
def _over_pairs(
    x: FloatArray, y: FloatArray, weight: FloatArray, p: float, norm: int, to_x: FloatArray, to_y: FloatArray
) -> None:
    for i in range(len(x)):
        for j in range(len(y)):
            _add(x[i], y[j], weight[i, j], p, norm, to_x[i], to_y[j])


@compiled
def _add(x: FloatArray, y: FloatArray, weight: float, p: float, norm: int, to_x: FloatArray, to_y: FloatArray) -> None:
    """Add weight · ∇c(x, y) for one pair."""
    longest, at = 0.0, 0
    for k in range(len(x)):
        if abs(x[k] - y[k]) > longest:
            longest, at = abs(x[k] - y[k]), k
    if longest == 0 or weight == 0:
        return
    length = longest
    if norm == EUCLIDEAN:
        squares = 0.0
        for k in range(len(x)):
            squares += ((x[k] - y[k]) / longest) ** 2
        length = longest * np.sqrt(squares)
    elif norm == CITYBLOCK:
        length = 0.0
        for k in range(len(x)):
            length += abs(x[k] - y[k])
    factor = weight * p * length ** (p - 1)
    for k in range(len(x)):
        gap = x[k] - y[k]
        if norm == EUCLIDEAN:
            slope = gap / length
        elif norm == CITYBLOCK or k == at:
            slope = np.sign(gap)
        else:
            slope = 0.0
        to_x[k] += factor * slope
        to_y[k] -= factor * slope
