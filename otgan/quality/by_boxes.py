"""Nearest points and balls around points by a tree of boxes: few pairs are looked at in few dimensions.

No box is passed over wrongly, and none counted as a whole wrongly, for rounding either: its nearest and its farthest
corner are measured as pairs of points are, coordinate by coordinate in the same order, and floating-point subtraction,
multiplication, addition and square root are monotone. So all answers are those of a loop over all pairs, to the last
bit, ties included.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled, in_parts, plain
from otgan.distances import EUCLIDEAN, add_coordinate
from otgan.quality.heap import replace_largest
from otgan.search import LEAF, PART, boxes


@compiled(inline=True)
def _to_nearest_corner(place: FloatArray, low: FloatArray, high: FloatArray) -> float:
    total = 0.0
    for k in range(len(place)):
        gap = max(low[k] - place[k], place[k] - high[k], 0.0)
        total += gap * gap
    return total


@compiled(inline=True)
def _to_farthest_corner(place: FloatArray, low: FloatArray, high: FloatArray) -> float:
    total = 0.0
    for k in range(len(place)):
        gap = max(high[k] - place[k], place[k] - low[k])
        total += gap * gap
    return total


@compiled(inline=True)
def _squares_to_leaf(place: FloatArray, columns: FloatArray, start: int, stop: int, squares: FloatArray) -> None:
    squares[: stop - start] = 0.0
    for k in range(len(place)):
        add_coordinate(squares[: stop - start], columns[k, start:stop], place[k], EUCLIDEAN)


@compiled
def _kth(
    first: int,
    last: int,
    places: FloatArray,
    columns: FloatArray,
    ranges: NDArray[np.int64],
    low: FloatArray,
    high: FloatArray,
    k: int,
    out: FloatArray,
) -> None:
    nodes = len(ranges)
    stack, bounds, nearest = np.empty(128, np.int64), np.empty(128), np.empty(k)
    squares = np.empty((ranges[nodes // 2 :, 1] - ranges[nodes // 2 :, 0]).max())
    for q in range(first, last):
        place = places[q]
        nearest[:] = np.inf
        stack[0], bounds[0] = 1, -1.0
        top = 0
        while top >= 0:
            node, bound = stack[top], bounds[top]
            top -= 1
            if bound >= nearest[0]:  # a tie would change nothing
                continue
            if 2 * node < nodes:
                near, far = 2 * node, 2 * node + 1
                to_near = _to_nearest_corner(place, low[near], high[near])
                to_far = _to_nearest_corner(place, low[far], high[far])
                if to_near > to_far:
                    near, far, to_near, to_far = far, near, to_far, to_near
                stack[top + 1], bounds[top + 1] = far, to_far
                stack[top + 2], bounds[top + 2] = near, to_near
                top += 2
                continue
            start, stop = ranges[node]
            _squares_to_leaf(place, columns, start, stop, squares)
            for t in range(stop - start):
                if squares[t] < nearest[0]:
                    replace_largest(nearest, squares[t])
        out[q] = np.sqrt(nearest[0])


@compiled
def _count(
    first: int,
    last: int,
    places: FloatArray,
    columns: FloatArray,
    ranges: NDArray[np.int64],
    low: FloatArray,
    high: FloatArray,
    radii: FloatArray,
    smallest: FloatArray,
    largest: FloatArray,
    enough: int,
    out: NDArray[np.int64],
) -> None:
    nodes = len(ranges)
    stack = np.empty(128, np.int64)
    squares = np.empty((ranges[nodes // 2 :, 1] - ranges[nodes // 2 :, 0]).max())
    for q in range(first, last):
        place, found = places[q], 0
        stack[0] = 1
        top = 0
        while top >= 0 and found < enough:
            node = stack[top]
            top -= 1
            start, stop = ranges[node]
            if np.sqrt(_to_nearest_corner(place, low[node], high[node])) > largest[node]:
                continue
            if np.sqrt(_to_farthest_corner(place, low[node], high[node])) <= smallest[node]:
                found += stop - start
                continue
            if 2 * node < nodes:
                stack[top + 1], stack[top + 2] = 2 * node, 2 * node + 1
                top += 2
                continue
            _squares_to_leaf(place, columns, start, stop, squares)
            for t in range(stop - start):
                found += np.sqrt(squares[t]) <= radii[start + t]
        out[q] = found


class _Tree:
    def __init__(self, points: FloatArray) -> None:
        depth = max(0, (len(points) // LEAF).bit_length() - 1)
        self.order, *self.boxes = boxes(plain(points), depth, True)
        self.columns = plain(points[self.order].T)

    def kth(self, places: FloatArray, k: int) -> FloatArray:
        places, out = plain(places), np.empty(len(places))
        in_parts(
            lambda first, last: _kth(first, last, places, self.columns, *self.boxes, k, out), len(out), smallest=PART
        )
        return out

    def count(self, places: FloatArray, radii: FloatArray, enough: int) -> NDArray[np.int64]:
        places, out, radii = plain(places), np.empty(len(places), np.int64), radii[self.order]
        starts, stops = self.boxes[0].T
        # Box 0 is none, and every other holds a point.
        smallest, largest = (
            np.array([0.0, *(best(radii[a:b]) for a, b in zip(starts[1:], stops[1:], strict=True))])
            for best in (np.min, np.max)
        )
        in_parts(
            lambda first, last: _count(
                first, last, places, self.columns, *self.boxes, radii, smallest, largest, enough, out
            ),
            len(out),
            smallest=PART,
        )
        return out


def kth_nearest(x: FloatArray, y: FloatArray, k: int) -> FloatArray:
    """Distance from each of n points to the k-th nearest of m; see `otgan.quality.balls.kth_nearest`."""
    return _Tree(y).kth(x, k)


def in_balls(
    x: FloatArray, y: FloatArray, of_x: FloatArray, of_y: FloatArray
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Which points lie in which balls; see `otgan.quality.balls.in_balls`."""
    around_x, around_y = _Tree(x), _Tree(y)
    return around_x.count(y, of_x, len(x)), around_y.count(x, of_y, 1) > 0, around_y.kth(x, 1) <= of_x
