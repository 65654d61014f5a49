"""Potentials on the real line for p = 1, where feasibility is a matter of neighbours and costs two sorts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.exact import dot
from otgan.masses import Masses
from otgan.metrics import UNIT

#: A slope that is this close to ±1 is taken for ±1: any slope in [−1, 1] proves a bound, and so near to 1 the
#: difference is the rounding of the potential.
SNAP = 1e-3


def transform(points: FloatArray, y: FloatArray, g: FloatArray) -> FloatArray:
    """The c-transform min_j |z − y_j| − g_j by running minima from either side, (k,).

    Args:
        points: Where, (k,).
        y: Points that carry the potential, (m,).
        g: Potential, (m,); −∞ where there is none.
    """
    order = np.argsort(y, kind="stable")
    at, values = y[order] - y[order[0]], -g[order]
    z = points - y[order[0]]
    from_left = np.concatenate([[np.inf], np.minimum.accumulate(values - at)])
    from_right = np.concatenate([np.minimum.accumulate((values + at)[::-1])[::-1], [np.inf]])
    k = np.searchsorted(at, z, side="right")
    return np.asarray(np.minimum(from_left[k] + z, from_right[k] - z))


def best_partners(points: FloatArray, y: FloatArray, g: FloatArray, p: float) -> tuple[NDArray[np.intp], int]:
    """An index j that minimises |z − y_j|^p − g_j for each point z, up to rounding, without trying all pairs.

    The cost is convex in z − y, so minimisers move to the right with z, whatever g is: those of every other point
    confine those of the points between. Time O((k + m) log k).

    Args:
        points: Where, (k,).
        y: Points that carry the potential, (m,).
        g: Potential, (m,); −∞ where there is none, but not everywhere.
        p: Exponent, p ≥ 1.

    Returns:
        The indices, (k,), and the number of levels of the search.

    Source: Aggarwal, Klawe, Moran, Shor, Wilber (1987), Geometric applications of a matrix-searching algorithm,
    Algorithmica 2: the minima of a totally monotone matrix (here by divide and conquer, not their linear time).
    """
    carrying = np.flatnonzero(np.isfinite(g))
    columns = carrying[np.argsort(y[carrying], kind="stable")]
    rows = np.argsort(points, kind="stable")
    z, at, values = points[rows], y[columns], g[columns]
    k = len(z)
    best = np.zeros(k, dtype=np.intp)
    levels = k.bit_length()
    for level in reversed(range(levels)):
        step = 1 << level
        row = np.arange(step - 1, k, 2 * step)
        first = np.where(row >= step, best[row - step], 0)
        last = np.where(row + step < k, best[np.minimum(row + step, k - 1)], len(at) - 1)
        # All windows one after the other in flat arrays.
        size = last - first + 1
        start = np.cumsum(size) - size
        window = np.repeat(np.arange(len(row)), size)
        column = np.arange(len(window)) - start[window] + first[window]
        value = abs(z[row][window] - at[column]) ** p - values[column]
        hit = np.flatnonzero(value == np.minimum.reduceat(value, start)[window])
        best[row] = column[hit[np.unique(window[hit], return_index=True)[1]]]
    partners = np.empty(k, dtype=np.intp)
    partners[rows] = columns[best]
    return partners, levels


def merged(x: FloatArray, y: FloatArray, masses: Masses) -> tuple[NDArray[np.intp], FloatArray, NDArray[Any]]:
    """Both samples in one order.

    Returns:
        The order, (n + m,), indices from n on being target points; the sorted points, (n + m,); and the exact
        difference of the two distribution functions, F − G, between each of them and the next, (n + m − 1,),
        integers over masses.total.
    """
    both = np.concatenate([x, y])
    order = np.argsort(both, kind="stable")
    net = np.concatenate([masses.a, -masses.b])[order]
    return order, both[order], np.cumsum(net)[:-1]


def optimal_potential(x: FloatArray, y: FloatArray, masses: Masses) -> tuple[FloatArray, FloatArray]:
    """Potentials with f' = −sign(F − G), which attain W1 = ∫ |F − G|, up to rounding.

    Returns:
        f at the source points, (n,), and g at the target points, (m,).

    Source: Santambrogio (2015), Prop. 2.17 (W1 on the line is the L1 distance of the distribution functions).
    """
    order, points, difference = merged(x, y, masses)
    sign = np.sign(difference).astype(np.float64)
    height = np.concatenate([[0.0], np.cumsum(-sign * np.diff(points))])
    values = np.empty(len(height))
    values[order] = height
    return values[: len(x)], -values[len(x) :]


def lower_bound(x: FloatArray, y: FloatArray, masses: Masses, f: FloatArray, g: FloatArray) -> float:
    r"""A proven lower bound on W1 from any potentials on the line.

    The function through (x_i, f_i) and (y_j, −g_j) is made 1-Lipschitz by clipping its increments δ_k between
    neighbours to [−Δ_k, Δ_k]. Its dual value is −Σ_k δ_k (F − G)_k, a sum without cancellation for a good potential.

    Args:
        x: Source points, (n,).
        y: Target points, (m,).
        masses: Exact masses.
        f: Finite numbers, (n,).
        g: Finite numbers, (m,).
    """
    order, points, difference = merged(x, y, masses)
    # A difference of floats rounds once, except that it is exact where it underflows.
    gaps = np.diff(points) * (1 - 2 * UNIT)
    steps = np.clip(np.diff(np.concatenate([f, -g])[order]), -gaps, gaps)
    steps = np.where(abs(steps) >= gaps * (1 - SNAP), np.copysign(gaps, steps), steps)
    weights = masses.two_floats(difference)
    total, error = dot(*((-steps, part) for part in weights))
    # Two floats hold a weight to 2u², doubled here.
    return total - error - 4 * UNIT**2 * float(abs(steps * weights[0]).sum())
