"""Mixtures of normal distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from otgan.checks import FloatArray, as_count, as_generator, as_number, as_points, as_real_array, as_weights
from otgan.errors import InvalidShapeError
from otgan.measures.base import Measure
from otgan.measures.choice import Choice
from otgan.measures.gaussian import Gaussian, as_covariance, as_points_in


class GaussianMixture(Measure):
    """A mixture of k normal distributions.

    Args:
        means: Means of the components, (k, d), in units of length.
        covs: Their covariances, (k, d, d), in squared units of length; or k positive numbers, each the variance of
            every coordinate; or one such number for all.
        weights: Shares of the components, (k,); None for equal ones.

    Attributes:
        components: The k normal distributions.

    Raises:
        InvalidShapeError: If covs does not fit the means.
        InvalidValueError: If a covariance is not symmetric positive semidefinite.
        InvalidWeightsError: If the weights are not shares of the k components.
        InvalidTypeError: If an entry is not a real number.
    """

    def __init__(self, means: Any, covs: Any, weights: Any = None) -> None:
        centres = as_points("means", means)
        k, d = centres.shape
        self.components = tuple(
            Gaussian(centre, as_covariance(f"covs[{j}]", cov, d))
            for j, (centre, cov) in enumerate(zip(centres, _one_each(covs, k), strict=True))
        )
        self._choice = Choice(as_weights("weights", weights, k, points="components"))

    @property
    def dim(self) -> int:
        """Dimension d of the space."""
        return self.components[0].dim

    @property
    def weights(self) -> FloatArray:
        """Shares of the components, which sum to one up to rounding, (k,), float64."""
        return self._choice.weights

    def sample_with_labels(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, NDArray[np.intp]]:
        """Draw n points, and say which component each came from.

        The points are those that `sample` draws from the same state of rng.

        Args:
            n: Number of points, n ≥ 1.
            rng: Source of randomness.

        Returns:
            Points, (n, d), float64, and labels, (n,), integers in 0 … k − 1.

        Raises:
            InvalidTypeError: If n is not an integer, or rng is not a `numpy.random.Generator`.
            InvalidValueError: If n < 1.
        """
        return self._draw(as_count("n", n), as_generator("rng", rng))

    def log_density(self, points: Any) -> FloatArray:
        """Logarithm of the density with respect to Lebesgue measure.

        Args:
            points: Points, (n, d).

        Returns:
            Log-densities, (n,), float64.

        Raises:
            InvalidShapeError: If the points have another dimension.
            InvalidValueError: If a component's covariance is singular, so that there is no density.
        """
        x = as_points_in("points", points, self.dim)
        return logsumexp(np.stack([part.log_density(x) for part in self.components], axis=1), axis=1, b=self.weights)

    def _sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        return self._draw(n, rng)[0]

    def _draw(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, NDArray[np.intp]]:
        labels = self._choice.draw(n, rng)
        points = rng.standard_normal((n, self.dim))
        for j, part in enumerate(self.components):
            rows = labels == j
            points[rows] = part._push(points[rows])
        return points, labels

    def _describe(self) -> str:
        return f"{type(self).__name__}(components={len(self.components)}, dim={self.dim})"


def _one_each(covs: Any, k: int) -> FloatArray:
    """One covariance, or one variance, for each of the k components."""
    if np.isscalar(covs):
        return np.full(k, as_number("covs", covs, low=0.0, open_low=True))
    array = as_real_array("covs", covs)
    if array.ndim not in (1, 3) or len(array) != k:
        raise InvalidShapeError(
            "covs",
            f"have shape ({k}, d, d) or ({k},)",
            f"shape {array.shape}",
            f"give one covariance for each of the {k} components, or one variance for all",
        )
    return array
