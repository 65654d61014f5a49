"""Optimal transport on the real line: sort both sides and couple the quantiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.costs import Costs, need_points
from otgan.coupling import Arcs
from otgan.dual import line
from otgan.problem import OTProblem
from otgan.solution import Status
from otgan.solvers.raw import RawSolution


def solve_line(problem: OTProblem) -> RawSolution:
    """Couple the quantiles, which is optimal for every convex cost of the difference.

    Time O(N log N) and memory O(N), N = n + m.

    Args:
        problem: A problem whose points lie on the line.

    Source: Santambrogio (2015), Optimal Transport for Applied Mathematicians, Thm 2.9 and Prop. 2.17.
    """
    rows, columns, flow = quantile_arcs(problem)
    f = quantile_potential(problem, rows, columns)
    return RawSolution(rows, columns, problem.masses.floats(flow), f, Status.OPTIMAL, "univariate")


def quantile_arcs(problem: OTProblem) -> Arcs:
    """The coupling of the quantiles, with exactly the right marginals: at most n + m − 1 arcs, sorted by place."""
    costs = need_points(problem.costs, "coupling quantiles")
    masses = problem.masses
    by_x, by_y = (np.argsort(points[:, 0], kind="stable") for points in (costs.x, costs.y))
    # Between two neighbouring levels of either distribution function all mass goes from one point to one other.
    above_x, above_y = np.cumsum(masses.a[by_x]), np.cumsum(masses.b[by_y])
    levels = np.unique(np.concatenate([above_x, above_y]))
    levels = levels[levels > 0]
    return (
        by_x[np.searchsorted(above_x, levels)],
        by_y[np.searchsorted(above_y, levels)],
        np.diff(levels, prepend=0),
    )


def quantile_potential(problem: OTProblem, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> FloatArray:
    """An optimal potential at the source points, (n,), up to rounding; −∞ at points that have none yet.

    For p = 1 it follows the sign of F − G; for p > 1 it is summed along the arcs, each of which is tight.
    """
    costs = need_points(problem.costs, "potentials of the line")
    if costs.p == 1:
        return line.optimal_potential(costs.x[:, 0], costs.y[:, 0], problem.masses)[0]
    return _staircase_potential(costs, rows, columns)


def _staircase_potential(costs: Costs, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> FloatArray:
    """With some g, f_i + g_j = c_ij along the arcs; where both ends change at once, a further arc joins the steps.

    Points without mass stay at −∞: they restrict nothing, and a c-transform gives them their value.
    """
    new_row = np.diff(rows) != 0
    joining = costs.at(rows[1:], columns[:-1])  # or one of the two arcs themselves
    rise = np.where(new_row, joining - costs.at(rows[:-1], columns[:-1]), 0.0)
    f = np.full(costs.shape[0], -np.inf)
    f[rows] = np.concatenate([[0.0], np.cumsum(rise)])
    return f
