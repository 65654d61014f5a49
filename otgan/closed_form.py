"""Solutions on the line, where the distance has a closed form: its bracket needs neither plan nor potentials.

Those are made when somebody asks for them. A distance of two samples of a million points takes less time than they do.
"""

from __future__ import annotations

import time
from functools import cached_property

from otgan.certificate import Certificate
from otgan.costs import need_points
from otgan.coupling import Arcs
from otgan.dual.potentials import FeasiblePotentials
from otgan.exact import WeightMasses
from otgan.interval import Interval
from otgan.line import line_cost, line_masses
from otgan.problem import OTProblem
from otgan.solution import OTSolution, Stats, Status
from otgan.solvers.univariate import quantile_arcs, quantile_potential


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
    potentials = FeasiblePotentials(costs, lambda: quantile_potential(problem, *certificate.coupling[:2]))
    return OTSolution(problem, Status.OPTIMAL, potentials, certificate, found.cost, stats)
