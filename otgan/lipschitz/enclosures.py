"""Where a network's values and gradients lie over a box: intervals whose rounding is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from otgan.checks import FloatArray
from otgan.lipschitz.chain import Chain, Stage

U = 2.0**-53
#: Granted to tanh, exp, expm1 and logaddexp of NumPy and to the few operations around them, relative to the result or
#: to 1; they are good to some 4 units in the last place.
ELEMENTARY = 64 * U
#: More than all that underflow can lose in a network whose numbers are not extreme; see `gradient_bounds`.
UNDERFLOW = 1e-120
#: Products of the layers' sizes beyond this are refused, so that nothing overflows and underflow stays negligible.
LARGEST = 1e140


def activated_values(stage: Stage, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The range of the activation's values over intervals of its arguments, (…, m) each; rounded outward."""
    kind, number = stage.kind, stage.number
    if kind == "sort":  # order statistics are monotone in every entry
        groups = (*low.shape[:-1], -1, int(number))
        return np.sort(low.reshape(groups)).reshape(low.shape), np.sort(high.reshape(groups)).reshape(low.shape)
    if kind == "none":
        return low, high
    ends = [_value(kind, number, t) for t in (low, high)]
    lows, highs = np.minimum(*ends), np.maximum(*ends)
    if kind == "leaky" and number < 0:  # the only one that is not monotone, with its least value at 0
        lows = np.where((low < 0) & (high > 0), 0.0, lows)
    # Softplus rounds its argument β t first, which moves it by |t| u; far out, the logistic function is good to u only.
    more = np.maximum(np.abs(low), np.abs(high)) if kind == "softplus" else float(kind == "sigmoid")
    return lows - ELEMENTARY * (np.abs(lows) + more), highs + ELEMENTARY * (np.abs(highs) + more)


def _value(kind: str, number: float, t: FloatArray) -> FloatArray:
    if kind == "tanh":
        return np.asarray(np.tanh(t))
    if kind == "sigmoid":
        return _sigmoid(t)
    if kind == "softplus":
        return np.asarray(np.logaddexp(0.0, number * t) / number)
    if kind == "elu":
        return np.where(t > 0, t, number * np.expm1(np.minimum(t, 0.0)))
    return np.where(t > 0, t, number * t)


def _sigmoid(t: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-np.logaddexp(0.0, -t)))


