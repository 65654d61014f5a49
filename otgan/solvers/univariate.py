"""Optimal transport on the real line: sort both sides and couple the quantiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.costs import Costs, need_points
from otgan.dual import line
from otgan.problem import OTProblem
from otgan.solution import Status
from otgan.solvers.raw import RawSolution


def solve_line(problem: OTProblem) -> RawSolution:
    """Couple the quantiles, which is optimal for every convex cost of the difference.

    Time O(N log N) and memory O(N), N = n + m. The plan has at most n + m − 1 arcs. For p = 1 the potential follows
    the sign of F − G; for p > 1 both potentials are summed along the staircase of arcs, each of which is tight.

    Args:
        problem: A problem whose points lie on the line.

    Source: Santambrogio (2015), Optimal Transport for Applied Mathematicians, Thm 2.9 and Prop. 2.17.
    """
    costs = need_points(problem.costs, "coupling quantiles")
    x, y = costs.x[:, 0], costs.y[:, 0]
    masses = problem.masses
    by_x, by_y = np.argsort(x, kind="stable"), np.argsort(y, kind="stable")
    # Between two neighbouring levels of either distribution function all mass goes from one point to one other.
    above_x, above_y = np.cumsum(masses.a[by_x]), np.cumsum(masses.b[by_y])
    levels = np.unique(np.concatenate([above_x, above_y]))
    levels = levels[levels > 0]
    rows = by_x[np.searchsorted(above_x, levels)]
    columns = by_y[np.searchsorted(above_y, levels)]
    mass = masses.floats(np.diff(levels, prepend=0))
    if costs.p == 1:
        f, _ = line.optimal_potential(x, y, masses)
    else:
        f, _ = _staircase_potentials(costs, rows, columns)
    return RawSolution(rows, columns, mass, f, Status.OPTIMAL, "univariate")


def _staircase_potentials(
    costs: Costs, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> tuple[FloatArray, FloatArray]:
    """f_i + g_j = c_ij along the arcs; where both ends change at once, an arc without flow joins the steps.

    Points without mass stay at −∞: they restrict nothing, and a c-transform gives them their value.
    """
    new_row, new_column = np.diff(rows) != 0, np.diff(columns) != 0
    corner = costs.at(rows[1:], columns[:-1])  # the joining arc, or one of the two arcs themselves
    rise_f = np.where(new_row, corner - costs.at(rows[:-1], columns[:-1]), 0.0)
    rise_g = np.where(new_column, costs.at(rows[1:], columns[1:]) - corner, 0.0)
    f, g = np.full(costs.shape[0], -np.inf), np.full(costs.shape[1], -np.inf)
    f[rows] = np.concatenate([[0.0], np.cumsum(rise_f)])
    g[columns] = costs.at(rows[:1], columns[:1])[0] + np.concatenate([[0.0], np.cumsum(rise_g)])
    return f, g
