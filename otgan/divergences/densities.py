r"""Kullback-Leibler and Jensen-Shannon between laws whose densities are known.

With densities p and q, $KL = \int p \log (p/q)$, and with m = (p + q)/2 the mean law,
$JS = \frac12 KL(p, m) + \frac12 KL(q, m)$, which lies in [0, log 2] and is log 2 just where the supports are disjoint.
Both are written here with integrands that are nowhere negative: $p \log (p/q) + q - p$ for the first, and
$m\, φ$ with $φ = \log 2 - h(p / (p + q))$, h the entropy of a coin, for the second. So nothing cancels between places,
and φ is bounded, which makes its mean over draws one that can be bracketed without an assumption.

Source: Lin (1991), Divergence Measures Based on the Shannon Entropy (JS and its bounds).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import xlog1py

from otgan.checks import FloatArray, as_count
from otgan.divergences.inputs import Density, as_densities, check_resolved, components
from otgan.divergences.result import Divergence
from otgan.interval import Interval
from otgan.measures.gaussian import Gaussian

LOG2 = math.log(2.0)

#: Level of intervals that draws are behind, and the normal quantile that belongs to it.
LEVEL, QUANTILE = 0.95, 1.959963984540054

#: Where pieces of the quadrature begin, in standard deviations of each component: beyond 38 a density is 0 in float64.
ENDS = np.array([0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 13, 17, 22, 28, 38])

#: Orders of the two Gauss rules whose difference estimates the error; pieces are halved while it is worth it.
FINE, COARSE, HALVINGS, PIECES = 24, 16, 40, 20_000

EPS = float(np.finfo(float).eps)


def kullback_leibler(source: Any, target: Any, *, draws: int = 100_000, seed: int = 0) -> Divergence:
    r"""$KL = \int p \log (p/q)$ from a source of density p to a target of density q, in nats.

    Between Gaussians it is a closed form, on the line else a quadrature, and in more dimensions a mean over draws from
    the source. The first two come with an estimate of their numerical error; the third with a standard error and the
    interval of the normal approximation, cut at 0, which says too little where log (p/q) has heavy tails.

    Args:
        source: A `Gaussian`, a `GaussianMixture`, or a pair (mean, covariance).
        target: Likewise, of the same dimension.
        draws: Points drawn, where that is the method.
        seed: Of the draws.

    Returns:
        The divergence; its `interval` is "estimated", or "statistical at level 0.95, asymptotic".

    Raises:
        InvalidInputError: If an argument breaks a rule, or a law has no density.

    Source: Costa, Santos and Strapasson (2015), Fisher information distance: a geometrical reading (KL between
    Gaussians).

    >>> round(kullback_leibler(([0.0], 1.0), ([3.0], 1.0)).value, 12)  # 3² / 2
    4.5
    """
    p, q = as_densities(source, target)
    draws, seed = as_count("draws", draws, low=2), as_count("seed", seed, low=0)
    if isinstance(p, Gaussian) and isinstance(q, Gaussian):
        return _between_gaussians(p, q)
    check_resolved(p, q)
    if p.dim == 1:
        return _quadrature(p, q, lambda a, b: np.exp(a) * (a - b) + np.exp(b) - np.exp(a), math.inf)
    x = p.sample(draws, np.random.default_rng(seed))
    ratios = p.log_density(x) - q.log_density(x)
    value, error = max(0.0, float(ratios.mean())), float(ratios.std(ddof=1)) / math.sqrt(draws)
    ends = max(0.0, value - QUANTILE * error), value + QUANTILE * error
    return Divergence(value, Interval(*ends, f"statistical at level {LEVEL:g}, asymptotic"), error, "draws")


def jensen_shannon(source: Any, target: Any, *, draws: int = 100_000, seed: int = 0) -> Divergence:
    r"""$JS = \frac12 KL(p, m) + \frac12 KL(q, m)$ with m = (p + q)/2, in nats; at most log 2, and symmetric.

    On the line it is a quadrature with an estimate of its error. In more dimensions it is a mean over draws from both
    laws; what is averaged lies in [0, log 2], so that the interval holds at its level for every number of draws.

    Args:
        source: A `Gaussian`, a `GaussianMixture`, or a pair (mean, covariance).
        target: Likewise, of the same dimension.
        draws: Points drawn from each law, where that is the method.
        seed: Of the draws.

    Returns:
        The divergence; its `interval` is "estimated", or "statistical at level 0.95, finite-sample".

    Raises:
        InvalidInputError: If an argument breaks a rule, or a law has no density.

    Source: Lin (1991) for the divergence; Maurer and Pontil (2009), Thm 4, for the interval from draws.

    >>> far = jensen_shannon(([0.0], 1.0), ([100.0], 1.0))
    >>> round(far.value / math.log(2), 12), far.method
    (1.0, 'quadrature')
    """
    p, q = as_densities(source, target)
    draws, seed = as_count("draws", draws, low=2), as_count("seed", seed, low=0)
    check_resolved(p, q)
    if p.dim == 1:
        return _quadrature(p, q, lambda a, b: 0.5 * (np.exp(a) + np.exp(b)) * _contrast(a - b), LOG2)
    rng = np.random.default_rng(seed)
    both = [_contrast(p.log_density(x) - q.log_density(x)) for x in (p.sample(draws, rng), q.sample(draws, rng))]
    pairs = (both[0] + both[1]) / 2
    value, variance = min(LOG2, float(pairs.mean())), float(pairs.var(ddof=1))  # the mean of log 2 is rounded
    log = math.log(2 / ((1 - LEVEL) / 2))  # half of what may fail on each side
    radius = math.sqrt(2 * variance * log / draws) + 7 * LOG2 * log / (3 * (draws - 1))
    interval = Interval(
        max(0.0, value - radius), min(LOG2, value + radius), f"statistical at level {LEVEL:g}, finite-sample"
    )
    return Divergence(value, interval, math.sqrt(variance / draws), "draws")


def _contrast(ratio: FloatArray) -> FloatArray:
    """φ = log 2 − h(p / (p + q)) from log (p/q): 0 where both are equal, log 2 where only one is there."""
    u = np.tanh(ratio / 2)  # p / (p + q) = (1 + u) / 2
    return np.clip((xlog1py(1 + u, u) + xlog1py(1 - u, -u)) / 2, 0.0, LOG2)


def _between_gaussians(p: Gaussian, q: Gaussian) -> Divergence:
    r"""½ Σ (λ − 1 − log λ) + ½ ‖m_1 − m_2‖² in the metric of q, λ the eigenvalues of A against B: no term is negative.

    Eigenvalues against B are off by some ε times the condition of B times the largest; log λ by that over the smallest.
    """
    scales, vectors = np.linalg.eigh(q.cov)
    whiten = vectors / np.sqrt(scales)
    ratios = np.maximum(np.linalg.eigvalsh(whiten.T @ p.cov @ whiten), np.finfo(float).tiny)
    apart = float(np.sum((whiten.T @ (p.mean - q.mean)) ** 2))
    value = 0.5 * (float(np.sum((ratios - 1) - np.log(ratios))) + apart)
    condition = scales[-1] / scales[0] * ratios[-1] / ratios[0]
    error = 16 * p.dim * EPS * float(condition) * (1 + value)
    interval = Interval(max(0.0, value - error), value + error, "estimated, rounding of a closed form")
    return Divergence(value, interval, 0.0, "closed form")


def _quadrature(
    p: Density, q: Density, integrand: Callable[[FloatArray, FloatArray], FloatArray], most: float
) -> Divergence:
    """Integrate a function ≥ 0 of both log densities over the line."""
    fine, coarse = np.polynomial.legendre.leggauss(FINE), np.polynomial.legendre.leggauss(COARSE)

    def rule(
        nodes: FloatArray, weights: FloatArray, low: FloatArray, high: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """The integral over each piece, and what rounding of the log densities and of the nodes may change of it."""
        half = (high - low) / 2
        x = (low + half)[:, None] + half[:, None] * nodes
        a, b = (law.log_density(x.reshape(-1)).reshape(x.shape) for law in (p, q))
        rounding = (np.exp(a) * (np.abs(a) + 1) + np.exp(b) * (np.abs(b) + 1)) * 8 * EPS
        if most == math.inf:  # the logarithm of q counts where p is
            rounding += np.exp(a) * (np.abs(b) + np.abs(a - b) * (np.abs(a) + 1)) * 8 * EPS
        heights = integrand(a, b)
        moved = EPS * np.abs(x).max(axis=1) * np.abs(np.diff(heights, axis=1)).sum(axis=1)
        return half * (heights @ weights), half * (rounding @ weights) + moved

    ends = np.unique(
        np.concatenate(
            [
                part.mean[0] + math.sqrt(part.cov[0, 0]) * np.concatenate([-ENDS, ENDS])
                for law in (p, q)
                for _, part in components(law)
            ]
        )
    )
    low, high = ends[:-1], ends[1:]
    total = error = 0.0
    for round_ in range(HALVINGS + 1):
        values, rounding = rule(*fine, low, high)
        apart = np.abs(values - rule(*coarse, low, high)[0])
        worth = apart > EPS * (total + float(values.sum())) + rounding
        if round_ == HALVINGS or worth.sum() > PIECES:
            worth[:] = False
        total += float(values[~worth].sum())
        error += float((apart + rounding)[~worth].sum())
        if not worth.any():
            break
        middle = (low[worth] + high[worth]) / 2
        low, high = np.concatenate([low[worth], middle]), np.concatenate([middle, high[worth]])
    value = min(max(total, 0.0), most)
    interval = Interval(max(0.0, value - error), min(most, value + error), "estimated, two orders of quadrature")
    return Divergence(value, interval, 0.0, "quadrature")
