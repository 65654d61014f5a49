"""The Fréchet distance between features: FID's formula for features of any kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from otgan.checks import FloatArray
from otgan.errors import InvalidShapeError
from otgan.gaussians import gaussian_wasserstein
from otgan.measures import Gaussian
from otgan.quality.inputs import check_size, read_two

#: Sizes of features whose covariances `otgan.gaussian_wasserstein` takes.
SMALLEST, LARGEST = 1e-49, 1e49


@dataclass(frozen=True)
class FrechetDistance:
    """The squared W2 between the normal laws that have the means and covariances of two samples.

    Attributes:
        value: Of the formula, in squared units of the features; 0 where mean and covariance agree, whatever else does
            not.
        of_means: The part of the means, their squared distance.
        of_covariances: The part of the covariances.
        sizes: n and m, points of either side.
        dim: Number of features d.
    """

    value: float
    of_means: float
    of_covariances: float
    sizes: tuple[int, int]
    dim: int

    @property
    def full_rank(self) -> bool:
        """Whether both sides have more points than features; otherwise the covariances are singular by counting."""
        return min(self.sizes) > self.dim


def frechet_distance(x: Any, y: Any) -> FrechetDistance:
    r"""FID's formula, $\|m_x - m_y\|^2 + \operatorname{tr}(A + B - 2 (A^{1/2} B A^{1/2})^{1/2})$.

    It is FID only for the features of the Inception network that FID is defined by; for others it has other units, and
    is comparable among themselves alone. No matrix is inverted and no root of a product that is not symmetric taken:
    factors of A and B come from symmetric eigenvalues, see `otgan.gaussian_wasserstein`, so singular covariances are no
    trouble.

    Two samples of one law do not have 0: between normal laws of covariance σ² I with n points a side the mean is about
    σ² (d² + 5d) / 2n once n is far above d. That bias is another one for another law (Chong and Forsyth 2019), so
    compare at one n, and beside the value of two real samples.

    Args:
        x: Features of real points, (n, d), n ≥ 2.
        y: Features of generated points, (m, d), m ≥ 2.

    Raises:
        InvalidShapeError: If a side has a single point, or they differ in d.
        InvalidValueError: If features are so large or small that their covariances leave 1e-100 to 1e100.

    Source: Heusel et al. (2017), GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium.

    >>> frechet_distance([[0.0], [2.0]], [[3.0], [5.0]]).value  # the means differ by 3, the covariances agree
    9.0
    """
    source, target = read_two(("x", "y"), x, y)
    laws = [_normal(name, points) for name, points in (("x", source), ("y", target))]
    centred = [Gaussian(np.zeros(law.dim), law.cov) for law in laws]
    of_means = float(((laws[0].mean - laws[1].mean) ** 2).sum())
    of_covariances = gaussian_wasserstein(*centred).primal_cost
    sizes = len(source), len(target)
    return FrechetDistance(of_means + of_covariances, of_means, of_covariances, sizes, source.shape[1])


def _normal(name: str, points: FloatArray) -> Gaussian:
    if len(points) < 2:
        raise InvalidShapeError(name, "have at least two points for a covariance", f"{len(points)}", "draw more points")
    check_size(name, points, SMALLEST, LARGEST)
    mean = points.mean(0)
    off = points - mean
    return Gaussian(mean, off.T @ off / (len(points) - 1))
