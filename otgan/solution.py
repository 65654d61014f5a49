"""What a solver returns: plan, potentials, and a bracket that holds, also when it was stopped early."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from otgan.certificate import Certificate
from otgan.checks import FloatArray
from otgan.costs import need_points
from otgan.dual.potentials import Potentials
from otgan.problem import OTProblem


class Status(Enum):
    """How a solve ended; the text names the remedy."""

    OPTIMAL = "optimal: the bracket is as narrow as asked"
    ITERATION_LIMIT = "stopped at max_iter; the bracket holds but is wide: raise max_iter"
    ROUNDING = "the solver finished, but rounding left the bracket wider than tol: it holds; raise tol to accept it"


@dataclass(frozen=True)
class Stats:
    """How the solution came about.

    Attributes:
        solver: Name of the solver.
        seconds: Wall-clock time of solving and certifying.
        marginal_violation: L1 distance of the solver's own marginals from the weights, before the repair.
    """

    solver: str
    seconds: float
    marginal_violation: float


@dataclass(frozen=True, eq=False)
class OTSolution:
    """A transport plan and potentials with the bracket that they prove.

    Attributes:
        problem: What was solved.
        status: How the solve ended.
        potentials: Dual potentials, feasible; callable off the sample where the costs are between points.
        certificate: The proof of the bracket.
        primal_cost: Cost of the plan as the solver gave it, before its marginals were made exact.
        stats: How it came about.
    """

    problem: OTProblem
    status: Status
    potentials: Potentials
    certificate: Certificate
    primal_cost: float
    stats: Stats

    @property
    def p(self) -> float:
        """Exponent of the distance."""
        return self.problem.costs.p

    @property
    def cost(self) -> float:
        """W_p^p, in units of length^p: the plan's cost, inside the certificate's interval."""
        interval = self.certificate.cost
        return min(max(self.primal_cost, interval.lower), interval.upper)

    @property
    def distance(self) -> float:
        """W_p, in units of length (for `otgan.transport` the cost itself); between the two bounds."""
        return min(max(self.cost ** (1 / self.p), self.lower_bound), self.upper_bound)

    @property
    def lower_bound(self) -> float:
        """Proven lower bound of the distance."""
        return self.certificate.distance.lower

    @property
    def upper_bound(self) -> float:
        """Proven upper bound of the distance."""
        return self.certificate.distance.upper

    @property
    def gap(self) -> float:
        """Upper − lower bound of the distance."""
        return self.certificate.distance.width

    @property
    def relative_gap(self) -> float:
        """Gap / upper bound; 0 where that is 0."""
        return self.certificate.distance.relative_width

    @property
    def converged(self) -> bool:
        """Whether the bracket is as narrow as asked: relative_gap ≤ tol."""
        return self.status is Status.OPTIMAL

    @cached_property
    def plan(self) -> csr_array:
        """The coupling, (n, m), sparse; its marginals are the weights up to one rounding an entry."""
        rows, columns, flow = self.certificate.coupling
        mass = self.problem.masses.floats(flow)
        return csr_array((mass, (rows, columns)), shape=self.problem.shape)

    def matched_pairs(self) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
        """The arcs of the plan.

        Returns:
            Source indices, target indices and masses, each (k,).
        """
        rows, columns, flow = self.certificate.coupling
        return rows, columns, self.problem.masses.floats(flow)

    def barycentric_map(self) -> FloatArray:
        r"""Where each source point goes on average, $\sum_j \pi_{ij} y_j / a_i$.

        Returns:
            (n, d); NaN in rows of source points without mass, which go nowhere.

        Raises:
            NotProvidedError: If the costs came from a matrix.
        """
        costs = need_points(self.problem.costs, "the barycentric map")
        a = self.problem.a
        # Sums of products of normal size over a, not a quotient of two roundings: subtract a reference point first.
        centre = costs.y.mean(axis=0)
        moved = self.plan @ (costs.y - centre)
        share = np.divide(1.0, a, out=np.full(len(a), np.nan), where=a > 0)
        return np.asarray(moved * share[:, None] + centre)

    def __repr__(self) -> str:
        n, m = self.problem.shape
        return (
            f"OTSolution(distance={self.distance:.6g}, in [{self.lower_bound:.17g}, {self.upper_bound:.17g}], "
            f"{self.status.name}, n={n}, m={m}, p={self.p:g})"
        )
