r"""The W_2 geometry of Gaussian laws: on a geodesic every point goes straight to where the optimal plan sends it."""

from __future__ import annotations

from typing import Any

from otgan.divergences.inputs import as_times
from otgan.gaussians import gaussian_wasserstein
from otgan.measures.gaussian import Gaussian


def wasserstein_geodesic(source: Any, target: Any, times: Any) -> tuple[Gaussian, ...]:
    r"""Laws along the W_2 geodesic between two Gaussians, at constant speed: McCann's displacement interpolation.

    The law at time t is that of (1 − t) X + t Y under the optimal coupling, a Gaussian of mean
    $(1 - t) m_1 + t m_2$ and factor $(1 - t) S + t T U$ in the words of `otgan.gaussians`. On the line mean and
    standard deviation go straight.

    Args:
        source: A `Gaussian`, or a pair (mean, covariance); it may be singular.
        target: Likewise, of the same dimension.
        times: Times in [0, 1], (k,).

    Returns:
        k Gaussian laws.

    Raises:
        InvalidInputError: If an argument breaks a rule.

    Source: Santambrogio (2015), Optimal Transport for Applied Mathematicians, Sec. 5.4 (constant-speed geodesics).

    >>> middle = wasserstein_geodesic(([-1.0], 1.0), ([1.0], 9.0), [0.5])[0]
    >>> middle.mean.round(12).tolist(), round(float(middle.cov[0, 0]), 12)  # ((1 + 3) / 2)²
    ([0.0], 4.0)
    """
    solution = gaussian_wasserstein(source, target)
    (here, there), (mean, to) = solution.factors, (solution.source.mean, solution.target.mean)
    found = []
    for t in as_times("times", times):
        factor = (1 - t) * here + t * there
        found.append(Gaussian((1 - t) * mean + t * to, factor @ factor.T))
    return tuple(found)
