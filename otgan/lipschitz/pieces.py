"""The linear pieces of a network of two variables (or one) on a box, the steepest first."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations, count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.exact import up
from otgan.lipschitz.chain import Chain, Stage
from otgan.lipschitz.enclosures import gradient_bound_behind
from otgan.lipschitz.integers import IntegerChain, Pattern, root_above, root_below
from otgan.lipschitz.polygons import Line, Polygon, box_polygon, chord
from otgan.lipschitz.walk import UnknownModuleError

U = 2.0**-53
#: Steepest pieces that are kept, so that a thin one does not spoil the witness.
KEPT_PIECES = 8
#: Numbers of a network beyond these sizes would leave float64 when multiplied through.
LARGEST, SMALLEST = 1e140, 1e-120
#: Bounds of groups that are sorted cost the square of the group.
LARGEST_GROUP = 64
#: Rounding of a gradient's norm beyond this share is not put up with.
ROUNDED = 1e-10
#: Cuts between two looks at the clock.
PATIENCE = 32


@dataclass(frozen=True, eq=False)
class Pieces:
    """What was found of the pieces.

    Attributes:
        upper: Proven to be at least ‖∇f‖ on every piece.
        lower: Proven to be at most the largest ‖∇f‖ of a piece.
        n_pieces: Pieces that were looked at one by one.
        complete: Whether every piece is either among them or proven to be no steeper than the steepest of them.
        pairs: Pairs of points, (k, 2, d), in the steepest pieces, far apart along the gradient.
    """

    upper: float
    lower: float
    n_pieces: int
    complete: bool
    pairs: FloatArray


@dataclass(eq=False)
class _Region:
    """A polygon on which all stages before one are linear, and what the units of this one are there."""

    stage: int
    patterns: tuple[Pattern, ...]
    polygon: Polygon
    units: FloatArray  # of this stage, (m, 3): coefficients of x, y, 1
    sizes: FloatArray  # (m, 3): the same with absolute values throughout
    cuts: FloatArray = field(default_factory=lambda: np.empty((0, 3)))
    cut_sizes: FloatArray = field(default_factory=lambda: np.empty((0, 3)))


def steepest_pieces(
    chain: Chain,
    box: FloatArray,
    *,
    start: float = math.inf,
    stop: Callable[[], bool] = lambda: False,
    tell: Callable[[float, float], None] = lambda lower, upper: None,
) -> Pieces:
    r"""Bracket the largest $\|\nabla f\|$ over the full-dimensional linear pieces of f on a box.

    Its largest value is the Lipschitz constant of f on the box: f is continuous, and a segment between two points
    can be moved by as little as one likes so that it runs through such pieces only, but for finitely many points.

    The box is cut stage by stage, along the lines where a unit changes. On which side of a line a corner is, is
    decided in float64 with a bound of the rounding, and in integers where that does not decide. So every polygon here
    is a true one: nothing that only rounding makes out is ever a piece, however many lines meet in a point, coincide,
    or run along the edge. Regions are taken in the order of a bound of their slopes, and those are left out whose
    bound is no larger than what has been found.

    Args:
        chain: Piecewise linear, of one or two variables.
        box: (2, d), lows and highs.
        start: An upper bound that is known.
        stop: Says when time is up; what has not been looked at by then keeps its bound.
        tell: Is told the bracket now and then.

    Returns:
        The bracket and the steepest pieces.

    Raises:
        UnknownModuleError: If its numbers are too large or too small for float64, or groups too large.
    """
    return _Search(chain, box, start, stop, tell).run()


class _Search:
    def __init__(
        self,
        chain: Chain,
        box: FloatArray,
        start: float,
        stop: Callable[[], bool],
        tell: Callable[[float, float], None],
    ) -> None:
        self.dim = chain.dim
        self.start, self.stop, self.tell = start, stop, tell
        self.integers = IntegerChain(chain)
        self.kinds = [(stage.kind, stage.number) for stage in chain.stages]
        self.weights = [stage.weight for stage in chain.stages]
        try:
            biases = [np.array([float(b) for b in column]) for column in chain.exact_biases()]
        except OverflowError as error:
            raise UnknownModuleError("its biases, with centre and scale in them, leave float64") from error
        if self.dim == 1:  # a second variable on which nothing depends
            self.weights[0] = np.pad(self.weights[0], ((0, 0), (0, 1)))
            box = np.concatenate([box, [[0.0], [float(np.abs(box).max()) or 1.0]]], axis=1)
        self.box = box
        self.stages = [
            Stage(weight, bias, *kind) for weight, bias, kind in zip(self.weights, biases, self.kinds, strict=True)
        ]
        self._read_sizes(biases)
        self.pairs_of = [self._cut_pairs(k) for k in range(len(self.kinds) - 1)]
        self.lower = self.found = 0.0
        self.n_pieces = 0
        self.best: list[tuple[float, int, FloatArray, FloatArray]] = []
        self.ticket = count()

    def _read_sizes(self, biases: list[FloatArray]) -> None:
        """Drop numbers so small that products would underflow, and count them among the errors instead."""
        n_stages = len(self.weights)
        tiny = 10.0 ** (-110 / n_stages)
        self.dropped_weights: list[FloatArray] = []
        self.dropped_biases: list[FloatArray] = []
        self.weight_sizes: list[FloatArray] = []
        self.bias_sizes: list[FloatArray] = []
        largest = max(1.0, float(np.abs(self.box).max()))
        for weight, bias in zip(self.weights, biases, strict=True):
            for values, kept, sizes in (
                (weight, self.dropped_weights, self.weight_sizes),
                (bias, self.dropped_biases, self.bias_sizes),
            ):
                small = (np.abs(values) < tiny) & (values != 0)
                kept.append(np.where(small, 0.0, values))
                # Its error is a share of at least U of the size, and that is more than the number itself.
                sizes.append(np.where(small, tiny * 2.0**54, np.abs(values)))
            row = self.weight_sizes[-1].sum(axis=1) + self.bias_sizes[-1]
            largest *= max(1.0, float(row.max()))
        for kind, number in self.kinds:
            if kind == "leaky":
                largest *= max(1.0, abs(number))
                if number and abs(number) < tiny:
                    raise UnknownModuleError("a negative slope is too small to be multiplied through in float64")
            if kind == "sort" and number > LARGEST_GROUP:
                raise UnknownModuleError(f"it sorts groups of more than {LARGEST_GROUP}")
        corners = np.abs(self.box[self.box != 0])
        if not largest < LARGEST or (len(corners) and float(corners.min()) < SMALLEST):
            raise UnknownModuleError("its numbers are too large or too small to be multiplied through in float64")

    def _cut_pairs(self, stage: int) -> NDArray[np.intp]:
        """Where the units of a stage change: unit i where it is 0, as (i, −1), or where it equals unit j, (i, j)."""
        kind, number = self.kinds[stage]
        width = len(self.weights[stage])
        if kind == "leaky" and number != 1:
            return np.stack([np.arange(width), np.full(width, -1)], axis=1)
        if kind == "sort":
            pairs = [
                (first + i, first + j)
                for first in range(0, width, int(number))
                for i, j in combinations(range(int(number)), 2)
            ]
            return np.array(pairs, dtype=np.intp)
        return np.empty((0, 2), dtype=np.intp)

    def share(self, stage: int) -> float:
        """The coefficients of units of this stage are off by this share of their sizes at most, γ_k.

        A sum of n products is off by n u, its bias and the stored bias's own rounding by 2 u more, and an activation's
        slope by one u; that adds up over the stages. The factor is for the rounding of the sizes and for cuts, which
        are differences.
        """
        k = sum(weight.shape[1] + 4 for weight in self.weights[: stage + 1]) + 4
        return 1.1 * k * U

    def run(self) -> Pieces:
        units = np.concatenate([self.dropped_weights[0], self.dropped_biases[0][:, None]], axis=1)
        sizes = np.concatenate([self.weight_sizes[0], self.bias_sizes[0][:, None]], axis=1)
        root = _Region(0, (), box_polygon(self.box), units, sizes)
        heap: list[tuple[float, int, _Region]] = [(-self.start, -next(self.ticket), root)]
        rest = 0.0
        while heap and -heap[0][0] > self.found:
            bound, _, region = heapq.heappop(heap)
            if self.stop():
                rest = -bound
                break
            left = self._explore(region, -bound, heap)
            self.tell(self.lower, max(self.found, -heap[0][0] if heap else 0.0))
            if left:
                rest = -bound
                break
        if heap and rest:
            rest = max(rest, -heap[0][0])
        upper = max(self.found, rest)
        steepest = sorted(self.best, key=lambda item: -item[0])
        found = (self._pair(points, gradient) for *_, points, gradient in steepest)
        pairs = [pair for pair in found if pair is not None]
        return Pieces(
            min(upper, self.start),
            self.lower,
            self.n_pieces,
            not rest,
            np.array(pairs).reshape(-1, 2, self.dim),
        )

    def _explore(self, region: _Region, bound: float, heap: list[tuple[float, int, _Region]]) -> bool:
        """Cut a region along all lines of its stage; whether time was up before that was done."""
        if region.stage == len(self.kinds) - 1:
            self._finish(region)
            return False
        pairs = self.pairs_of[region.stage]
        region.cuts, region.cut_sizes = _cuts(region.units, pairs), _cuts(region.sizes, pairs, sign=1)
        signs = self._signs(region, region.polygon, np.arange(len(pairs)))
        done = np.zeros(len(pairs), dtype=np.int8)
        stack = [(region.polygon, np.arange(len(pairs)), signs, done)]
        for turn in count():
            if not stack:
                return False
            if turn % PATIENCE == PATIENCE - 1 and self.stop():
                return True
            polygon, open_cuts, signs, done = stack.pop()
            above, below = np.any(signs > 0, axis=1), np.any(signs < 0, axis=1)
            crossing = above & below
            decided = ~crossing
            done[open_cuts[decided]] = np.where(below[decided], -1, 1)
            open_cuts, signs = open_cuts[crossing], signs[crossing]
            if not len(open_cuts):
                child = self._next(region, polygon, done)
                child_bound = min(bound, self._bound(child))
                if child_bound > self.found:
                    heapq.heappush(heap, (-child_bound, -next(self.ticket), child))
                continue
            cut = int(open_cuts[0])
            first, second, new = polygon.split(signs[0].tolist(), self._line(region, cut))
            open_cuts, signs = open_cuts[1:], signs[1:]
            signs = np.concatenate([signs, self._new_signs(region, open_cuts, signs, new)], axis=1)
            for side, (part, columns) in ((1, first), (-1, second)):
                done = done.copy()
                done[cut] = side
                stack.append((part, open_cuts, signs[:, columns], done))
        raise AssertionError  # pragma: no cover

    def _signs(self, region: _Region, polygon: Polygon, which: NDArray[np.intp]) -> NDArray[np.int8]:
        """On which side of these cuts each corner is, (cuts, corners): proven."""
        values, errors = polygon.tableau(self.share(region.stage))
        z = region.cuts[which] @ values
        doubt = 1.02 * (region.cut_sizes[which] @ errors)
        signs = np.sign(z).astype(np.int8)
        # Without any doubt, a value is exactly what it is; that is 0 where all its terms are.
        unsure = np.asarray((np.abs(z) <= doubt) & (doubt > 0))
        for i, k in np.argwhere(unsure).tolist():
            signs[i, k] = polygon.corners[k].side(self._exact(region, int(which[i])))
        return signs

    def _new_signs(
        self,
        region: _Region,
        open_cuts: NDArray[np.intp],
        signs: NDArray[np.int8],
        new: list[tuple[Any, int]],
    ) -> NDArray[np.int8]:
        """The same for new corners, each on an edge whose ends are known."""
        columns = np.empty((len(open_cuts), len(new)), dtype=np.int8)
        for c, (corner, edge) in enumerate(new):
            one, other = signs[:, edge], signs[:, (edge + 1) % signs.shape[1]]
            column = np.where(one == 0, other, one)  # inside an edge, whatever side its ends are on
            unknown = np.flatnonzero(one * other < 0)
            if len(unknown):
                column[unknown] = self._signs(region, Polygon([corner], []), open_cuts[unknown])[:, 0]
            columns[:, c] = column
        return columns

    def _exact(self, region: _Region, cut: int) -> tuple[int, ...]:
        i, j = self.pairs_of[region.stage][cut].tolist()
        exact = self.integers.cut(region.patterns, region.stage, (i, j))
        return exact if self.dim == 2 else (exact[0], 0, exact[1])

    def _line(self, region: _Region, cut: int) -> Line:
        share = 1.01 * self.share(region.stage)
        a, b, c = region.cuts[cut].tolist()
        ea, eb, ec = (share * region.cut_sizes[cut]).tolist()
        patterns, stage = region.patterns, region.stage
        reference = _Region(stage, patterns, region.polygon, _NOTHING, _NOTHING)
        return Line((a, b, c), (ea, eb, ec), lambda: self._exact(reference, cut))

    def _next(self, region: _Region, polygon: Polygon, done: NDArray[np.int8]) -> _Region:
        """The next stage on a polygon on which this one is linear."""
        stage = region.stage
        kind, number = self.kinds[stage]
        units, sizes = region.units, region.sizes
        pattern: Pattern = None
        if kind == "sort":
            pattern = self._order(stage, done)
            units, sizes = units[pattern], sizes[pattern]
        elif kind == "leaky" and number != 1:
            pattern = done > 0
            slopes = np.where(pattern, 1.0, number)[:, None]
            units, sizes = units * slopes, sizes * np.abs(slopes)
        weights = self.dropped_weights[stage + 1]
        units, sizes = weights @ units, self.weight_sizes[stage + 1] @ sizes
        units[:, 2] += self.dropped_biases[stage + 1]
        sizes[:, 2] += self.bias_sizes[stage + 1]
        return _Region(stage + 1, (*region.patterns, pattern), polygon, units, sizes)

    def _order(self, stage: int, done: NDArray[np.int8]) -> NDArray[np.intp]:
        """Which unit comes where once groups are sorted; of equal ones, which is which makes no difference."""
        width, size = len(self.weights[stage]), int(self.kinds[stage][1])
        pairs = self.pairs_of[stage]
        ranks = np.arange(width) // size * size
        np.add.at(ranks, np.where(done > 0, pairs[:, 0], pairs[:, 1]), 1)
        order = np.empty(width, dtype=np.intp)
        order[ranks] = np.arange(width)
        return order

    def _finish(self, region: _Region) -> None:
        """A piece: its gradient's norm, from above and from below, in integers where rounding would show."""
        self.n_pieces += 1
        gradient, errors = region.units[0, :2], self.share(region.stage) * region.sizes[0, :2]
        size = np.abs(gradient)
        high, low = size + errors, np.maximum(size - errors, 0)
        upper = up(math.hypot(*high.tolist()) * (1 + 8 * U))
        lower = math.hypot(*low.tolist()) * (1 - 8 * U)
        if upper > lower * (1 + ROUNDED):
            square = self.integers.gradient_square(region.patterns)
            lower, upper = root_below(square), root_above(square)
        self.found = max(self.found, upper)
        self.lower = max(self.lower, lower)
        heapq.heappush(self.best, (lower, next(self.ticket), region.polygon.points(), gradient))
        if len(self.best) > KEPT_PIECES:
            heapq.heappop(self.best)

    def _bound(self, region: _Region) -> float:
        """At least ‖∇f‖ on all of a region."""
        share = self.share(region.stage)
        values, errors = region.polygon.tableau(share)
        z, doubt = region.units @ values, 1.03 * (region.sizes @ errors)
        low, high = (z - doubt).min(axis=1), (z + doubt).max(axis=1)
        m, r = region.units[:, :2], share * region.sizes[:, :2]
        return gradient_bound_behind(self.stages[region.stage :], m, r, low, high)

    def _pair(self, points: FloatArray, gradient: FloatArray) -> FloatArray | None:
        """Two points of a piece, far apart along its gradient."""
        length = float(np.linalg.norm(gradient))
        ends = chord(points, gradient / length) if length else None
        if ends is None:
            return None
        middle = (ends[0] + ends[1]) / 2
        pair = np.stack([middle + (1 - 1e-6) * (end - middle) for end in ends])
        return np.asarray(np.clip(pair, self.box[0], self.box[1])[:, : self.dim])


def _cuts(rows: FloatArray, pairs: NDArray[np.intp], *, sign: int = -1) -> FloatArray:
    """Rows i, or rows i less rows j; with sign = 1 their sum."""
    i, j = pairs[:, 0], pairs[:, 1]
    if len(pairs) and j[0] < 0:
        return np.asarray(rows[i])
    return np.asarray(rows[i] + sign * rows[j])


_NOTHING = np.empty((0, 3))
