"""The normal distribution, degenerate ones included."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_count, as_number, as_points, as_real_array
from otgan.errors import InvalidShapeError, InvalidValueError
from otgan.measures.base import Measure

#: Asymmetry and negative eigenvalues up to this share of the largest entry count as rounding: a covariance computed in
#: float32 carries relative errors near 1e-7, and a mistake lies far above.
ROUNDING = 1e-6


class Gaussian(Measure):
    """The normal distribution N(mean, cov).

    Args:
        mean: Mean, (d,), in units of length.
        cov: Covariance, (d, d), symmetric positive semidefinite, in squared units of length; or a positive number,
            the variance of each coordinate, for that multiple of the identity.

    Attributes:
        mean: Mean, (d,), float64.
        cov: Covariance, (d, d), float64, exactly symmetric.

    Raises:
        InvalidShapeError: If mean is not one vector, or cov does not fit it.
        InvalidValueError: If cov is not symmetric or has a negative eigenvalue, beyond rounding.
        InvalidTypeError: If an entry is not a real number.
    """

    def __init__(self, mean: Any, cov: Any) -> None:
        self.mean = as_real_array("mean", mean).copy()
        if self.mean.ndim != 1:
            raise InvalidShapeError(
                "mean", "have shape (d,)", f"shape {self.mean.shape}", "give one vector, as in [0.0] on the line"
            )
        self.cov = as_covariance("cov", cov, self.dim)

    @classmethod
    def standard(cls, dim: int) -> Gaussian:
        """The standard normal distribution N(0, I) in dim ≥ 1 dimensions."""
        return cls(np.zeros(as_count("dim", dim)), 1.0).named(f"Gaussian.standard({dim})")

    @property
    def dim(self) -> int:
        """Dimension d of the space."""
        return len(self.mean)

    def log_density(self, points: Any) -> FloatArray:
        """Logarithm of the density with respect to Lebesgue measure.

        Args:
            points: Points, (n, d).

        Returns:
            Log-densities, (n,), float64.

        Raises:
            InvalidShapeError: If the points have another dimension.
            InvalidValueError: If the covariance is singular, so that there is no density.
        """
        x = as_points_in("points", points, self.dim)
        values, vectors = self._spectrum
        # The threshold of numpy.linalg.matrix_rank: what eigh cannot tell from zero.
        rank = int((values > values[-1] * self.dim * np.finfo(float).eps).sum())
        if rank < self.dim:
            raise InvalidValueError(
                "cov",
                "be positive definite for a density",
                f"rank {rank} in dimension {self.dim}",
                "add a small multiple of the identity, or leave out the constant directions",
            )
        z = (x - self.mean) @ vectors / np.sqrt(values)
        return -0.5 * (self.dim * math.log(2 * math.pi) + np.log(values).sum() + (z**2).sum(axis=1))

    @cached_property
    def _spectrum(self) -> tuple[FloatArray, FloatArray]:
        values, vectors = np.linalg.eigh(self.cov)
        return np.maximum(values, 0.0), vectors

    def _push(self, z: FloatArray) -> FloatArray:
        """Send points that are standard normal, (n, d), to points of this law."""
        values, vectors = self._spectrum  # unlike Cholesky's, this root exists for singular covariances
        return self.mean + (z * np.sqrt(values)) @ vectors.T

    def _sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        return self._push(rng.standard_normal((n, self.dim)))


def as_covariance(name: str, value: Any, dim: int) -> FloatArray:
    """Read a covariance: a (dim, dim) matrix, or a positive number for that multiple of the identity.

    Raises:
        InvalidShapeError: If it is a matrix of another shape.
        InvalidValueError: If it is not symmetric positive semidefinite (up to `ROUNDING`), or a number ≤ 0.
        InvalidTypeError: If it is not made of real numbers.
    """
    if np.isscalar(value):
        return as_number(name, value, low=0.0, open_low=True) * np.eye(dim)
    cov = as_real_array(name, value)
    if cov.shape != (dim, dim):
        raise InvalidShapeError(
            name, f"have shape ({dim}, {dim})", f"shape {cov.shape}", "give one row and column for each coordinate"
        )
    slack = ROUNDING * np.abs(cov).max()
    asymmetry = np.abs(cov - cov.T).max()
    if asymmetry > slack:
        raise InvalidValueError(
            name, "be symmetric", f"entries that differ by {asymmetry:g} from their mirror image", "use (C + C.T) / 2"
        )
    cov = (cov + cov.T) / 2
    smallest = np.linalg.eigvalsh(cov)[0]
    if smallest < -slack:
        raise InvalidValueError(
            name, "be positive semidefinite", f"the eigenvalue {smallest:g}", "check that it is a covariance"
        )
    return cov


def as_points_in(name: str, values: Any, dim: int) -> FloatArray:
    """Read points of dimension dim, (n, dim); see `otgan.checks.as_points`."""
    points = as_points(name, values)
    if points.shape[1] != dim:
        raise InvalidShapeError(
            name, f"have shape (n, {dim})", f"shape {points.shape}", "give points of the measure's own dimension"
        )
    return points
