r"""W_2 from the uniform law on a rectangle to atoms: the power diagram whose cells have the right areas.

The semi-dual's gradient is b less the share of area in each cell, and its Hessian is known from the edges: raising g_j
moves the edge to cell i by 1 / (2 ‖y_j − y_i‖). Newton's method, damped so that no cell ever empties, converges from
any start without empty cells (Kitagawa, Mérigot and Thibert 2019, Convergence of a Newton algorithm for semi-discrete
optimal transport).

Cells depend on the atoms y and on g only through z ↦ −2⟨z, y⟩ + ‖y‖² − g, up to a factor and what is the same for all
atoms. So they are as well the cells of copies s (y − t), with other weights. The copies are put in the middle of the
rectangle: there the cells of the nearest copy are a start without empty ones, and rounding is that of numbers near 1,
however far away and wide apart the atoms are.

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
from scipy.spatial import cKDTree

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
#: Share of the rectangle that the copies of the atoms span, along the side where they span most.
INSIDE = 0.9
KIND = "up to rounding"


@dataclass(frozen=True)
class PlaneSolution:
    """Cells of the right areas.

    Attributes:
        g: Potential at the atoms, (k,), in units of length², of weighted mean 0.
        cells: Corners of the cells, counter-clockwise.
        centroids: Centroids of the cells, (k, 2).
        masses: Their shares of the rectangle's area, (k,).
        cost: Interval of W_2².
        dual_cost: Value of the semi-dual.
        status: OPTIMAL where Newton came to its end, or what stopped it.
    """

    g: FloatArray
    cells: tuple[FloatArray, ...]
    centroids: FloatArray
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
    span = float((np.ptp(sites, axis=0) / (2 * half)).max())
    scale = INSIDE / span if span > 0 else 1.0
    copies = scale * (sites - (sites.min(axis=0) + sites.max(axis=0)) / 2)
    w = np.zeros(len(b))
    diagram = power_diagram(polygon, copies, w)
    q = diagram.areas / whole
    least = min(q.min(), b.min()) / 2
    if not least > 0 or len(np.unique(copies, axis=0)) < len(b):
        raise InvalidValueError(
            "y",
            "be points that float64 can tell apart beside their spread",
            f"a smallest distance of {_smallest_distance(atoms):.3g} and a spread of {np.ptp(atoms, axis=0).max():.3g}",
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
        way = _newton(diagram, copies, whole, b - q)
        for halved in range(HALVINGS):
            share = 0.5**halved
            cut = power_diagram(polygon, copies, w + share * way)
            masses = cut.areas / whole
            if masses.min() >= least and abs(masses - b).sum() <= (1 - share / 2) * error:
                break
        else:
            break  # rounding: no step gains any more
        w, diagram, q = w + share * way, cut, masses
    g = (sites**2).sum(axis=1) - ((copies**2).sum(axis=1) - w) / scale
    g = g - b @ g
    farthest = float(((abs(sites) + half) ** 2).sum(axis=1).max())
    # From integrals about the copies to those about the centroids, and on to those about the atoms (Steiner).
    about = diagram.spreads - diagram.areas * ((diagram.centroids - copies) ** 2).sum(axis=1)
    own = float((about + diagram.areas * ((diagram.centroids - sites) ** 2).sum(axis=1)).sum()) / whole
    dual = own - float((q - b) @ g)
    primal = own + 0.5 * float(abs(q - b).sum()) * farthest
    widened = (ROUNDING + abs(float(q.sum()) - 1)) * farthest  # cells that overlap or gape show in their sum
    square = unit * unit
    cost = Interval(max(0.0, dual - widened) * square, (max(primal, dual) + widened) * square, KIND)
    cells = tuple(diagram.cell(j) * unit + centre for j in range(len(b)))
    return PlaneSolution(g * square, cells, diagram.centroids * unit + centre, q, cost, dual * square, status)


def _smallest_distance(atoms: FloatArray) -> float:
    return float(cKDTree(atoms).query(atoms, k=2)[0][:, 1].min())


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
