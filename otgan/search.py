r"""Points in a tree of boxes, and the search for the point with the smallest cost plus height.

Both a c-transform ($\min_j c(z, y_j) - g_j$) and the pricing of a network simplex ($c_{ij} - f_i - g_j < 0$?) ask for
the smallest sums of a cost and a number at each point. A box whose least number plus smallest possible cost is too
large is passed over with all its points; in low dimension few boxes are left, in high dimension it is a loop over all
points at the speed of the processor's vector unit. No pair is stored.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled, in_parts, plain
from otgan.costs import PointCosts
from otgan.distances import CHEBYSHEV, CITYBLOCK, EUCLIDEAN, add_coordinate, finish
from otgan.metrics import EARTH_RADIUS, great_circle

#: Points at which a box is not halved any more: fewer cost more visits, more cost more distances; 16 to 64 do alike.
LEAF = 32
#: Queries below which a thread does not pay.
PART = 512
#: Points a side for each dimension up to which a loop over all pairs is quicker than boxes: in many dimensions few of
#: them are passed over.
POINTS_PER_DIMENSION = 50
#: On the globe the boxes lie in space, around unit vectors times the radius; the rounding of a chord to one, in
#: kilometres, is below. The arc may be off by ten million times as much near the antipode, where it is steep.
SPACE_ERROR = 1e-10

_HAVERSINE = -1  # no norm
_CODES = {"euclidean": EUCLIDEAN, "cityblock": CITYBLOCK, "chebyshev": CHEBYSHEV, "haversine": _HAVERSINE}
_great_circle = compiled(great_circle)


@compiled
def _select(points: FloatArray, order: NDArray[np.intp], start: int, stop: int, middle: int, axis: int) -> None:
    """Reorder order[start:stop] so that its middle has its sorted place along an axis: quickselect."""
    left, right = start, stop - 1
    while left < right:
        pivot = points[order[(left + right) // 2], axis]
        i, j = left, right
        while i <= j:
            while points[order[i], axis] < pivot:
                i += 1
            while points[order[j], axis] > pivot:
                j -= 1
            if i <= j:
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            right = j
        elif middle >= i:
            left = i
        else:
            return


@compiled
def boxes(
    points: FloatArray, depth: int, corners: bool
) -> tuple[NDArray[np.intp], NDArray[np.int64], FloatArray, FloatArray]:
    """Halve a set of points at the median of its widest axis, again and again.

    Args:
        points: (n, d).
        depth: How often; at most log2(n), so that no box is empty.
        corners: Whether to keep the corners of all boxes; without, those of the last box are all that is returned.

    Returns:
        The order in which every box is a range of points, (n,); the ranges, (2^(depth + 1), 2), where boxes 2k and
        2k + 1 are the halves of box k and box 1 is all; and the lower and upper corners.
    """
    n, d = points.shape
    order = np.arange(n)
    ranges = np.zeros((2 << depth, 2), np.int64)
    kept = 2 << depth if corners else 1
    low, high = np.empty((kept, d)), np.empty((kept, d))
    ranges[1, 1] = n
    for node in range(1, 2 << depth):
        start, stop = ranges[node]
        box = node if corners else 0
        for k in range(d):
            low[box, k] = high[box, k] = points[order[start], k]
        for t in range(start + 1, stop):
            for k in range(d):
                value = points[order[t], k]
                if value < low[box, k]:
                    low[box, k] = value
                elif value > high[box, k]:
                    high[box, k] = value
        if 2 * node < len(ranges):
            middle = (start + stop) // 2
            _select(points, order, start, stop, middle, np.argmax(high[box] - low[box]))
            ranges[2 * node] = start, middle
            ranges[2 * node + 1] = middle, stop
    return order, ranges, low, high


@compiled
def _power(length: float, p: float) -> float:
    if p == 1.0:
        return length
    return length * length if p == 2.0 else length**p


@compiled
def _cost_to_box(place: FloatArray, low: FloatArray, high: FloatArray, metric: int, unit: float, p: float) -> float:
    """At most the cost from a place to any point in a box, up to rounding."""
    total = 0.0
    for k in range(len(place)):
        gap = max(low[k] - place[k], place[k] - high[k], 0.0)
        if metric == CITYBLOCK:
            total += gap
        elif metric == CHEBYSHEV:
            total = max(total, gap)
        else:
            total += gap * gap
    if metric in (EUCLIDEAN, _HAVERSINE):
        total = np.sqrt(total)
    if metric == _HAVERSINE:  # from the chord to the arc
        chord = max(total - SPACE_ERROR, 0.0)
        total = 2 * EARTH_RADIUS * np.arcsin(min(1.0, chord / (2 * EARTH_RADIUS)))
    return _power(total * unit, p)


@compiled
def _costs_to_leaf(
    point: FloatArray, columns: FloatArray, start: int, stop: int, metric: int, unit: float, p: float, out: FloatArray
) -> None:
    """Costs from a point to those of a leaf, as `PointCosts` defines them; loops that a vector unit takes."""
    size = stop - start
    if metric == _HAVERSINE:
        for t in range(size):
            out[t] = _great_circle(point[0], point[1], columns[0, start + t], columns[1, start + t])
    else:
        total = out[:size]
        total[:] = 0.0
        for k in range(len(point)):
            add_coordinate(total, columns[k, start:stop], point[k], metric)
        finish(total, metric)
    if unit != 1.0:
        for t in range(size):
            out[t] *= unit
    if p != 1.0:
        for t in range(size):
            out[t] = _power(out[t], p)


@compiled
def _least(ranges: NDArray[np.int64], heights: FloatArray) -> FloatArray:
    least = np.empty(len(ranges))
    for node in range(len(ranges) - 1, 0, -1):
        if 2 * node < len(ranges):
            least[node] = min(least[2 * node], least[2 * node + 1])
        else:
            least[node] = heights[ranges[node, 0] : ranges[node, 1]].min()
    return least


@compiled
def _search(
    first: int,
    last: int,
    points: FloatArray,
    places: FloatArray,
    columns: FloatArray,
    ranges: NDArray[np.int64],
    low: FloatArray,
    high: FloatArray,
    least: FloatArray,
    heights: FloatArray,
    metric: int,
    unit: float,
    p: float,
    keep: float,
    less: float,
    below: FloatArray,
    found: FloatArray,
    at: NDArray[np.intp],
) -> None:
    """Fill found and at for queries first to last; see `PointTree.search`.

    A cost c counts as max(c · keep − less, 0), and that of a box by four times as much less: enough for the rounding
    errors of both, if keep and less are made for those of the cost.
    """
    nodes, most = len(ranges), found.shape[1]
    keep_box, less_box = 1 - 4 * (1 - keep), 4 * less
    stack, bounds = np.empty(128, np.int64), np.empty(128)
    costs = np.empty((ranges[nodes // 2 :, 1] - ranges[nodes // 2 :, 0]).max())
    for q in range(first, last):
        place, point, worst = places[q], points[q], below[q]
        found[q], at[q] = worst, -1
        stack[0], bounds[0] = 1, -np.inf
        top = 0
        while top >= 0:
            node, bound = stack[top], bounds[top]
            top -= 1
            if bound > worst:
                continue
            if 2 * node < nodes:
                node *= 2
                left = _cost_to_box(place, low[node], high[node], metric, unit, p)
                left = max(left * keep_box - less_box, 0.0) + least[node]
                right = _cost_to_box(place, low[node + 1], high[node + 1], metric, unit, p)
                right = max(right * keep_box - less_box, 0.0) + least[node + 1]
                if left > right:
                    left, right, far = right, left, node
                    node += 1
                else:
                    far = node + 1
                if right <= worst:
                    top += 1
                    stack[top], bounds[top] = far, right
                if left <= worst:
                    top += 1
                    stack[top], bounds[top] = node, left
                continue
            start, stop = ranges[node]
            _costs_to_leaf(point, columns, start, stop, metric, unit, p, costs)
            for t in range(stop - start):
                value = max(costs[t] * keep - less, 0.0) + heights[start + t]
                if value < worst:
                    slot = most - 1
                    while slot > 0 and found[q, slot - 1] > value:
                        found[q, slot], at[q, slot] = found[q, slot - 1], at[q, slot - 1]
                        slot -= 1
                    found[q, slot], at[q, slot] = value, start + t
                    worst = found[q, most - 1]


def boxes_pay(costs: PointCosts, pairs: int) -> bool:
    """Whether boxes are likely quicker than a loop over so many pairs."""
    return pairs > (POINTS_PER_DIMENSION * costs.x.shape[1]) ** 2


class PointTree:
    """Points in a tree of boxes, to be searched from other points under one cost.

    Args:
        points: (n, d), as `PointCosts` keeps them for computing.
        costs: Says metric, exponent and unit.
    """

    def __init__(self, points: FloatArray, costs: PointCosts) -> None:
        self._code = _CODES[costs.metric.name]
        self._unit, self._p = math.ldexp(1.0, costs.scaled[2]), float(costs.p)
        places = self._places(points)
        depth = max(0, (len(points) // LEAF).bit_length() - 1)
        self._order, self._ranges, self._low, self._high = boxes(places, depth, True)
        self._columns = np.ascontiguousarray(points[self._order].T)

    def _places(self, points: FloatArray) -> FloatArray:
        """Where the boxes lie: the points themselves, but for degrees on the globe, which go around."""
        if self._code != _HAVERSINE:
            return plain(points)
        latitude, longitude = np.radians(points).T
        level = np.cos(latitude)
        vectors = np.column_stack([level * np.cos(longitude), level * np.sin(longitude), np.sin(latitude)])
        return np.asarray(EARTH_RADIUS * vectors)

    def search(
        self,
        points: FloatArray,
        heights: FloatArray,
        most: int = 1,
        below: FloatArray | None = None,
        *,
        keep: float = 1.0,
        less: float = 0.0,
    ) -> tuple[FloatArray, NDArray[np.intp]]:
        """The smallest sums of cost and height for each query, in increasing order.

        Args:
            points: The queries, (k, d).
            heights: A number for each point of the tree, (n,); +∞ where a point does not count.
            most: How many sums to give at most.
            below: A number for each query, (k,): only smaller sums count. None for any.
            keep: With `less`, a cost c counts as max(c · keep − less, 0).
            less: See `keep`.

        Returns:
            The sums, (k, most), `below` where there are fewer, and the indices of the points, −1 there.
        """
        heights = heights[self._order]
        least = _least(self._ranges, heights)
        most = min(most, len(heights))
        below = np.full(len(points), np.inf) if below is None else below
        found, at = np.empty((len(points), most)), np.empty((len(points), most), np.intp)
        points, places = plain(points), self._places(points)

        def work(first: int, last: int) -> None:
            _search(
                first, last, points, places, self._columns, self._ranges, self._low, self._high, least, heights,
                self._code, self._unit, self._p, keep, less, below, found, at,
            )  # fmt: skip

        in_parts(work, len(points), smallest=PART)
        return found, np.where(at >= 0, self._order[at], -1)
