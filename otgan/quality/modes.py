"""Which modes of a mixture a sample reaches, how much of it lies near one, and in which shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2

from otgan.checks import FloatArray
from otgan.errors import InvalidTypeError
from otgan.measures import GaussianMixture
from otgan.measures.gaussian import as_points_in
from otgan.quality.inputs import check_size

#: A sample is of high quality within this many standard deviations of its nearest mode.
RADIUS = 3.0
#: The stricter count wants this part of a mode's share.
PART = 1 / 3


@dataclass(frozen=True)
class ModeCoverage:
    r"""How a sample is spread over the k modes of a mixture.

    Each point counts for its nearest mode alone, by Mahalanobis distance: distance in units of the mode's own σ.

    Attributes:
        n_modes: k.
        covered: Modes with at least one point within 3σ. With 2,500 points a mode that is given 1 % of its share
            counts, so the number saturates; read it beside `kl`.
        well_covered: Modes with at least a third of their share of points within 3σ.
        high_quality: Share of the points that lie within 3σ of a mode.
        perfect: Share that the law itself has within 3σ of the mode a point is drawn from, P(χ²_d ≤ 9); in the plane
            1 − exp(−4.5), 98.9 %. Where modes overlap it has somewhat more.
        kl: KL(h ‖ w) in nats, for the shares h of *all* points by nearest mode, the far ones too, and the mixture's
            weights w: so it speaks of shares alone, and `high_quality` of distance alone. log k at most for equal
            weights.
        kl_of_chance: (k − 1) / 2n, about what n points of the law itself have on average.
        shares: h, one for each mode.
        n: Number of points.
    """

    n_modes: int
    covered: int
    well_covered: int
    high_quality: float
    perfect: float
    kl: float
    kl_of_chance: float
    shares: tuple[float, ...]
    n: int


def mode_coverage(points: Any, mixture: GaussianMixture) -> ModeCoverage:
    """Count the modes that a sample covers, the points near one, and how far their shares are off.

    Args:
        points: Generated points, (n, d).
        mixture: The law that they should have; its covariances must be regular.

    Raises:
        InvalidTypeError: If `mixture` is no `GaussianMixture`.
        InvalidShapeError: If the points have another dimension.
        InvalidValueError: If a component's covariance is singular, so that no distance in units of σ exists, or a
            point is beyond 1e100.

    >>> from otgan.measures import eight_gaussians
    >>> sample = eight_gaussians().sample(2500, np.random.default_rng(0))
    >>> found = mode_coverage(sample[sample[:, 0] > 1], eight_gaussians())  # three of the eight
    >>> found.covered, found.well_covered, round(found.kl, 2)  # log 8/3 = .98
    (3, 3, 0.98)
    """
    if not isinstance(mixture, GaussianMixture):
        raise InvalidTypeError(
            "mixture", "be a GaussianMixture", type(mixture).__name__, "give the law whose modes are counted"
        )
    x = as_points_in("points", points, mixture.dim)
    check_size("points", x, 0.0, 1e100)
    squares = np.stack([_squared_sigmas(x, part) for part in mixture.components], axis=1)
    nearest = squares.argmin(1)
    near = squares[np.arange(len(x)), nearest] <= RADIUS**2
    weights, k, n = mixture.weights, len(mixture.components), len(x)
    there = np.bincount(nearest[near], minlength=k)
    shares = np.bincount(nearest, minlength=k) / n
    # A mode without weight is not missed by a sample that leaves it out.
    wanted = weights > 0
    return ModeCoverage(
        n_modes=int(wanted.sum()),
        covered=int((there[wanted] > 0).sum()),
        well_covered=int((there >= PART * weights * n)[wanted & (there > 0)].sum()),
        high_quality=float(near.mean()),
        perfect=float(chi2.cdf(RADIUS**2, mixture.dim)),
        kl=_kl(shares, weights),
        kl_of_chance=(int(wanted.sum()) - 1) / (2 * n),
        shares=tuple(shares.tolist()),
        n=n,
    )


def _squared_sigmas(points: FloatArray, part: Any) -> FloatArray:
    """Squared Mahalanobis distances, (n,): what the log-density falls by from its top, doubled."""
    top = part.log_density(part.mean[None])[0]
    return np.asarray(np.maximum(0.0, 2 * (top - part.log_density(points))))


def _kl(shares: FloatArray, weights: FloatArray) -> float:
    there = shares > 0
    with np.errstate(divide="ignore"):  # points at a mode without weight: infinite, as the formula says
        return float(max(0.0, np.sum(shares[there] * np.log(shares[there] / weights[there]))))
