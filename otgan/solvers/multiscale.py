r"""Exact transport between points without a cost matrix: from cells to points, pricing all pairs, storing few.

Both samples are cut into cells by halving boxes. The problem between the centres of few cells is solved first; its
basis becomes one between four times as many cells (`refine`), and so on down to the points. At each level the network
simplex (`spanning_tree`) sees a few candidate arcs a node, at first those that are best for the potentials of the level
above, c-transformed. At the level of points all pairs are then priced by a search in a tree of boxes (`otgan.search`),
those with negative reduced cost join the candidates, and the simplex goes on from the basis that it has, until no pair
has a negative reduced cost: then the basis is optimal among all pairs.

Sources: Glimm and Henscheid (2013), Iterative scheme for solving optimal transportation problems arising in reflector
design; Schmitzer (2016), A sparse multiscale algorithm for dense optimal transport, Journal of Mathematical Imaging and
Vision 56; Gottschlich and Schuhmacher (2014), The shortlist method for fast computation of the Earth Mover's Distance,
PLOS ONE 9. The nested north-west corner rule that carries the basis over, and pricing instead of shielding
neighbourhoods, are ours.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.costs import PointCosts, check_memory, need_points
from otgan.exact import Masses
from otgan.problem import OTProblem
from otgan.progress import Show
from otgan.search import PointTree, boxes
from otgan.solution import Status
from otgan.solvers.raw import RawSolution
from otgan.solvers.refine import refine
from otgan.solvers.spanning_tree import Tree, pivots, strongly_feasible, tree_of_edges

#: Each level has this power of two as many cells as the one above: 4 times.
STEP = 2
#: Candidate arcs to begin a level with, for each row and for each column.
BEST = 10
#: Arcs with negative reduced cost that pricing gives at most, for each row.
PRICED = 10
#: Pairs up to which all of them are candidates.
ALL_PAIRS = 4096
#: Rounds of pricing on the levels above the points: their optimum is only the start of the next level.
COARSE_ROUNDS = 4
#: Threshold of reduced costs on those levels, as a share of the scale of costs over the square root of their cells.
COARSE = 1e-4
#: Thresholds on the level of points, as shares of the scale of costs. Heights are rounded to about 1e-16 of it, and
#: are summed anew at least every `RENEW` · N pivots.
FINE = (1e-12, 1e-14, 1e-15)
#: Pivots, as a share of the nodes, after which places are put into preorder and heights are summed anew.
RENEW = 0.25
#: Pivots between two looks at the clock.
PIVOTS = 4000
#: Bytes a node and a candidate arc take at their peak, measured at 10^5 points a side.
BYTES_PER_NODE, BYTES_PER_ARC = 1000, 64
#: Largest total of masses that are carried exactly; larger ones are rounded to it.
TOTAL = 2**61


@dataclass(frozen=True)
class Limits:
    """Where a solve may stop before its end.

    Attributes:
        tol: Relative gap that is asked for.
        max_iter: Number of pivots.
        deadline: Time by `time.perf_counter`.
        max_memory: Bytes.
    """

    tol: float
    max_iter: int
    deadline: float
    max_memory: float


class _Stop(Exception):  # noqa: N818: it is no error
    def __init__(self, status: Status) -> None:
        self.status = status


@dataclass(frozen=True, eq=False)
class _Level:
    """One level: cells, or points, on both sides.

    Attributes:
        costs: Costs between the centres of cells.
        mass: Mass of each source and then each target cell, (N,), integers.
        first_x: Number of the first point of each source cell, and the end, (n + 1,).
        first_y: The same for targets.
    """

    costs: PointCosts
    mass: NDArray[np.int64]
    first_x: NDArray[np.int64]
    first_y: NDArray[np.int64]

    @property
    def places(self) -> FloatArray:
        return np.concatenate([self.costs.x, self.costs.y])


def solve_multiscale(problem: OTProblem, limits: Limits, show: Show = lambda text: None) -> RawSolution:
    """Solve the transport problem between points exactly, up to rounding, in memory proportional to n + m.

    Args:
        problem: The problem; its costs are between points.
        limits: Where to stop. A solution is returned all the same.
        show: Is told now and then how far it is.

    Raises:
        MemoryLimitError: If not even the smallest number of arcs fits.
    """
    masses = problem.masses
    rows, columns = np.flatnonzero(masses.a > 0), np.flatnonzero(masses.b > 0)
    n, m = len(rows), len(columns)
    smallest = (n + m) * (BYTES_PER_NODE + 2 * BEST * BYTES_PER_ARC)
    check_memory(smallest, limits.max_memory, "the multiscale solver")
    costs = need_points(problem.costs, "the multiscale solver")
    run = _Run(limits, show, most_arcs=int((limits.max_memory - (n + m) * BYTES_PER_NODE) // BYTES_PER_ARC))
    mass_a, mass_b = _int64_masses(Masses(masses.a[rows], masses.b[columns], masses.total))
    order_x, order_y, levels = _levels(costs.x[rows], costs.y[columns], mass_a, mass_b, costs)
    rows, columns = rows[order_x], columns[order_y]
    f = run.descend(levels)
    tails, heads, flow = run.tree.arcs()
    used = flow > 0
    potential = np.full(problem.shape[0], -np.inf)
    potential[rows] = f
    return RawSolution(
        rows[tails[used]],
        columns[heads[used] - n],
        flow[used] / mass_a.sum(),
        potential,
        np.zeros(problem.shape[1]),
        run.status,
    )


def _int64_masses(masses: Masses) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positive masses as int64 with the same sum: exact below `TOTAL`, else to one part in it."""
    total = int(masses.a.sum())
    if total <= TOTAL:
        return masses.a.astype(np.int64), masses.b.astype(np.int64)
    sides = []
    for side in (masses.a, masses.b):
        rounded = np.array([max(1, int(mass) * TOTAL // total) for mass in side], dtype=np.int64)
        rounded[np.argmax(rounded)] += TOTAL - rounded.sum()
        sides.append(rounded)
    return sides[0], sides[1]


def _levels(
    x: FloatArray, y: FloatArray, a: NDArray[np.int64], b: NDArray[np.int64], costs: PointCosts
) -> tuple[NDArray[np.intp], NDArray[np.intp], list[_Level]]:
    """Orders in which all cells are ranges, and the levels, from one cell a side down to the points."""
    sides, orders, most = [], [], 0
    for points, mass in ((x, a), (y, b)):
        depth = len(points).bit_length() - 1
        order, ranges, _, _ = boxes(points, depth)
        orders.append(order)
        sides.append((points[order], mass[order], ranges, depth))
        most = max(most, depth)
    levels = []
    for height in [*range(0, most, STEP), most + 1]:
        centres, masses, firsts = [], [], []
        for points, mass, ranges, depth in sides:
            if height > depth:
                first = np.arange(len(points) + 1)
            else:
                first = np.append(ranges[1 << height : 2 << height, 0], len(points))
            share = mass / mass.sum()
            weight = np.add.reduceat(share, first[:-1])
            centre = np.add.reduceat(points * share[:, None], first[:-1], axis=0) / weight[:, None]
            centres.append(points if height > depth else centre)
            masses.append(np.add.reduceat(mass, first[:-1]))
            firsts.append(first)
        between = replace(costs, x=centres[0], y=centres[1])
        levels.append(_Level(between, np.concatenate(masses), firsts[0], firsts[1]))
    return orders[0], orders[1], levels


class _Run:
    """The state of a solve: a basis, and the best potential so far."""

    def __init__(self, limits: Limits, show: Show, *, most_arcs: int) -> None:
        self.limits, self.show, self.most_arcs = limits, show, most_arcs
        self.status = Status.OPTIMAL
        self.left = limits.max_iter
        self.dual, self.f = -np.inf, np.empty(0)
        self.tree: Tree
        # Only the order of degenerate pivots depends on it.
        self.rng = np.random.default_rng(0)

    def descend(self, levels: list[_Level]) -> FloatArray:
        """From the coarsest level to the points; returns the best potential at the sources found, (n,)."""
        top = levels[0]
        self.tree = tree_of_edges(np.array([0]), np.array([1]), top.mass[:1].copy(), sources=1, root=1)
        self._renew(top)
        for above, level in pairwise(levels):
            last = level is levels[-1]
            guess = self._guess(above, level)
            self._refine(above, level)
            arcs = self._first_arcs(level, guess, last=last)
            if self.status is Status.OPTIMAL:
                try:
                    self._improve(level, arcs, last=last)
                except _Stop as stop:
                    self.status = stop.status
                except KeyboardInterrupt:
                    self.status = Status.INTERRUPTED
        return self.f

    def _refine(self, above: _Level, level: _Level) -> None:
        n = level.costs.shape[0]
        first = np.concatenate(
            [np.searchsorted(level.first_x, above.first_x[:-1]), n + np.searchsorted(level.first_y, above.first_y)]
        )
        old_root = int(self.tree.node[self.tree.root])
        root = int(first[old_root + 1]) - 1
        while True:
            tilt = self.rng.integers(1, 2**31, len(level.mass))
            edges = refine(self.tree, above.costs.shape[0], above.places, first, level.places, level.mass, tilt, root)
            tree = tree_of_edges(*edges, sources=n, root=root)
            if strongly_feasible(tree):  # always, but for ties among random numbers
                break
        self.tree = tree
        self._renew(level)

    def _guess(self, above: _Level, level: _Level) -> FloatArray:
        """Heights of the targets of a level, c-transformed from the sources of the level above."""
        sources = above.costs.shape[0]
        costs = replace(level.costs, x=above.costs.x)
        sums, _ = PointTree(costs.scaled[0], costs).search(costs.scaled[1], -self.tree.heights()[:sources])
        return np.asarray(-sums[:, 0])

    def _first_arcs(self, level: _Level, guess: FloatArray, *, last: bool) -> _Arcs:
        n, m = level.costs.shape
        if n * m <= ALL_PAIRS and not last:
            return _Arcs.of(level.costs, *np.divmod(np.arange(n * m), m))
        x, y, _ = level.costs.scaled
        best, columns = PointTree(y, level.costs).search(x, guess, BEST)
        if last:
            self._note(level, best[:, 0], guess)
        _, rows = PointTree(x, level.costs).search(y, -best[:, 0], BEST)
        pairs = np.concatenate(
            [(np.arange(n)[:, None] * m + columns).ravel(), (rows * m + np.arange(m)[:, None]).ravel()]
        )
        return _Arcs.of(level.costs, *np.divmod(np.unique(pairs), m))

    def _improve(self, level: _Level, arcs: _Arcs, *, last: bool) -> None:
        """Pivot and price in turn."""
        n, m = level.costs.shape
        x, y, _ = level.costs.scaled
        targets = PointTree(y, level.costs)
        scale = level.costs.scale
        thresholds = iter(FINE if last else (COARSE / np.sqrt(max(n, m)),))
        threshold = next(thresholds) * scale
        rounds = 0
        while True:
            # No violation above the threshold adds more than the threshold to the gap.
            self._pivot(level, arcs, max(threshold, self.limits.tol * self._primal(level) / 4))
            rounds += 1
            if not last and (n * m <= ALL_PAIRS or rounds >= COARSE_ROUNDS):
                return
            heights = self.tree.heights()
            f, h = heights[:n], heights[n:]
            sums, at = targets.search(x, h, PRICED, below=f)
            if last:
                primal = self._primal(level)
                self._note(level, np.minimum(f, sums[:, 0]), h)
                gap = (primal - self.dual) / primal if primal > 0 else 0.0
                self.show(f"relative gap {gap:.1e}")
                if gap <= self.limits.tol / 2:
                    return
            bad = (at >= 0) & (sums < f[:, None] - threshold)
            while last and not bad.any():
                threshold = next(thresholds, 0.0) * scale
                if threshold == 0:
                    return
                bad = (at >= 0) & (sums < f[:, None] - threshold)
            if not bad.any():
                return
            which, rank = np.nonzero(bad)
            arcs = arcs.joined(_Arcs.of(level.costs, which, at[which, rank]))

    def _pivot(self, level: _Level, arcs: _Arcs, threshold: float) -> None:
        """Pivot on candidates until none is left, looking at the limits now and then."""
        n = level.costs.shape[0]
        at, since = 0, 0
        tails, heads = self.tree.place[arcs.rows], self.tree.place[n + arcs.columns]
        while True:
            most = min(PIVOTS, self.left)
            tree = self.tree
            done, at = pivots(tree.links, tree.flow, tree.height, tails, heads, arcs.costs, threshold, at, most)
            self.left -= done
            since += done
            if done < most or since > RENEW * len(tree.node):
                self._renew(level)
                tails, heads, since = self.tree.place[arcs.rows], self.tree.place[n + arcs.columns], 0
            if done < most:
                return
            if self.left <= 0:
                raise _Stop(Status.ITERATION_LIMIT)
            if time.perf_counter() > self.limits.deadline:
                raise _Stop(Status.RESOURCE_LIMIT)

    def _renew(self, level: _Level) -> None:
        tree = self.tree.in_preorder()
        rows, nodes, _ = tree.arcs()
        tree.climb(level.costs.at(rows, nodes - level.costs.shape[0]))
        self.tree = tree

    def _primal(self, level: _Level) -> float:
        """Cost of the flow: by complementary slackness, that of the potentials."""
        signed = level.mass / level.mass[: level.costs.shape[0]].sum()
        signed[level.costs.shape[0] :] *= -1
        return float(signed @ self.tree.heights())

    def _note(self, level: _Level, f: FloatArray, h: FloatArray) -> None:
        """Keep a feasible potential if it proves more than the best one so far."""
        n = level.costs.shape[0]
        share = level.mass / level.mass[:n].sum()
        dual = float(share[:n] @ f - share[n:] @ h)
        if dual > self.dual:
            self.dual, self.f = dual, f


@dataclass(frozen=True, eq=False)
class _Arcs:
    """Candidate arcs: source cell, target cell and cost, (k,) each."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    costs: FloatArray

    @classmethod
    def of(cls, costs: PointCosts, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> _Arcs:
        return cls(rows.astype(np.int32), columns.astype(np.int32), costs.at(rows, columns))

    def joined(self, other: _Arcs) -> _Arcs:
        return _Arcs(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.columns, other.columns]),
            np.concatenate([self.costs, other.costs]),
        )
