"""What semi-discrete transport gives: a potential on the points, the cells it cuts, and an interval for W_p."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray, as_points
from otgan.costs import need_points
from otgan.dual.potentials import Potentials
from otgan.errors import InvalidShapeError, NotProvidedError
from otgan.exact import root
from otgan.interval import Interval
from otgan.measures.base import Measure
from otgan.semidiscrete.cells import cell_of
from otgan.solution import Stats, Status


@dataclass(frozen=True, eq=False)
class SemidiscreteSolution:
    """A potential on finitely many atoms, with an interval for the W_p between a law and their measure.

    The atoms are the distinct target points that have mass, in the order in which they were given.

    Attributes:
        source: The law.
        weights: Masses of the atoms, (k,), summing to one.
        potentials: f at some source points (fresh draws, or the centroids of the cells), g at the atoms; feasible, and
            callable anywhere.
        masses: What the law gives to each cell, (k,): shares of fresh draws, or areas. At the optimum they are the
            weights, unless places that tie between atoms have mass (as for p = 1 on the line).
        cost_interval: Interval of W_p^p, in units of length^p; its kind says what backs it.
        dual_cost: Value of the semi-dual at g, which is at most W_p^p: its mean over fresh draws, or exact up to
            rounding.
        polygons: Corners of each cell in the plane, counter-clockwise; empty where the method makes none.
        status: How the solve ended.
        stats: How it came about; `marginal_violation` is the L1 distance of `masses` from `weights`.
    """

    source: Measure
    weights: FloatArray
    potentials: Potentials
    masses: FloatArray
    cost_interval: Interval
    dual_cost: float
    polygons: tuple[FloatArray, ...]
    status: Status
    stats: Stats

    @property
    def p(self) -> float:
        """Exponent of the distance."""
        return self.potentials.costs.p

    @property
    def g(self) -> FloatArray:
        """Potential at the atoms, (k,), in units of the cost."""
        return self.potentials.g

    @property
    def atoms(self) -> FloatArray:
        """The distinct target points that have mass, (k, d)."""
        return need_points(self.potentials.costs, "semi-discrete transport").y

    @property
    def cost(self) -> float:
        """Estimate of W_p^p, in units of length^p: the dual cost, inside the interval."""
        return min(max(self.dual_cost, self.cost_interval.lower), self.cost_interval.upper)

    @property
    def distance(self) -> float:
        """Estimate of W_p, in units of length; between the two bounds."""
        return min(max(self.cost ** (1 / self.p), self.lower_bound), self.upper_bound)

    @property
    def distance_interval(self) -> Interval:
        """Interval of W_p, in units of length, of the kind of `cost_interval`."""
        cost, p = self.cost_interval, self.p
        if p == 1:
            return cost
        return Interval(root(cost.lower, p, -1), root(cost.upper, p, 1), cost.kind)

    @property
    def lower_bound(self) -> float:
        """Lower bound of W_p, as certain as `cost_interval.kind` says."""
        return self.distance_interval.lower

    @property
    def upper_bound(self) -> float:
        """Upper bound of W_p, as certain as `cost_interval.kind` says."""
        return self.distance_interval.upper

    @property
    def gap(self) -> float:
        """Upper − lower bound of the distance."""
        return self.distance_interval.width

    @property
    def relative_gap(self) -> float:
        """Gap / upper bound; 0 where that is 0."""
        return self.distance_interval.relative_width

    @property
    def converged(self) -> bool:
        """Whether the interval is as narrow as was asked: relative_gap ≤ tol."""
        return self.status is Status.OPTIMAL

    @property
    def plan(self) -> NoReturn:
        """Not provided: the source has no points to be rows of a matrix.

        Raises:
            NotProvidedError: Always; `assign` says where a point goes.
        """
        raise NotProvidedError(
            "a law has no points that could be rows of a plan; call assign(points), or take "
            "otgan.wasserstein(x, y).plan for a sample x of the law"
        )

    @property
    def cells(self) -> tuple[FloatArray, ...]:
        """Corners of each atom's cell in the plane, counter-clockwise, each (corners, 2).

        Raises:
            NotProvidedError: If the method was "stochastic", which knows cells only by their draws.
        """
        if not self.polygons:
            raise NotProvidedError(
                "the method 'stochastic' makes no polygons; call assign(points), or take method='power-diagram'"
            )
        return self.polygons

    def assign(self, points: Any) -> NDArray[np.intp]:
        r"""Whose cell points lie in: the transport map, $\arg\min_j c(x, y_j) - g_j$.

        Args:
            points: (n, d), or (n,) on the line.

        Returns:
            Indices into `atoms`, (n,); the first one in a tie.

        Raises:
            InvalidInputError: If they are no points of this space.
        """
        where = as_points("points", points)
        costs = need_points(self.potentials.costs, "assigning points")
        if where.shape[1] != costs.y.shape[1]:
            raise InvalidShapeError(
                "points", f"have the dimension of y, {costs.y.shape[1]}", f"shape {where.shape}", "give its coordinates"
            )
        return cell_of(costs.to_targets(where), self.g)

    def __repr__(self) -> str:
        return (
            f"SemidiscreteSolution(distance={self.distance:.6g}, in {self.distance_interval}, {self.status.name}, "
            f"atoms={len(self.weights)}, p={self.p:g})"
        )
