r"""Exact transport between points without a cost matrix: from cells to points, pricing all pairs, storing few.

Both samples are cut into cells by halving boxes. The problem between the centres of few cells is solved first; its
basis becomes one between four times as many cells (`refine`), and so on down to the points. At each level the network
simplex (`spanning_tree`) sees a few candidate arcs a node, at first those that are best for the potentials of the level
above, c-transformed. At the level of points all pairs are then priced by a search in a tree of boxes (`otgan.search`),
those with negative reduced cost join the candidates, and the simplex goes on from the basis that it has, until no pair
has a negative reduced cost: then the basis is optimal among all pairs.

Sources: Schmitzer (2016), A Sparse Multiscale Algorithm for Dense Optimal Transport, for levels and sparse problems;
Gottschlich and Schuhmacher (2014), The Shortlist Method, for few candidates a node. The nested north-west corner rule
that carries the basis over, and pricing all pairs instead of shielding neighbourhoods, are ours.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.costs import PointCosts, check_memory, coordinate_bytes, need_points
from otgan.masses import Masses, whole_masses
from otgan.problem import OTProblem
from otgan.progress import Show
from otgan.search import PointTree, boxes
from otgan.solution import Status
from otgan.solvers.limits import PIVOTS, Limits, StopHere
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
#: Seconds that the certificate takes, as a multiple of one search for the best arcs of all rows.
PROOF = 5
#: Bytes that a node and a candidate arc take at their peak, measured at 10^5 points a side; coordinates come on top.
BYTES_PER_NODE, BYTES_PER_ARC = 1000, 64


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
    costs = need_points(problem.costs, "the multiscale solver")
    fixed = (n + m) * BYTES_PER_NODE + coordinate_bytes(costs)
    check_memory(fixed + (n + m) * 2 * BEST * BYTES_PER_ARC, limits.max_memory, "the multiscale solver")
    run = _Run(limits, show, most_arcs=int((limits.max_memory - fixed) // BYTES_PER_ARC))
    mass_a, mass_b = whole_masses(Masses(masses.a[rows], masses.b[columns], masses.total))
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
        run.status,
        "multiscale",
    )


def _levels(
    x: FloatArray, y: FloatArray, a: NDArray[np.int64], b: NDArray[np.int64], costs: PointCosts
) -> tuple[NDArray[np.intp], NDArray[np.intp], list[_Level]]:
    """Orders in which all cells are ranges, and the levels, from one cell a side down to the points."""
    sides, orders, most = [], [], 0
    for points, mass in ((x, a), (y, b)):
        depth = len(points).bit_length() - 1
        order, ranges, _, _ = boxes(points, depth, False)
        orders.append(order)
        sides.append((points[order], mass[order], ranges, depth))
        most = max(most, depth)
    levels = []
    for height in [*range(0, max(1, most), STEP), most + 1]:
        centres, masses, firsts = [], [], []
        for points, mass, ranges, depth in sides:
            if height > depth:
                first = np.arange(len(points) + 1)
            else:
                first = np.append(ranges[1 << height : 2 << height, 0], len(points))
            share = mass / mass.sum()
            weight = np.add.reduceat(share, first[:-1])
            centre = np.add.reduceat(points * share[:, None], first[:-1], axis=0) / weight[:, None]
            centre = np.clip(centre, points.min(axis=0), points.max(axis=0))  # a mean may round out of the domain
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
        self.dropped_at = np.inf
        #: Seconds to leave for the certificate.
        self.reserve = 0.0
        self.tree: Tree
        # Only the order of degenerate pivots depends on it.
        self.rng = np.random.default_rng(0)

    def descend(self, levels: list[_Level]) -> FloatArray:
        """From the coarsest level to the points; returns the best potential at the sources found, (n,)."""
        top = levels[0]
        self.tree = tree_of_edges(np.array([0]), np.array([1]), top.mass[:1].copy(), sources=1, root=1)
        self._renew(top)
        for above, level in pairwise(levels):
            guess = self._guess(above, level)
            self._refine(above, level)
            if self.status is Status.OPTIMAL:
                self.show(f"level {levels.index(level)} of {len(levels) - 1}")
                try:
                    self._improve(level, guess, levels[-1])
                except StopHere as stop:
                    self.status = stop.status
        if not len(self.f):  # stopped on the way
            x, y, _ = levels[-1].costs.scaled
            self.f = PointTree(y, levels[-1].costs).search(x, guess)[0][:, 0]
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

    def _improve(self, level: _Level, guess: FloatArray, points: _Level) -> None:
        """Pivot and price in turn, on the level of points to the end."""
        n, m = level.costs.shape
        last, all_pairs = level is points, n * m <= ALL_PAIRS
        x, y, _ = level.costs.scaled
        targets = PointTree(y, level.costs)
        if all_pairs:
            arcs = _Arcs.of(level.costs, *np.divmod(np.arange(n * m), m))
        else:
            arcs = self._best_arcs(level, targets, guess, points)
        thresholds = [share * level.costs.scale for share in (FINE if last else (COARSE / np.sqrt(max(n, m)),))]
        for rounds in itertools.count(1):
            # No violation below a threshold adds more than that to the gap.
            self._pivot(level, arcs, max(thresholds[0], self.limits.tol * self._primal(level) / 4))
            if not last and (all_pairs or rounds == COARSE_ROUNDS):
                return
            heights = self.tree.heights()
            f, h = heights[:n], heights[n:]
            sums, at = targets.search(x, h, PRICED, below=f)
            if last and self._close_enough(level, np.minimum(f, sums[:, 0]), h):
                return
            while True:
                which, rank = np.nonzero((at >= 0) & (sums < f[:, None] - thresholds[0]))
                if len(which):
                    break
                thresholds.pop(0)
                if not thresholds:
                    return
            arcs = self._joined(arcs, _Arcs.of(level.costs, which, at[which, rank]), level)
            if last:  # a round on another level is soon over
                self.limits.look(reserve=self.reserve)

    def _best_arcs(self, level: _Level, targets: PointTree, guess: FloatArray, points: _Level) -> _Arcs:
        """The best arcs of each row and column for the heights that the level above suggests for the targets."""
        n, m = level.costs.shape
        x, y, _ = level.costs.scaled
        started = time.perf_counter()
        best, columns = targets.search(x, guess, BEST)
        # Searches take somewhat longer for each of more points.
        self.reserve = PROOF * (time.perf_counter() - started) * (len(points.mass) / len(level.mass)) ** 1.25
        if level is points:
            self._note(level, best[:, 0], guess)
        _, rows = PointTree(x, level.costs).search(y, -best[:, 0], BEST)
        pairs = np.concatenate(
            [(np.arange(n)[:, None] * m + columns).ravel(), (rows * m + np.arange(m)[:, None]).ravel()]
        )
        return _Arcs.of(level.costs, *np.divmod(np.unique(pairs), m))

    def _close_enough(self, level: _Level, f: FloatArray, h: FloatArray) -> bool:
        """Whether plan and potentials bracket the cost as closely as asked."""
        self._note(level, f, h)
        primal = self._primal(level)
        gap = (primal - self.dual) / primal if primal > 0 else 0.0
        self.show(f"relative gap {gap:.1e}")
        return gap <= self.limits.tol / 2

    def _joined(self, arcs: _Arcs, more: _Arcs, level: _Level) -> _Arcs:
        """All candidates; where they would be too many, those with the smallest reduced costs.

        Arcs of the basis need not be candidates. Dropping arcs cannot make rounds go on forever, as long as the cost
        of the flow has fallen since arcs were dropped last; until it has, all are kept.
        """
        primal = self._primal(level)
        if len(arcs.rows) + len(more.rows) > self.most_arcs and primal < self.dropped_at:
            self.dropped_at = primal
            heights = self.tree.heights()
            reduced = arcs.costs - heights[arcs.rows] + heights[level.costs.shape[0] + arcs.columns]
            kept = min(len(reduced), self.most_arcs // 2)
            keep = np.argpartition(reduced, kept - 1)[:kept]
            arcs = _Arcs(arcs.rows[keep], arcs.columns[keep], arcs.costs[keep])
        return arcs.joined(more)

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
                raise StopHere(Status.ITERATION_LIMIT)
            self.limits.look(reserve=self.reserve)

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
