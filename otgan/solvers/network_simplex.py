"""The network simplex on the dense cost matrix, as POT implements it."""

from __future__ import annotations

import math
import warnings

import numpy as np

from otgan.costs import check_memory
from otgan.problem import OTProblem
from otgan.solvers.raw import RawSolution

#: Bytes per pair that POT's dense solver and the arrays around it hold at their peak, measured on n = 2,000 to 6,000.
BYTES_PER_PAIR = 48


def solve_simplex(problem: OTProblem, *, max_iter: int, max_memory: float) -> RawSolution:
    """Solve the transport problem exactly, up to rounding.

    Only points with mass take part, and costs are scaled by a power of two, since the solver's tolerances are
    absolute. Memory is proportional to n·m.

    Args:
        problem: The problem.
        max_iter: Number of pivots after which the solver stops.
        max_memory: Bytes.

    Raises:
        MemoryLimitError: If the dense matrices would not fit.

    Source: Bonneel, van de Panne, Paris, Heidrich (2011), Displacement interpolation using Lagrangian mass
    transport; Flamary et al. (2021), POT: Python Optimal Transport, JMLR 22.
    """
    masses = problem.masses
    rows, columns = np.flatnonzero(masses.a > 0), np.flatnonzero(masses.b > 0)
    check_memory(BYTES_PER_PAIR * len(rows) * len(columns), max_memory, "the network simplex on the dense cost matrix")
    import ot.lp  # takes seconds where many array libraries are installed, so only when it is needed

    costs = problem.costs.block(rows, columns)
    exponent = math.frexp(costs.max())[1] if costs.max() else 0
    scaled = np.ldexp(costs, -exponent)
    a, b = problem.a[rows], problem.b[columns]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a stop at max_iter is told by the status, with its bracket
        plan, log = ot.lp.emd(
            a / a.sum(), b / b.sum(), scaled, numItermax=max_iter, log=True, center_dual=False, check_marginals=False
        )
    at_row, at_column = np.nonzero(plan)
    n, m = problem.shape
    f, g = np.full(n, -np.inf), np.full(m, -np.inf)
    f[rows], g[columns] = np.ldexp(log["u"], exponent), np.ldexp(log["v"], exponent)
    return RawSolution(rows[at_row], columns[at_column], plan[at_row, at_column], f, g, finished=log["warning"] is None)
