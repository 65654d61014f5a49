"""What transport of a part of the mass, and transport that makes and loses mass, return."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from otgan.checks import FloatArray
from otgan.costs import PointCosts
from otgan.dual.potentials import Potentials
from otgan.interval import Interval
from otgan.masses import sums_by
from otgan.solution import Bracketed, Stats, Status


@dataclass(frozen=True, eq=False)
class PartialPotentials(Potentials):
    r"""Dual potentials of partial transport: f_i + g_j ≤ c(x_i, y_j), f ≤ price, g ≤ 0.

    They prove $\sum_i a_i (f_i - λ) + \sum_j b_j g_j + λ m$ as a lower bound of the cost of moving the mass m, λ being
    the price: where f reaches λ, or g reaches 0, mass may stay. Called with points it gives
    $f(z) = \min(λ, \min_j c(z, y_j) - g_j)$.

    Attributes:
        price: λ, the slope of the cost in the mass, in units of the cost: what a little more costs. Where the slope
            jumps, as it does for equal masses whenever a whole number of points is moved, it is no less than the slope
            below and no more than the one above.
    """

    price: float

    def __call__(self, points: Any) -> FloatArray:
        """Evaluate f at any points, (k, d), or (k,) on the line; see `Potentials`."""
        return np.minimum(super().__call__(points), self.price)


@dataclass(frozen=True, eq=False)
class PartialTransport(Bracketed):
    """The cheapest transport of a given mass, with a bracket that is proven.

    Attributes:
        costs: Costs between the points.
        a: Masses of the source points, (n,).
        b: Masses of the target points, (m,).
        mass: How much is moved.
        p: Exponent.
        cost_bounds: Proven interval of the cost, in units of mass times length^p.
        primal_cost: The plan's cost.
        potentials: Dual potentials, and the price of mass.
        arcs: Source indices, target indices and masses of the plan, each (k,).
        status: How the solver ended.
        stats: How it came about.
    """

    costs: PointCosts
    a: FloatArray
    b: FloatArray
    mass: float
    p: float
    cost_bounds: Interval
    primal_cost: float
    potentials: PartialPotentials
    arcs: tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]
    status: Status
    stats: Stats

    @property
    def price(self) -> float:
        """The slope of the cost in the mass, in units of length^p; see `PartialPotentials`."""
        return self.potentials.price

    @cached_property
    def plan(self) -> csr_array:
        """What moves from where to where, (n, m), sparse; its sum is `mass`."""
        rows, columns, mass = self.arcs
        return csr_array((mass, (rows, columns)), shape=self.costs.shape)

    @property
    def source_moved(self) -> FloatArray:
        """How much leaves each source point, (n,); the rest of `a` stays."""
        return sums_by(self.arcs[0], self.arcs[2], len(self.a))

    @property
    def target_reached(self) -> FloatArray:
        """How much arrives at each target point, (m,); the rest of `b` goes without."""
        return sums_by(self.arcs[1], self.arcs[2], len(self.b))

    def __repr__(self) -> str:
        n, m = self.costs.shape
        return (
            f"PartialTransport(distance={self.distance:.6g}, in [{self.lower_bound:.17g}, {self.upper_bound:.17g}], "
            f"{self.status.name}, mass={self.mass:g}, n={n}, m={m}, p={self.p:g})"
        )


@dataclass(frozen=True, eq=False)
class UnbalancedTransport(Bracketed):
    """Transport that may make and lose mass at a price, found by smoothing, with a bracket for the problem itself.

    Attributes:
        costs: Costs between the points.
        a: Masses of the source points, (n,).
        b: Masses of the target points, (m,).
        reach: Length at which transport becomes dearer than losing mass here and making it there.
        epsilon: The smoothing, in units of the cost.
        p: Exponent.
        cost_bounds: Proven interval of the unbalanced cost without smoothing, in units of mass times length^p.
        primal_cost: The unbalanced cost of the plan, without smoothing, once it is scaled to its best mass.
        smoothed_cost: The plan's cost in the smoothed problem, entropy included: once converged its optimum, to a share
            `tol`.
        plan: How much goes from where to where, (n, m), dense.
        potentials: Dual potentials, feasible without smoothing.
        status: How the solver ended.
        stats: How it came about; `marginal_violation` is the L1 distance between the smoothed plan's marginals and
            those that its potentials ask for.
    """

    costs: PointCosts
    a: FloatArray
    b: FloatArray
    reach: float
    epsilon: float
    p: float
    cost_bounds: Interval
    primal_cost: float
    smoothed_cost: float
    plan: FloatArray
    potentials: Potentials
    status: Status
    stats: Stats

    @property
    def mass(self) -> float:
        """How much is moved."""
        return float(self.plan.sum())

    @property
    def source_moved(self) -> FloatArray:
        """How much leaves each source point, (n,); less than `a` where mass is lost, more where it is made."""
        return np.asarray(self.plan.sum(axis=1))

    @property
    def target_reached(self) -> FloatArray:
        """How much arrives at each target point, (m,)."""
        return np.asarray(self.plan.sum(axis=0))

    def __repr__(self) -> str:
        n, m = self.costs.shape
        return (
            f"UnbalancedTransport(distance={self.distance:.6g}, in [{self.lower_bound:.6g}, {self.upper_bound:.6g}], "
            f"{self.status.name}, reach={self.reach:g}, epsilon={self.epsilon:g}, n={n}, m={m}, p={self.p:g})"
        )
