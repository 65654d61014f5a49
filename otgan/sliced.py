"""Distances from projections to the line, where W_p is a closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_count, as_generator
from otgan.compiled import in_parts
from otgan.costs import PointCosts, point_costs
from otgan.exact import down, root
from otgan.line import line_cost, line_masses, quantile_coupling
from otgan.metrics import UNIT
from otgan.problem import read_side

#: An ascent ends where a step gains less than this share, some of which is the rounding of the sums.
ENOUGH = 1e-9
#: Steps of an ascent, and how often one is halved before the ascent gives up.
MOST_STEPS, HALVINGS = 200, 20


@dataclass(frozen=True, eq=False)
class SlicedDistance:
    """The sliced distance between two samples, estimated from random directions.

    Attributes:
        distance: Root of the mean over directions of W_p^p along them, in units of length.
        standard_error: Of `distance`, from the choice of directions alone; NaN for a single direction.
        lower_bound: Proven lower bound of W_p between the samples: the largest W_p along a direction.
        directions: Directions, (k, d), of a norm of at most 1.
        costs: W_p^p along each direction, (k,), in units of length^p.
        p: Exponent.
    """

    distance: float
    standard_error: float
    lower_bound: float
    directions: FloatArray
    costs: FloatArray
    p: float

    @property
    def n_projections(self) -> int:
        """Number of directions."""
        return len(self.directions)


@dataclass(frozen=True, eq=False)
class MaxSlicedDistance:
    """The largest distance between projections of two samples that an ascent found.

    Attributes:
        distance: W_p along `direction`, in units of length.
        lower_bound: Proven lower bound, both of the max-sliced distance and of W_p between the samples.
        direction: The direction, (d,), of a norm of at most 1; the source's mean lies further along it.
        n_starts: Number of ascents.
        p: Exponent.
    """

    distance: float
    lower_bound: float
    direction: FloatArray
    n_starts: int
    p: float


def sliced_wasserstein(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    rng: np.random.Generator,
    n_projections: int = 100,
    p: float = 1.0,
) -> SlicedDistance:
    r"""The sliced distance $\left(E_θ\, W_p^p(θ_\# a, θ_\# b)\right)^{1/p}$, θ uniform on the sphere.

    Time O(k (n + m)) for p = 1 and k directions, with a sort each for other p. A projection moves no two points
    further apart, so W_p along each direction is a proven lower bound of W_p between the samples. The sliced distance
    itself is the mean, and is estimated.

    Args:
        x: Source points, (n, d) or (n,), or a `DiscreteMeasure`.
        y: Target points, (m, d) or (m,), or a `DiscreteMeasure`.
        a: Source weights, (n,); None for equal ones.
        b: Target weights, (m,); None for equal ones.
        rng: Source of randomness, for the directions.
        n_projections: Number k of directions.
        p: Exponent, 1 ≤ p ≤ 64.

    Raises:
        InvalidInputError: If an argument breaks a rule.

    Source: Bonneel, Rabin, Peyré and Pfister (2015), Sliced and Radon Wasserstein barycenters of measures, Sec. 2.

    >>> rng = np.random.default_rng(0)
    >>> sliced = sliced_wasserstein([[0.0, 0.0]], [[3.0, 4.0]], rng=rng, n_projections=2000)
    >>> abs(sliced.distance - 5 * 2 / math.pi) < 4 * sliced.standard_error  # E |cos| = 2/π
    True
    """
    slices = read_slices(x, y, a, b, p=p)
    count = as_count("n_projections", n_projections)
    directions = unit_directions(count, slices.dim, as_generator("rng", rng))
    costs, lower = slices.along(directions)
    mean = float(costs.mean())
    distance = mean ** (1 / slices.p)
    error = float(costs.std(ddof=1)) / math.sqrt(count) if count > 1 else math.nan
    if mean > 0:  # the delta method: the derivative of t^(1/p)
        error *= distance / (slices.p * mean)
    return SlicedDistance(distance, error, float(lower.max()), directions, costs, slices.p)


def max_sliced_wasserstein(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    rng: np.random.Generator,
    n_starts: int = 10,
    p: float = 1.0,
) -> MaxSlicedDistance:
    r"""The max-sliced distance $\max_θ W_p(θ_\# a, θ_\# b)$ over the sphere, from below.

    Each start climbs along projected gradients until no step gains. The problem has local maxima, so what is found is
    a lower bound; where the best of more starts is no larger, it is likely the maximum. The starts are the
    difference of the means and random directions.

    Args:
        x: Source points, (n, d) or (n,), or a `DiscreteMeasure`.
        y: Target points, (m, d) or (m,), or a `DiscreteMeasure`.
        a: Source weights, (n,); None for equal ones.
        b: Target weights, (m,); None for equal ones.
        rng: Source of randomness, for the starts.
        n_starts: Number of starts.
        p: Exponent, 1 ≤ p ≤ 64.

    Raises:
        InvalidInputError: If an argument breaks a rule.

    Source: Deshpande et al. (2019), Max-Sliced Wasserstein Distance and its use for GANs, and Kolouri et al. (2019),
    Generalized Sliced Wasserstein Distances, for the distance; the ascent is a plain one.

    >>> found = max_sliced_wasserstein([[0.0, 0.0]], [[3.0, 4.0]], rng=np.random.default_rng(0), n_starts=1)
    >>> round(found.distance, 9), found.direction.round(3)
    (5.0, array([-0.6, -0.8]))
    """
    slices = read_slices(x, y, a, b, p=p)
    count = as_count("n_starts", n_starts)
    starts = [slices.shift, *unit_directions(count, slices.dim, as_generator("rng", rng))]
    starts = [start for start in starts if start.any()][:count]  # means that agree have no direction between them
    _, best = max((_climb(slices, start) for start in starts), key=lambda found: found[0])
    if best @ slices.shift < 0:  # the other way round is as long
        best = -best
    cost, lower = slices.along(best[None])
    return MaxSlicedDistance(float(cost[0]) ** (1 / slices.p), float(lower[0]), best, count, slices.p)


def _climb(slices: Slices, direction: FloatArray) -> tuple[float, FloatArray]:
    """Cost and direction where an ascent from one direction ends."""
    cost = slices.cost(direction)
    for _ in range(MOST_STEPS):
        uphill = shortened(slices.gradient(direction)[None])[0]
        # For a fixed plan the cost is convex and homogeneous, so the gradient itself, a step without end, gains the
        # most; where the plan changes on the way, shorter steps do.
        share = 1.0
        for _ in range(HALVINGS):
            candidate = shortened(((1 - share) * direction + share * uphill)[None])[0]
            found = slices.cost(candidate)
            if found > cost:
                break
            share /= 2
        if not found > cost * (1 + ENOUGH):
            break
        cost, direction = found, candidate
    return cost, direction


def read_slices(x: Any, y: Any, a: Any = None, b: Any = None, *, p: float = 1.0) -> Slices:
    """Read points and weights as users give them.

    Raises:
        InvalidInputError: If an argument breaks a rule.
    """
    source, raw_a = read_side("x", x, "a", a)
    target, raw_b = read_side("y", y, "b", b)
    return Slices(point_costs(source, target, p=p), raw_a, raw_b)


class Slices:
    """Two samples, and their cost along directions.

    Args:
        costs: Euclidean costs between the points of both sides.
        a: Source weights as given, (n,).
        b: Target weights as given, (m,).
    """

    def __init__(self, costs: PointCosts, a: FloatArray, b: FloatArray) -> None:
        # Subtracting one point from all moves each by at most u of its distance, and shortens the sums that follow.
        centre = costs.y.mean(axis=0)
        self.x, self.y, self.p = costs.x - centre, costs.y - centre, costs.p
        self.dim = self.x.shape[1]
        self._masses = line_masses(a, b)
        reach = max(float(abs(points).sum(axis=1).max()) for points in (self.x, self.y))
        # A projection is a sum of d products: off by at most d u Σ|θ_k z_k| ≤ d u Σ|z_k| (Higham 2002, Sec. 3.1), and
        # the subtraction moved z by u Σ|z_k|, whose squares need not fit float64. Points off by at most e change W_p by
        # at most e, on either side; doubled.
        self.error = 2 * 2 * (self.dim + 2) * UNIT * reach

    @property
    def shift(self) -> FloatArray:
        """Direction from the target's mean to the source's, (d,); 0 where they agree."""
        source = np.average(self.x, axis=0, weights=self._masses.a)
        target = np.average(self.y, axis=0, weights=self._masses.b)
        return shortened((source - target)[None])[0]

    def along(self, directions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Costs W_p^p along directions, (k,), and proven lower bounds of W_p between the samples, (k,)."""
        costs, lower = np.empty(len(directions)), np.empty(len(directions))

        def work(start: int, stop: int) -> None:
            for k in range(start, stop):
                found = line_cost(self.x @ directions[k], self.y @ directions[k], self._masses, self.p)
                costs[k] = found.cost
                lower[k] = max(0.0, down(root(found.interval.lower, self.p, -1) - self.error))

        in_parts(work, len(directions))
        return costs, lower

    def cost(self, direction: FloatArray) -> float:
        """W_p^p along one direction."""
        return float(self.along(direction[None])[0][0])

    def gradient(self, direction: FloatArray) -> FloatArray:
        """Gradient of the cost by the direction, (d,), where there is one: the plan may be taken as fixed."""
        coupling = quantile_coupling(self.x @ direction, self.y @ direction, self._masses)
        way = coupling.x - coupling.y
        pull = coupling.mass * self.p * np.sign(way) * abs(way) ** (self.p - 1)
        of_x = np.bincount(coupling.rows, weights=pull, minlength=len(self.x))
        of_y = np.bincount(coupling.columns, weights=pull, minlength=len(self.y))
        return np.asarray(of_x @ self.x - of_y @ self.y)


def unit_directions(count: int, dim: int, rng: np.random.Generator) -> FloatArray:
    """Random directions, uniform on the sphere, (count, dim), each of a norm at most 1 in real arithmetic."""
    return shortened(rng.standard_normal((count, dim)))


def shortened(vectors: FloatArray) -> FloatArray:
    """Vectors scaled to a norm at most 1 and within some units of rounding of it; 0 stays 0."""
    largest = abs(vectors).max(axis=1, keepdims=True)  # so that squares neither overflow nor vanish
    scaled = np.divide(vectors, largest, out=np.zeros_like(vectors), where=largest > 0)
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    units = np.divide(scaled, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    # Squares, their sum and the root round to a relative (d + 2) u, the quotient to u (Higham 2002, Sec. 3.1); doubled.
    return np.asarray(units * (1 - 2 * (vectors.shape[1] + 4) * UNIT))
