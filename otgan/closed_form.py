"""Solutions on the line, where the distance has a closed form: its bracket needs neither plan nor potentials.

Those are made when somebody asks for them. A distance of two samples of a million points takes less time than they do.
"""

from __future__ import annotations

import time
from functools import cached_property

from otgan.certificate import Certificate
from otgan.checks import FloatArray
from otgan.costs import Costs, need_points
from otgan.coupling import Arcs
from otgan.dual.potentials import Potentials, feasible_potentials
from otgan.exact import WeightMasses
from otgan.interval import Interval
from otgan.line import line_cost, line_masses
from otgan.problem import OTProblem
from otgan.solution import OTSolution, Stats, Status
from otgan.solvers.univariate import quantile_arcs, quantile_potentials


class LineCertificate(Certificate):
    """The certificate of a problem on the line.

    Args:
        cost: Interval of the cost, proven by the closed form.
        problem: The problem.
    """

    def __init__(self, cost: Interval, problem: OTProblem) -> None:
        self.__dict__.update(cost=cost, p=problem.costs.p, problem=problem)  # the class is frozen

    problem: OTProblem

    @cached_property
    def coupling(self) -> Arcs:
        """The coupling of the quantiles, which attains the cost: source and target indices, and integer masses."""
        return quantile_arcs(self.problem)


class LinePotentials(Potentials):
    """Optimal potentials of a problem on the line.

    Args:
        certificate: The certificate, whose coupling they are tight on.
    """

    def __init__(self, certificate: LineCertificate) -> None:
        self.__dict__["certificate"] = certificate  # the class is frozen

    certificate: LineCertificate

    @property
    def costs(self) -> Costs:
        """The costs between the two samples."""
        return self.certificate.problem.costs

    @property
    def f(self) -> FloatArray:
        """Potential at the source points, (n,), in units of the cost."""
        return self._pair.f

    @property
    def g(self) -> FloatArray:
        """Potential at the target points, (m,), in units of the cost."""
        return self._pair.g

    @cached_property
    def _pair(self) -> Potentials:
        rows, columns, _ = self.certificate.coupling
        f, _ = quantile_potentials(self.certificate.problem, rows, columns)
        return feasible_potentials(self.costs, f)


def solve_in_closed_form(problem: OTProblem, *, tol: float) -> OTSolution | None:
    """The solution of a problem on the line; None where rounding leaves its bracket wider than asked.

    That happens where the two measures differ by less than 1e-19 of their spread and their weights do not add up to the
    same number, or are further apart than two integers of 40 bits can hold.

    Args:
        problem: A problem whose points lie on the line.
        tol: Relative gap at which the result counts as converged.
    """
    if not isinstance(problem.masses, WeightMasses):
        return None
    started = time.perf_counter()
    costs = need_points(problem.costs, "the closed form")
    found = line_cost(costs.x[:, 0], costs.y[:, 0], line_masses(*problem.masses.weights), costs.p)
    certificate = LineCertificate(found.interval, problem)
    if not certificate.distance.relative_width <= tol:
        return None
    stats = Stats("univariate", time.perf_counter() - started, 0.0, tol)
    return OTSolution(problem, Status.OPTIMAL, LinePotentials(certificate), certificate, found.cost, stats)
