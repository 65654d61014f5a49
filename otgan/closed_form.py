"""Solutions on the line, where the distance has a closed form: its bracket needs neither plan nor potentials.

Those are made when somebody asks for them. A distance of two samples of a million points takes less time than they do.
"""

from __future__ import annotations

import time
from functools import partial

from otgan.certificate import Certificate
from otgan.checks import FloatArray
from otgan.costs import need_points
from otgan.dual.potentials import FeasiblePotentials
from otgan.line import line_cost, line_masses
from otgan.masses import WeightMasses
from otgan.problem import OTProblem
from otgan.solution import OTSolution, Stats, Status
from otgan.solvers.univariate import quantile_arcs, quantile_potential


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
    certificate = Certificate(found.interval, costs.p, partial(quantile_arcs, problem))
    if not certificate.distance.relative_width <= tol:
        return None
    stats = Stats("univariate", time.perf_counter() - started, 0.0, tol)
    potentials = FeasiblePotentials(costs, partial(_potential, problem, certificate))
    return OTSolution(problem, Status.OPTIMAL, potentials, certificate, found.cost, stats)


def _potential(problem: OTProblem, certificate: Certificate) -> FloatArray:
    return quantile_potential(problem, *certificate.coupling[:2])
