r"""W_2 between Gaussian laws in closed form, and the mixture distance that is made of it.

With factors $A = S S^T$ and $B = T T^T$ of the covariances, an optimal coupling sends $m_1 + S z$ to $m_2 + T U z$ for
the orthogonal U that brings $T U$ closest to S, and $W_2^2 = \|m_1 - m_2\|^2 + \|S - T U\|_F^2$. That is the formula of
Bures, $\operatorname{tr} A + \operatorname{tr} B - 2 \operatorname{tr} (A^{1/2} B A^{1/2})^{1/2}$, without its
cancellation and without an inverse, so that singular covariances and nearly equal laws are no trouble.

Source: Peyré and Cuturi (2019), Computational Optimal Transport, Ch. 2 (the formula of Bures, and the map).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from otgan.checks import FloatArray, as_number
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, NotProvidedError
from otgan.exact import down, root, up
from otgan.interval import Interval
from otgan.measures.gaussian import Gaussian, as_points_in
from otgan.measures.mixture import GaussianMixture
from otgan.metrics import UNIT
from otgan.solution import Bracketed, OTSolution, Stats, Status
from otgan.solve import transport

#: Means and covariances may be as large as this, and covariances as small as its inverse.
SCALE = 1e100


@dataclass(frozen=True, eq=False)
class GaussianSolution(Bracketed):
    """W_2 between two Gaussian laws, with an optimal coupling.

    Attributes:
        source: The source law.
        target: The target law.
        status: Whether the bracket is as narrow as asked.
        cost_bounds: Proven interval of W_2^2, in units of length^2.
        primal_cost: W_2^2 as computed.
        stats: How it came about.
        factors: Square matrices S and T U, (d, d): the coupling sends m_1 + S z to m_2 + T U z, z standard normal.
    """

    source: Gaussian
    target: Gaussian
    status: Status
    cost_bounds: Interval
    primal_cost: float
    stats: Stats
    factors: tuple[FloatArray, FloatArray]

    p = 2.0

    @cached_property
    def plan(self) -> Gaussian:
        """The optimal coupling, a Gaussian law in 2d dimensions: d coordinates of the source, d of the target."""
        stacked = np.concatenate(self.factors)
        return Gaussian(np.concatenate([self.source.mean, self.target.mean]), stacked @ stacked.T)

    @property
    def potentials(self) -> Any:
        """Not provided.

        Raises:
            NotProvidedError: Always.
        """
        raise NotProvidedError(
            "potentials of Gaussian laws are quadratic functions and are not made; their gradient is 2 (x − T(x)) with "
            "the T of transport_map"
        )

    @cached_property
    def barycentric_matrix(self) -> FloatArray:
        """The matrix M, (d, d), of the mean of the target given a source point, m_2 + M (x − m_1)."""
        here, there = self.factors
        return there @ np.linalg.pinv(here, rcond=len(here) * np.finfo(float).eps ** 0.5)

    def barycentric_map(self, points: Any) -> FloatArray:
        """Where each source point goes on average under the coupling.

        Args:
            points: Points, (n, d), in units of length; on the support of the source.

        Returns:
            (n, d).

        Raises:
            InvalidShapeError: If the points have another dimension.
        """
        x = as_points_in("points", points, self.source.dim)
        return self.target.mean + (x - self.source.mean) @ self.barycentric_matrix.T

    def transport_map(self, points: Any) -> FloatArray:
        """The optimal map, which is affine, at some points.

        Args:
            points: Points, (n, d), in units of length; on the support of the source.

        Returns:
            (n, d).

        Raises:
            InvalidShapeError: If the points have another dimension.
            NotProvidedError: If no map sends the source to the target, because the source has too few dimensions.
        """
        here, there = self.factors
        left = np.linalg.norm(self.barycentric_matrix @ here - there)
        if left > len(here) * np.finfo(float).eps ** 0.5 * np.linalg.norm(there):
            raise NotProvidedError(
                "no map sends this source to this target: its covariance is singular where the target's is not; use "
                "plan for the optimal coupling, or exchange source and target"
            )
        return self.barycentric_map(points)


def gaussian_wasserstein(source: Any, target: Any, *, tol: float = 1e-6) -> GaussianSolution:
    r"""W_2 between two Gaussian laws, $\|m_1 - m_2\|^2 + \operatorname{tr}(A + B - 2 (A^{1/2} B A^{1/2})^{1/2})$.

    Covariances may be singular. The bracket is proven for the laws whose covariances are the given floats. Where one
    of them is singular or nearly so, rounding its factor alone may move W_2 by some 1e-8 of its size, and the bracket
    says so; hence the default of `tol`.

    Args:
        source: A `Gaussian`, or a pair (mean, covariance) as it takes them.
        target: Likewise, of the same dimension.
        tol: Relative gap at which the result counts as converged.

    Returns:
        The solution: `distance` in units of length, `lower_bound`, `upper_bound`, `plan`, `transport_map`.

    Raises:
        InvalidInputError: If an argument breaks a rule.

    Source: Peyré and Cuturi (2019), Computational Optimal Transport, Ch. 2.

    >>> round(gaussian_wasserstein(([0.0], 1.0), ([3.0], 25.0)).distance, 12)  # √(3² + (5 − 1)²)
    5.0
    """
    started = time.perf_counter()
    one, other = _as_gaussian("source", source), _as_gaussian("target", target)
    _check_same_dim(one.dim, other.dim)
    tol = as_number("tol", tol, low=0)
    found = _between(_factored(one), _factored(other))
    narrow = Interval(found.lower, found.upper).relative_width <= tol
    stats = Stats("bures", time.perf_counter() - started, 0.0, tol)
    status = Status.OPTIMAL if narrow else Status.ROUNDING
    bounds = _squared(found.lower, found.upper)
    return GaussianSolution(one, other, status, bounds, found.distance**2, stats, found.factors)


@dataclass(frozen=True, eq=False)
class MixtureSolution(Bracketed):
    """The mixture distance MW_2, which is not W_2 but an upper bound of it.

    Attributes:
        source: The source law.
        target: The target law.
        status: How the solve between the components ended.
        cost_bounds: Proven interval of MW_2^2, in units of length^2.
        primal_cost: MW_2^2 as computed.
        stats: How it came about.
        components: The discrete problem between the components, whose costs are W_2^2 between them, solved.
    """

    source: GaussianMixture
    target: GaussianMixture
    status: Status
    cost_bounds: Interval
    primal_cost: float
    stats: Stats
    components: OTSolution

    p = 2.0

    @property
    def plan(self) -> csr_array:
        """How much of each source component goes to each target component, (k, l), sparse."""
        return self.components.plan

    @property
    def potentials(self) -> Any:
        """Not provided: those of W_2 have no closed form here.

        Raises:
            NotProvidedError: Always.
        """
        raise NotProvidedError(
            "the mixture distance has potentials at its components only; use components.potentials, and for W2 itself "
            "samples and otgan.wasserstein(x, y, p=2)"
        )


def mixture_wasserstein(source: Any, target: Any, *, tol: float = 1e-6) -> MixtureSolution:
    r"""The distance MW_2 of Delon and Desolneux between Gaussian mixtures: couplings are mixtures of Gaussians too.

    $MW_2^2 = \min_w \sum_{kl} w_{kl}\, W_2^2(μ_k, ν_l)$ over couplings w of the components' weights. It is a distance,
    is at least W_2 since fewer couplings are allowed, and equals it between single Gaussians. So `upper_bound` is a
    proven upper bound of W_2 too, and `lower_bound` is none of W_2.

    Args:
        source: A `GaussianMixture`; a `Gaussian` or a pair (mean, covariance) counts as one of a single component.
        target: Likewise, of the same dimension.
        tol: Relative gap at which the result counts as converged.

    Returns:
        The solution: `distance` in units of length, `lower_bound`, `upper_bound`, `plan` between the components.

    Raises:
        InvalidInputError: If an argument breaks a rule.

    Source: Delon and Desolneux (2020), A Wasserstein-type distance in the space of Gaussian mixture models.

    >>> from otgan.measures import GaussianMixture
    >>> shifted = mixture_wasserstein(GaussianMixture([[0.0], [9.0]], 1.0), GaussianMixture([[2.0], [11.0]], 1.0))
    >>> round(shifted.distance, 12)
    2.0
    """
    started = time.perf_counter()
    one, other = _as_mixture("source", source), _as_mixture("target", target)
    _check_same_dim(one.dim, other.dim)
    tol = as_number("tol", tol, low=0)
    left, right = ([_factored(part) for part in mixture.components] for mixture in (one, other))
    found = [[_between(here, there) for there in right] for here in left]
    costs = np.array([[pair.distance**2 for pair in row] for row in found])
    # Costs that are off by at most e change the optimum by at most e.
    bounds = [_squared(pair.lower, pair.upper) for row in found for pair in row]
    below = max(0.0, *(up(cost - interval.lower) for cost, interval in zip(costs.ravel(), bounds, strict=True)))
    above = max(0.0, *(up(interval.upper - cost) for cost, interval in zip(costs.ravel(), bounds, strict=True)))
    components = transport(costs, one.weights, other.weights, tol=min(tol, 1e-11))
    # The weights as they are kept sum to one up to rounding, and each was rounded by the normalisation.
    moved = 4 * UNIT * costs.max()
    interval = Interval(
        max(0.0, down(components.lower_bound - below - moved, 2)), up(components.upper_bound + above + moved, 2)
    )
    narrow = Interval(root(interval.lower, 2, -1), root(interval.upper, 2, 1)).relative_width <= tol
    status = components.status
    if components.converged:
        status = Status.OPTIMAL if narrow else Status.ROUNDING
    stats = Stats(f"bures, {components.stats.solver}", time.perf_counter() - started, 0.0, tol)
    return MixtureSolution(one, other, status, interval, components.cost, stats, components)


class _Factored(NamedTuple):
    """A Gaussian law, a factor S of its covariance, and how far N(mean, S Sᵀ) is from it in W_2 at the most."""

    mean: FloatArray
    factor: FloatArray
    error: float


class _Between(NamedTuple):
    """W_2 between two laws, its bounds, and the factors of an optimal coupling."""

    distance: float
    lower: float
    upper: float
    factors: tuple[FloatArray, FloatArray]


def _product_error(x: FloatArray, y: FloatArray) -> float:
    """Bound of the rounding of a matrix product in the Frobenius norm (Higham 2002, Sec. 3.5), doubled."""
    return float(2 * (x.shape[1] + 2) * UNIT * np.linalg.norm(x) * np.linalg.norm(y))


def _factored(law: Gaussian) -> _Factored:
    r"""A factor from the eigenvalues, and the distance of what it stands for.

    With R = A − S Sᵀ there are two bounds of W_2. First, A + R₋ = S Sᵀ + R₊, so that both laws become the same one when
    independent noise is added, and W_2 ≤ √tr R₋ + √tr R₊ ≤ √(2 ‖R‖_*). Second, with one z for both,
    W_2 ≤ ‖X − Y‖_F for the roots X and Y of A and S Sᵀ; R = X (X − Y) + (X − Y) Y, and in the eigenvectors of X and Y
    each entry on the right is one of X − Y times x_i + y_j, so ‖X − Y‖_F ≤ ‖R‖_F / σ_min(S).
    """
    values, vectors = np.linalg.eigh(law.cov)
    values = np.maximum(values, 0.0)
    factor = vectors * np.sqrt(values)
    dim = law.dim
    rest = float(np.linalg.norm(law.cov - factor @ factor.T)) + _product_error(factor, factor)
    rest *= 1 + (dim + 4) ** 2 * UNIT  # the norm's own rounding
    error = math.sqrt(2 * math.sqrt(dim) * rest)
    # σ_min(V √Λ) ≥ σ_min(V) √λ_min, and σ_min(V)² ≥ 1 − ‖Vᵀ V − 1‖.
    skewed = float(np.linalg.norm(vectors.T @ vectors - np.eye(dim))) + _product_error(vectors, vectors)
    smallest = math.sqrt(max(0.0, 1 - 2 * skewed) * values[0])
    if smallest * error > rest:
        error = rest / smallest
    return _Factored(law.mean, factor, error * (1 + 16 * UNIT))


def _between(one: _Factored, other: _Factored) -> _Between:
    r"""W_2, and its bounds from residuals alone, whatever the decompositions are worth.

    Any orthogonal U gives a coupling and so an upper bound; the computed one is off the nearest orthogonal matrix by
    at most ‖Uᵀ U − 1‖_F. The optimum is below ‖S − T U‖² by twice ‖G‖_* − tr H for G = Tᵀ S and H = Uᵀ G, and for any
    positive semidefinite J that is at most tr J + ‖H − J‖_* − tr H ≤ 2 √d ‖H − J‖_F.
    """
    (mean, here, off), (to, there, off_too) = one[:], other[:]
    dim = len(mean)
    gram = there.T @ here
    left, sigma, right = np.linalg.svd(gram)
    turn = left @ right
    turned = there @ turn
    size, size_too = float(np.linalg.norm(here)), float(np.linalg.norm(there))
    skewed = float(np.linalg.norm(turn.T @ turn - np.eye(dim))) + _product_error(turn, turn)
    rounding = (dim + 4) ** 2 * UNIT
    apart = float(np.linalg.norm(here - turned))
    beside = size_too * skewed + _product_error(there, turn) + 2 * UNIT * (size + size_too)
    spread_above, least = apart * (1 + rounding) + beside, max(0.0, apart * (1 - rounding) - beside)
    half = right.T * np.sqrt(sigma)
    residual = float(np.linalg.norm(turn.T @ gram - half @ half.T))
    residual += _product_error(turn, gram) + _product_error(half, half) + skewed * size * size_too
    residual += 2 * _product_error(there, here)  # of G itself, turned by U
    spread_below = math.sqrt(max(0.0, least**2 * (1 - 4 * UNIT) - 4 * math.sqrt(dim) * residual * (1 + rounding)))
    way = math.hypot(*(mean - to).tolist())  # whatever the unit of length, no square leaves float64
    distance = math.hypot(way, apart)
    lower = math.hypot(way * (1 - rounding), spread_below) * (1 - 4 * UNIT) - off - off_too
    upper = math.hypot(way * (1 + rounding), spread_above) * (1 + 4 * UNIT) + off + off_too
    return _Between(distance, max(0.0, down(lower)), up(upper) if upper else 0.0, (here, turned))


def _squared(lower: float, upper: float) -> Interval:
    return Interval(max(0.0, down(lower * lower)), up(upper * upper) if upper else 0.0)


def _as_gaussian(name: str, value: Any) -> Gaussian:
    if isinstance(value, Gaussian):
        return _in_range(name, value)
    if not isinstance(value, tuple) or len(value) != 2:
        raise InvalidTypeError(
            name,
            "be a Gaussian or a pair (mean, covariance)",
            type(value).__name__,
            "for mixtures use otgan.mixture_wasserstein, for samples otgan.wasserstein(x, y, p=2)",
        )
    return _in_range(name, Gaussian(*value))


def _in_range(name: str, law: Gaussian) -> Gaussian:
    """Refuse scales whose squares leave float64, and with them the bounds of rounding."""
    largest, spread = float(abs(law.mean).max()), float(abs(law.cov).max())
    if largest > SCALE or spread > SCALE or 0 < spread < 1 / SCALE:
        raise InvalidValueError(
            name,
            f"have a mean below {SCALE:g} and a covariance of size {1 / SCALE:g} to {SCALE:g}, or 0",
            f"{largest:g} and {spread:g}",
            "change the unit of length; W_2 changes with it in proportion",
        )
    return law


def _as_mixture(name: str, value: Any) -> GaussianMixture:
    if isinstance(value, GaussianMixture):
        for part in value.components:
            _in_range(name, part)
        return value
    law = _as_gaussian(name, value)
    return GaussianMixture(law.mean[None], law.cov[None])


def _check_same_dim(one: int, other: int) -> None:
    if one != other:
        raise InvalidShapeError(
            "target", f"have the dimension of source, {one}", f"dimension {other}", "give laws in the same space"
        )
