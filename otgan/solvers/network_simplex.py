"""The network simplex on the dense cost matrix, as POT implements it."""

from __future__ import annotations

import math
import warnings

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from otgan.checks import FloatArray
from otgan.costs import check_memory
from otgan.problem import OTProblem
from otgan.solution import Status
from otgan.solvers.raw import RawSolution

#: Reduced costs below this share of the largest cost are rounding: the arc is tight.
TIGHT = 1e-11
#: Bytes per pair that POT's dense solver and the arrays around it hold at their peak, measured
#: on n = 1,000 to 4,000.
BYTES_PER_PAIR = 52


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
    finished = log["warning"] is None
    u, v = np.ldexp(log["u"], exponent), np.ldexp(log["v"], exponent)
    if finished:
        u, v = _along_tight_arcs(costs, plan, u, v)
    at_row, at_column = np.nonzero(plan)
    f = np.full(problem.shape[0], -np.inf)
    f[rows] = u
    status = Status.OPTIMAL if finished else Status.ITERATION_LIMIT
    return RawSolution(rows[at_row], columns[at_column], plan[at_row, at_column], f, status, "network-simplex")


def _along_tight_arcs(
    costs: FloatArray, plan: FloatArray, u: FloatArray, v: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Sum the potentials anew along a tree of tight arcs.

    The simplex updates its potentials at every pivot and gathers a rounding error each time; from the final basis
    they come out hundreds of times more accurate. The basis is not handed out, but its arcs are tight, so a spanning
    tree of tight arcs, those of the plan first, does as well. Potentials that leave none are returned as they are.
    """
    n = len(u)
    reduced = abs(costs - u[:, None] - v)
    at_row, at_column = np.nonzero((reduced <= TIGHT * costs.max()) | (plan > 0))
    # The graph routines take a weight of 0 for a missing arc.
    weight = np.where(plan[at_row, at_column] > 0, 0.0, reduced[at_row, at_column]) + np.finfo(float).tiny
    graph = coo_array((weight, (at_row, at_column + n)), shape=(n + len(v),) * 2)
    order, parents = breadth_first_order(minimum_spanning_tree(graph), 0, directed=False)
    if len(order) < n + len(v):
        return u, v
    potential = [0.0] * (n + len(v))
    potential[0] = float(u[0])
    nodes, above = order[1:], parents[order[1:]]
    arcs = costs[np.minimum(nodes, above), np.maximum(nodes, above) - n]
    for node, parent, cost in zip(nodes.tolist(), above.tolist(), arcs.tolist(), strict=True):
        potential[node] = cost - potential[parent]
    return np.array(potential[:n]), np.array(potential[n:])