def activated_slopes(stage: Stage, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The range of the activation's derivative over intervals of its arguments, rounded outward; not for sorting."""
    kind, number = stage.kind, stage.number
    if kind == "none":
        return np.ones_like(low), np.ones_like(low)
    if kind == "leaky":
        on, off = low >= 0, high <= 0
        least, most = min(number, 1.0), max(number, 1.0)
        return (
            np.where(on, 1.0, np.where(off, number, least)),
            np.where(on, 1.0, np.where(off, number, most)),
        )
    if kind == "elu":
        at_low, at_high = (number * np.exp(np.minimum(t, 0.0)) for t in (low, high))
        lows = np.where(low >= 0, 1.0, np.where(high <= 0, at_low, np.minimum(at_low, 1.0)))
        highs = np.where(low >= 0, 1.0, np.where(high <= 0, at_high, max(number, 1.0)))
        return np.maximum(lows * (1 - ELEMENTARY), 0.0), highs * (1 + ELEMENTARY) + UNDERFLOW
    if kind == "softplus":
        steepest, lows, highs = 1.0, _sigmoid(number * low), _sigmoid(number * high)
    else:  # tanh and the logistic function are steepest at 0 and flatter the farther from it
        steepest = 1.0 if kind == "tanh" else 0.25
        lows = _bell(kind, np.maximum(np.abs(low), np.abs(high)))
        highs = _bell(kind, np.clip(0.0, low, high))
    return np.maximum(lows - ELEMENTARY, 0.0), np.minimum(highs + ELEMENTARY, steepest)


def _bell(kind: str, t: FloatArray) -> FloatArray:
    if kind == "tanh":
        return np.asarray(1 - np.tanh(t) ** 2)
    return _sigmoid(t) * _sigmoid(-t)


def is_moderate(chain: Chain, box: FloatArray) -> bool:
    """Whether the network's numbers are so moderate that bounds of its values over the box stay in float64."""
    size = max(1.0, float(np.abs(box).max()))
    for stage in chain.stages:
        growth = float((np.abs(stage.weight).sum(axis=1) + np.abs(stage.bias)).max())
        factor = 1.0 if stage.kind in ("none", "sort", "tanh", "sigmoid") else max(1.0, abs(stage.number))
        if stage.kind == "softplus":
            factor = 1 + 1 / stage.number
        size *= max(1.0, growth) * factor
    return size < LARGEST


def gradient_bounds(chain: Chain, low: FloatArray, high: FloatArray) -> FloatArray:
    r"""For each of many boxes, a number that is at least $\|\nabla h\|$ wherever h is differentiable in it.

    Forward through the chain go: an interval of every unit's value; one of its value at the middle of the box; and
    one of its gradient, as centre M and radius R. A unit's value lies in the interval that its inputs' intervals give,
    and within |M| + R times the box's half-widths of its value at the middle (mean value theorem; the functions are
    Lipschitz, so it holds for gradients almost everywhere). Derivatives of the activations over these intervals give
    the next gradients.

    Every product W A of inner dimension n is off by (n + 2) u |W| |A| at most, in whichever order it sums; radii grow
    by (n + 8) u times |W| (|A| + radius), which is for the radii's own rounding too.

    Args:
        chain: h, its centre and scale not used; `is_moderate` there.
        low: Lows of the boxes, (k, d).
        high: Highs, (k, d).

    Returns:
        The bounds, (k,).

    Source: Higham (2002), Accuracy and Stability of Numerical Algorithms, Ch. 3 (rounding of products).
    """
    k, d = low.shape
    middle = (low + high) / 2
    half = np.maximum(high - middle, middle - low) * (1 + 4 * U)
    # Rows of the inputs: their value, their value at the middle, their gradient.
    value_low, value_high = low, high
    mid_low = mid_high = middle
    M = R = np.empty(0)
    for index, stage in enumerate(chain.stages):
        if index == 0:
            M, R = np.broadcast_to(stage.weight, (k, *stage.weight.shape)), np.zeros((k, *stage.weight.shape))
        else:
            M, R = _linear_gradients(stage, M, R)
        mid_low, mid_high = _affine(stage, mid_low, mid_high)
        value_low, value_high = _affine(stage, value_low, value_high)
        reach = (1 + (d + 8) * U) * np.einsum("kmd,kd->km", np.abs(M) + R, half) + UNDERFLOW
        value_low = np.maximum(value_low, mid_low - reach - 4 * U * (np.abs(mid_low) + reach))
        value_high = np.minimum(value_high, mid_high + reach + 4 * U * (np.abs(mid_high) + reach))
        M, R = _activated_gradients(stage, M, R, value_low, value_high)
        mid_low, mid_high = activated_values(stage, mid_low, mid_high)
        value_low, value_high = activated_values(stage, value_low, value_high)
    return _norms(M, R)


def gradient_bound_behind(
    stages: Sequence[Stage], M: FloatArray, R: FloatArray, low: FloatArray, high: FloatArray
) -> float:
    """At least the norm of the gradient of what stages make of units that are enclosed already.

    Args:
        stages: The units' own, of which only the activation is used, and all behind it.
        M: Centres of the units' gradients before that activation, (m, d).
        R: Their radii.
        low: Lows of the units' values, (m,).
        high: Highs.
    """
    M, R, low, high = M[None], R[None], low[None], high[None]
    for before, stage in pairwise(stages):
        M, R = _linear_gradients(stage, *_activated_gradients(before, M, R, low, high))
        low, high = _affine(stage, *activated_values(before, low, high))
    return float(_norms(M, R)[0])


def _linear_gradients(stage: Stage, M: FloatArray, R: FloatArray) -> tuple[FloatArray, FloatArray]:
    g = (stage.weight.shape[1] + 8) * U
    return np.matmul(stage.weight, M), (1 + g) * np.matmul(np.abs(stage.weight), R + g * (np.abs(M) + R))


def _activated_gradients(
    stage: Stage, M: FloatArray, R: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Behind the activation, where the units' values lie between low and high."""
    if stage.kind == "none":
        return M, R
    if stage.kind == "sort":
        return sorted_gradients(int(stage.number), M, R, low, high)
    least, most = activated_slopes(stage, low, high)
    slope = ((least + most) / 2)[:, :, None]
    spread = ((most - least) / 2 + 4 * U * np.maximum(np.abs(least), np.abs(most)))[:, :, None]
    return slope * M, (1 + 8 * U) * (np.abs(slope) * R + spread * (np.abs(M) + R)) + 4 * U * np.abs(slope * M)


def _norms(M: FloatArray, R: FloatArray) -> FloatArray:
    """At least the norm of the one row of each matrix, (k, 1, d) -> (k,)."""
    steepest = np.abs(M[:, 0]) + R[:, 0]
    bounds = np.sqrt((steepest**2).sum(axis=1)) * (1 + (M.shape[2] + 8) * U) + UNDERFLOW
    return np.where(np.isfinite(bounds), bounds, np.inf)


def value_bounds(chain: Chain, points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """An interval for f at each point, (k, d), where `is_moderate`: lows and highs, (k,) each."""
    inner = (points - chain.centre) / chain.scale
    doubt = 4 * U * np.abs(inner) + UNDERFLOW
    low, high = inner - doubt, inner + doubt
    for stage in chain.stages:
        low, high = activated_values(stage, *_affine(stage, low, high))
    ends = chain.scale * low[:, 0], chain.scale * high[:, 0]
    doubts = [2 * U * np.abs(end) + UNDERFLOW for end in ends]
    return ends[0] - doubts[0], ends[1] + doubts[1]


def _affine(stage: Stage, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    W, size = stage.weight, np.abs(stage.weight)
    g = (W.shape[1] + 8) * U
    centre, radius = (low + high) / 2, (high - low) / 2
    radius = radius + 4 * U * (np.abs(low) + np.abs(high))
    out = centre @ W.T + stage.bias
    spread = (1 + g) * ((radius + g * (np.abs(centre) + radius)) @ size.T)
    spread = spread + 4 * U * (np.abs(out) + np.abs(stage.bias) + spread) + UNDERFLOW
    return out - spread, out + spread


def sorted_gradients(
    size: int, M: FloatArray, R: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Gradients of the sorted entries of groups: each may come from any unit that can have its rank.

    Args:
        size: Entries of a group.
        M: Centres of the units' gradients, (k, m, d).
        R: Their radii.
        low: Lows of the units' values, (k, m).
        high: Highs.

    Returns:
        Centres and radii, rounded outward.
    """
    k, m, d = M.shape
    groups = (k, m // size, size)
    lows, highs = low.reshape(groups), high.reshape(groups)
    below = (highs[..., None, :] < lows[..., :, None]).sum(axis=-1)  # surely below unit j
    above = (lows[..., None, :] > highs[..., :, None]).sum(axis=-1)
    least, most = (M - R).reshape(*groups, d), (M + R).reshape(*groups, d)
    doubt = 4 * U * (np.abs(least) + np.abs(most))
    middle, spread = np.empty_like(least), np.empty_like(least)
    for rank in range(size):
        possible = ((below <= rank) & (rank < size - above))[..., None]
        bottom = np.where(possible, least - doubt, np.inf).min(axis=2)
        top = np.where(possible, most + doubt, -np.inf).max(axis=2)
        middle[:, :, rank] = (bottom + top) / 2
        spread[:, :, rank] = (top - bottom) / 2 + 4 * U * (np.abs(bottom) + np.abs(top))
    return middle.reshape(M.shape), spread.reshape(M.shape)
