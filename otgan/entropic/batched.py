r"""Many small smoothed problems of one shape at once: for losses on batches, where single solves would take longest.

The ascent is that of `otgan.entropic.ascent` on the semi-dual, with whole matrices in place of sparse ones: damped
Newton steps while ε comes down, and a step of Sinkhorn where one gains too little. All problems take their steps
together, and those that are near enough rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.entropic.ascent import FACTOR, GOOD, LESS, LOOSE, MORE, TAKEN
from otgan.metrics import UNIT

#: Steps at one ε after which a problem is left as it is; most take ten at the last one.
STEPS = 60


@dataclass(frozen=True, eq=False)
class SmoothedBatch:
    """Potentials of B smoothed problems.

    Attributes:
        f: At the source points, (B, n), in units of the cost.
        g: At the target points, (B, m).
        error: L1 distance of each plan's column sums from the weights, (B,); the row sums are exact up to rounding.
    """

    f: FloatArray
    g: FloatArray
    error: FloatArray


@dataclass(eq=False)
class _Places:
    """Where the problems are: potentials g and what a pass over all pairs makes of them."""

    g: FloatArray
    f: FloatArray
    rows: FloatArray  # the plan over a, (B, n, m)
    columns: FloatArray  # its column sums, (B, m)
    dual: FloatArray
    error: FloatArray

    def put(self, at: NDArray[np.intp], other: _Places, which: NDArray[np.bool_]) -> None:
        """Move some of the problems to other places."""
        for name, mine in vars(self).items():
            mine[at[which]] = getattr(other, name)[which]


def smooth_batch(costs: FloatArray, a: FloatArray, b: FloatArray, epsilon: float, tol: float) -> SmoothedBatch:
    """Solve B smoothed problems; a problem that does not come as near as asked shows it in `error`.

    Args:
        costs: (B, n, m).
        a: Source weights, (B, n), summing to one; zeros are allowed.
        b: Target weights, (B, m), likewise.
        epsilon: In units of the cost.
        tol: L1 distance of the column sums from b at which a problem's ascent ends.
    """
    current = max(epsilon, float(costs.max()))
    places = _passed(costs, a, b, np.zeros(b.shape), current)
    while True:
        _climb(places, costs, a, b, current, tol if current == epsilon else LOOSE)
        if current == epsilon:
            break
        current = max(epsilon, current / FACTOR)
        places = _passed(costs, a, b, places.g, current)
    # Targets with less mass than the tolerance may have been sent anywhere. A step of Sinkhorn brings them back, raises
    # no error, and gives points without mass their soft minima.
    g = -epsilon * _log_mean((places.f[:, :, None] - costs) / epsilon, a)
    places = _passed(costs, a, b, g, epsilon)
    return SmoothedBatch(places.f, g, places.error)


def _log_mean(exponents: FloatArray, weights: FloatArray) -> FloatArray:
    """Log Σ_i weights_i exp(exponents_ij), (B, m)."""
    largest = np.where(weights[:, :, None] > 0, exponents, -np.inf).max(axis=1)
    shifted = np.exp(np.minimum(exponents - largest[:, None], 0.0))
    return np.asarray(largest + np.log((weights[:, :, None] * shifted).sum(axis=1)))


def _passed(costs: FloatArray, a: FloatArray, b: FloatArray, g: FloatArray, epsilon: float) -> _Places:
    with np.errstate(divide="ignore"):
        exponents = (g[:, None] - costs) / epsilon + np.log(b)[:, None]
    largest = exponents.max(axis=2, keepdims=True)
    rows = np.exp(exponents - largest)
    sums = rows.sum(axis=2, keepdims=True)
    rows /= sums
    f = -epsilon * (largest + np.log(sums))[:, :, 0]
    columns = np.einsum("bi,bij->bj", a, rows)
    dual = (a * f).sum(axis=1) + (b * g).sum(axis=1)
    return _Places(g, f, rows, columns, dual, abs(columns - b).sum(axis=1))


def _climb(places: _Places, costs: FloatArray, a: FloatArray, b: FloatArray, epsilon: float, tol: float) -> None:
    """Steps at one ε, until all problems are near enough."""
    damping = places.error.copy()
    for _ in range(STEPS):
        at = np.flatnonzero(places.error > tol)
        if not len(at):
            return
        slope = (b - places.columns)[at]
        step = _newton_step(places.rows[at], places.columns[at], a[at], b[at], damping[at], epsilon * slope)
        there = _passed(costs[at], a[at], b[at], places.g[at] + step, epsilon)
        gained, promised = there.dual - places.dual[at], (slope * step).sum(axis=1)
        # Near the end the gain drowns in rounding, and the error tells.
        taken = (gained > TAKEN * promised) | (there.error < 0.9 * places.error[at])
        damping[at] = np.where(gained > GOOD * promised, damping[at] / LESS, damping[at])
        places.put(at, there, taken)
        rest = at[~taken]
        if len(rest):
            damping[rest] *= MORE
            ratio = b[rest] / np.maximum(places.columns[rest], 1e-300)
            g = places.g[rest] + epsilon * np.log(np.where(b[rest] > 0, ratio, 1.0))
            places.put(rest, _passed(costs[rest], a[rest], b[rest], g, epsilon), np.ones(len(rest), bool))


def _newton_step(
    rows: FloatArray, columns: FloatArray, a: FloatArray, b: FloatArray, damping: FloatArray, right: FloatArray
) -> FloatArray:
    """Steps of the semi-dual, (B, m), damped by damping · diag(b)."""
    # b bᵀ holds the direction in which nothing changes, and 1 the targets that have no mass. Where a damping drowns in
    # rounding, twice the unit of that keeps the matrix regular.
    hessian = b[:, :, None] * b[:, None] - rows.transpose(0, 2, 1) @ (a[:, :, None] * rows)
    diagonal = np.arange(b.shape[1])
    hessian[:, diagonal, diagonal] += columns + damping[:, None] * b + (b == 0)
    hessian[:, diagonal, diagonal] += 2 * UNIT
    return np.asarray(np.linalg.solve(hessian, right[:, :, None])[:, :, 0])
