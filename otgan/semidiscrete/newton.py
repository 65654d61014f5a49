r"""W_2 from the uniform law on a rectangle to atoms: the power diagram whose cells have the right areas.

The semi-dual's gradient is b less the share of area in each cell, and its Hessian is known from the edges: raising g_j
moves the edge to cell i by 1 / (2 ‖y_j − y_i‖). Newton's method, damped so that no cell ever empties, converges from
any start without empty cells (Kitagawa, Mérigot and Thibert 2019, Convergence of a Newton algorithm for semi-discrete
optimal transport).

The bracket. The semi-dual at any g is at most W_2², and where g cuts off shares q instead of b, the plan that leaves
min(q, b) in its cells and moves the rest anywhere costs at most the cells' own cost plus ½ ‖q − b‖₁ times the largest
cost from the rectangle to an atom. Both are sums over polygons; that they hold in spite of rounding is allowed for, and
not proven.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array
from scipy.sparse.linalg import spsolve

from otgan.checks import FloatArray
from otgan.errors import InvalidValueError
from otgan.interval import Interval
from otgan.semidiscrete.diagram import OUTSIDE, PowerDiagram, power_diagram
from otgan.solution import Status

#: Share of the largest cost by which the bracket is widened for rounding: areas and integrals are sums of some ten
#: corners a cell, good to some 1e-15 of that each; a thousand times as much.
ROUNDING = 1e-12
#: L1 distance of areas from weights at which Newton has nothing left to gain: rounding of the areas.
ENOUGH = 1e-14
#: How often a Newton step is halved before it counts as lost to rounding.
HALVINGS = 40
#: Share of the way from the centre to the rectangle's sides into which the start squeezes the atoms.
INSIDE = 0.9
KIND = "up to rounding"


@dataclass(frozen=True)
class PlaneSolution:
    """Cells of the right areas.

    Attributes:
        g: Potential at the atoms, (k,), in units of length², of weighted mean 0.
        diagram: Its cells.
        masses: Their shares of the rectangle's area, (k,).
        cost: Interval of W_2².
        dual_cost: Value of the semi-dual.
        status: OPTIMAL where Newton came to its end, or what stopped it.
    """

    g: FloatArray
    diagram: PowerDiagram
    masses: FloatArray
    cost: Interval
    dual_cost: float
    status: Status


def solve_plane(
    low: FloatArray,
    high: FloatArray,
    atoms: FloatArray,
    b: FloatArray,
    *,
    max_iter: int,
    deadline: float,
    interrupted: Callable[[], bool],
) -> PlaneSolution:
    """Solve for the potential whose cells have the masses of the atoms.

    Args:
        low: Lower corner of the rectangle, (2,).
        high: Upper corner, (2,).
        atoms: Atoms, (k, 2), no two the same.
        b: Their masses, (k,), positive, summing to one.
        max_iter: Newton steps.
        deadline: Time by `time.perf_counter` at which to stop.
        interrupted: Says whether to stop.

    Raises:
        InvalidValueError: If atoms are so near to each other that their cells cannot be told apart in float64.
    """
    centre, unit = (low + high) / 2, float((high - low).max())
    half = (high - low) / (2 * unit)  # about the centre and in units of the longer side from here on
    polygon = half * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    sites, whole = (atoms - centre) / unit, float(4 * half[0] * half[1])
    g = _start(half, sites)
    diagram = power_diagram(polygon, sites, g)
    q = diagram.areas / whole
    least = min(q.min(), b.min()) / 2
    if not least > 0:
        raise InvalidValueError(
            "y",
            "be points whose cells float64 can tell apart",
            f"a cell of area {diagram.areas.min():g} at the start",
            "merge points that are nearly the same, or take method='stochastic'",
        )
    status = Status.OPTIMAL
    for step in range(max_iter + 1):
        error = abs(q - b).sum()
        if error <= ENOUGH * len(b):
            break
        if step == max_iter:
            status = Status.ITERATION_LIMIT
            break
        if interrupted():
            status = Status.INTERRUPTED
            break
        if time.perf_counter() > deadline:
            status = Status.RESOURCE_LIMIT
            break
        way = _newton(diagram, sites, whole, b - q)
        for halved in range(HALVINGS):
            share = 0.5**halved
            cut = power_diagram(polygon, sites, g + share * way)
            masses = cut.areas / whole
            if masses.min() >= least and abs(masses - b).sum() <= (1 - share / 2) * error:
                break
        else:
            break  # rounding: no step gains any more
        g, diagram, q = g + share * way, cut, masses
    farthest = float(((abs(sites) + half) ** 2).sum(axis=1).max())
    own = float(diagram.spreads.sum()) / whole
    g = g - b @ g
    dual = own - float(q @ g)
    primal = own + 0.5 * float(abs(q - b).sum()) * farthest
    widened = ROUNDING * farthest
    # Back to the units that were given; about the centre, so that nothing cancels there.
    square = unit * unit
    cost = Interval(max(0.0, dual - widened) * square, (max(primal, dual) + widened) * square, KIND)
    return PlaneSolution(g * square, _placed(diagram, centre, unit), q, cost, dual * square, status)


def _start(half: FloatArray, sites: FloatArray) -> FloatArray:
    """A potential whose cells are those of the nearest point for copies of the sites inside the rectangle.

    With y' = s y + t, ‖z − y'‖² is 2 s ⟨z, −y⟩ + ‖y'‖² up to what is the same for all sites; hence
    g = ‖y‖² − ‖y'‖² / s gives the cells of y'. Each of them holds y', and so is not empty.
    """
    low, high = sites.min(axis=0), sites.max(axis=0)
    spread = float(((high - low) / (2 * half)).max())
    shrink = min(1.0, INSIDE / spread) if spread > 0 else 1.0
    middle = (low + high) / 2
    reach = half - shrink * (high - low) / 2  # how far the middle may be moved from the centre
    copies = shrink * (sites - middle) + np.clip(middle, -reach * INSIDE, reach * INSIDE)
    return np.asarray((sites**2).sum(axis=1) - (copies**2).sum(axis=1) / shrink)


def _newton(diagram: PowerDiagram, sites: FloatArray, whole: float, missing: FloatArray) -> FloatArray:
    """The step that would make up for the missing masses if cells changed linearly; 0 at the last site."""
    k = len(sites)
    counts = np.diff(diagram.starts)
    of = np.repeat(np.arange(k), counts)
    following = np.arange(1, len(of) + 1)
    following[diagram.starts[1:][counts > 0] - 1] = diagram.starts[:-1][counts > 0]
    lengths = np.hypot(*(diagram.corners[following] - diagram.corners).T)
    inner = diagram.neighbours != OUTSIDE
    here, there = of[inner], diagram.neighbours[inner]
    flow = lengths[inner] / (2 * np.hypot(*(sites[here] - sites[there]).T) * whole)
    off = csc_array((-flow, (here, there)), shape=(k, k))
    symmetric = (off + off.T) / 2  # an edge is seen from both sides, with two roundings
    matrix = symmetric + csc_array((-symmetric.sum(axis=1), (np.arange(k), np.arange(k))), shape=(k, k))
    way = np.zeros(k)
    way[:-1] = spsolve(matrix[:-1, :-1].tocsc(), missing[:-1])
    return way


def _placed(diagram: PowerDiagram, centre: FloatArray, unit: float) -> PowerDiagram:
    """The diagram in the units and at the place that were given."""
    return PowerDiagram(
        diagram.areas * unit**2,
        diagram.spreads * unit**4,
        diagram.centroids * unit + centre,
        diagram.starts,
        diagram.corners * unit + centre,
        diagram.neighbours,
    )
