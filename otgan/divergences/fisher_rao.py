r"""The Fisher-Rao geometry of the normal distributions on the line, in closed form.

The Fisher information makes (μ, σ) a surface with the line element $ds^2 = (dμ^2 + 2\, dσ^2) / σ^2$. In the
coordinates $(μ / \sqrt 2, σ)$ it is the hyperbolic half-plane, lengths times √2. So geodesics between laws of different
means are half-ellipses around a centre on σ = 0, and between laws of equal means they are vertical.

Source: Costa, Santos and Strapasson (2015), Fisher information distance: a geometrical reading.
"""

from __future__ import annotations

import math
from typing import Any

from otgan.divergences.inputs import as_normal, as_times
from otgan.measures.gaussian import Gaussian


def fisher_rao_distance(source: Any, target: Any) -> float:
    r"""Length of the Fisher-Rao geodesic between two normal distributions on the line.

    $d = 2 \sqrt 2\, \operatorname{arsinh} \sqrt{((μ_1 - μ_2)^2 / 2 + (σ_1 - σ_2)^2) / (4 σ_1 σ_2)}$, the hyperbolic
    distance in a form that keeps its digits where the laws are close. It has no unit: stretching the line changes
    nothing. It is a distance, and for close laws KL ≈ d²/2.

    Args:
        source: A `Gaussian` on the line of positive variance, or a pair (mean, variance) such as ([0.0], 1.0).
        target: Likewise.

    Returns:
        The distance, ≥ 0, exact up to the rounding of a few operations.

    Raises:
        InvalidInputError: If a law is not on the line, or has no variance.

    Source: Costa, Santos and Strapasson (2015), Fisher information distance: a geometrical reading.

    >>> round(fisher_rao_distance(([0.0], 1.0), ([0.0], math.e**2)), 12)  # √2 |log σ_1 / σ_2|
    1.414213562373
    """
    return math.sqrt(2) * _hyperbolic(as_normal("source", source), as_normal("target", target))


def fisher_rao_geodesic(source: Any, target: Any, times: Any) -> tuple[Gaussian, ...]:
    """Laws along the Fisher-Rao geodesic, at constant speed: the law at time t is t of the distance away.

    Args:
        source: As in `fisher_rao_distance`.
        target: Likewise.
        times: Times in [0, 1], (k,).

    Returns:
        k normal distributions on the line.

    Raises:
        InvalidInputError: If a law is not on the line or has no variance, or a time is outside [0, 1].

    Source: Costa, Santos and Strapasson (2015), Fisher information distance: a geometrical reading.

    >>> middle = fisher_rao_geodesic(([-1.0], 1.0), ([1.0], 1.0), [0.5])[0]
    >>> middle.mean.round(12).tolist(), round(float(middle.cov[0, 0]), 12)  # wider half-way: 1 + 1²/2
    ([0.0], 1.5)
    """
    (mean, std), (to, std_too) = one, other = as_normal("source", source), as_normal("target", target)
    length = _hyperbolic(one, other)
    # Seen from the source as the point (0, 1), which is an isometry, the target lies at (way, height). On the
    # hyperboloid a geodesic is a combination of its ends with coefficients sinh (1 − t)D and sinh tD over sinh D.
    way, height = (to - mean) / std, std_too / std
    found = []
    for t in as_times("times", times):
        back, ahead = _share(1 - t, length), _share(t, length)
        weight = height * back + ahead
        found.append(Gaussian([mean + std * way * ahead / weight], [[(std * height / weight) ** 2]]))
    return tuple(found)


def _hyperbolic(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Distance in the half-plane of curvature −1, of (mean / √2, std)."""
    (mean, std), (to, std_too) = one, other
    chord = math.hypot((mean - to) / math.sqrt(2), std - std_too)
    return 2 * math.asinh(chord / (2 * math.sqrt(std) * math.sqrt(std_too)))


def _share(t: float, length: float) -> float:
    """Sinh(t D) / sinh D, t where D is 0, without overflow."""
    if length == 0:
        return t
    return math.exp((t - 1) * length) * math.expm1(-2 * t * length) / math.expm1(-2 * length)
