r"""Nearest points and balls around points by matrix products, in many dimensions.

$\|x\|^2 + \|y\|^2 - 2 x \cdot y$ is quick and loses digits. So it only sorts out the pairs that its rounding error
leaves no doubt of; the few others, ties among them, are measured coordinate by coordinate as everywhere else. So all
answers are those of a loop over all pairs, to the last bit.

With u = 2⁻⁵³ and centred points x', y': a product of d terms in any order, and each squared norm, is off by at most
d u (|x'|² + |y'|²) to first order (twice the product is at most the sum of the norms), their sums by 6 u of that, the
square measured coordinate by coordinate by 2 (d + 2) u of it, and centring moves the true square by 4 u of it:
(4 d + 14) u (|x'|² + |y'|²) in all. More than twice that is taken, which higher orders do not reach for any d that
fits memory, and an allowance for terms below the smallest normal number. A NaN from an overflow sorts nothing out.

Source: Higham (2002), Accuracy and Stability of Numerical Algorithms, section 3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled, in_parts, plain
from otgan.quality.heap import replace_largest

#: Products that are held at a time: 32 MiB.
BLOCK = 2**22
#: Products below which a thread does not pay.
PART = 500_000
#: The largest relative error of an operation, and the smallest normal number, below which it may be a larger one.
ROUNDING, SMALLEST = 2.0**-53, 2.0**-1022


@compiled(inline=True)
def _square(x: FloatArray, y: FloatArray) -> float:
    total = 0.0
    for k in range(len(x)):
        gap = x[k] - y[k]
        total += gap * gap
    return total


@compiled(inline=True)
def _between(
    products: FloatArray,
    norm: float,
    norms: FloatArray,
    share: float,
    allowed: float,
    least: FloatArray,
    most: FloatArray,
) -> None:
    """What the squares from one point lie between; loops that a vector unit takes."""
    for j in range(len(norms)):
        both = norm + norms[j]
        square, error = both - 2 * products[j], share * both + allowed
        least[j], most[j] = max(0.0, square - error), square + error


@compiled
def _kth(
    first: int,
    last: int,
    products: FloatArray,
    norms_x: FloatArray,
    norms_y: FloatArray,
    x: FloatArray,
    y: FloatArray,
    share: float,
    allowed: float,
    k: int,
    out: FloatArray,
) -> None:
    least, most = np.empty(len(y)), np.empty(len(y))
    bound, nearest = np.empty(k), np.empty(k)
    for i in range(first, last):
        _between(products[i], norms_x[i], norms_y, share, allowed, least, most)
        bound[:] = np.inf
        nearest[:] = np.inf
        for j in range(len(y)):
            if most[j] < bound[0]:
                replace_largest(bound, most[j])
        for j in range(len(y)):
            if least[j] > bound[0] or least[j] >= nearest[0]:  # a tie would change nothing
                continue
            square = _square(x[i], y[j])
            if square < nearest[0]:
                replace_largest(nearest, square)
        out[i] = np.sqrt(nearest[0])


@compiled(inline=True)
def _holds(radius: float, least: float, most: float, x: FloatArray, y: FloatArray) -> bool:
    """Whether a distance is at most a radius, from what its square lies between where that is enough."""
    square = radius * radius
    if least > square * (1 + 8 * ROUNDING):
        return False
    if most < square * (1 - 8 * ROUNDING):
        return True
    return np.sqrt(_square(x, y)) <= radius


@compiled
def _in_balls(
    first: int,
    last: int,
    products: FloatArray,
    norms_x: FloatArray,
    norms_y: FloatArray,
    x: FloatArray,
    y: FloatArray,
    share: float,
    allowed: float,
    of_x: FloatArray,
    of_y: FloatArray,
    counts: NDArray[np.int64],
    recalled: NDArray[np.bool_],
    covered: NDArray[np.bool_],
) -> None:
    least, most = np.empty(len(y)), np.empty(len(y))
    for i in range(first, last):
        _between(products[i], norms_x[i], norms_y, share, allowed, least, most)
        for j in range(len(y)):
            if _holds(of_x[i], least[j], most[j], x[i], y[j]):
                counts[j] += 1
                covered[i] = True
            if not recalled[i] and _holds(of_y[j], least[j], most[j], x[i], y[j]):
                recalled[i] = True


def _products(x: FloatArray, y: FloatArray) -> Iterator[tuple[slice, tuple[Any, ...]]]:
    """For some rows of x at a time, what the loops need: products, norms, the points, the two parts of the error."""
    d = x.shape[1]
    centre = np.median(y, axis=0)  # one far point moves a mean, and all others would lose their digits
    share, allowed = (8 * d + 32) * ROUNDING, 8 * d * SMALLEST
    centred, columns = x - centre, (y - centre).T
    norms_x, norms_y = (centred**2).sum(1), (columns**2).sum(0)
    x, y = plain(x), plain(y)
    step = max(1, BLOCK // len(y))
    for start in range(0, len(x), step):
        rows = slice(start, min(start + step, len(x)))
        yield rows, (centred[rows] @ columns, norms_x[rows], norms_y, x[rows], y, share, allowed)


def _on_threads(work: Callable[[int, int], None], points: tuple[Any, ...]) -> None:
    n, m = points[0].shape
    in_parts(work, n, smallest=max(1, PART // m))


def _kth_of_block(points: tuple[Any, ...], k: int, out: FloatArray, first: int, last: int) -> None:
    _kth(first, last, *points, k, out)


def kth_nearest(x: FloatArray, y: FloatArray, k: int) -> FloatArray:
    """Distance from each of n points to the k-th nearest of m; see `otgan.quality.balls.kth_nearest`."""
    out = np.empty(len(x))
    for rows, points in _products(x, y):
        _on_threads(partial(_kth_of_block, points, k, out[rows]), points)
    return out


def in_balls(
    x: FloatArray, y: FloatArray, of_x: FloatArray, of_y: FloatArray
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Which points lie in which balls; see `otgan.quality.balls.in_balls`."""
    counts, recalled, covered = np.zeros(len(y), np.int64), np.zeros(len(x), bool), np.zeros(len(x), bool)
    adding = Lock()

    def work(first: int, last: int, points: tuple[Any, ...], rows: slice) -> None:
        mine = np.zeros(len(y), np.int64)  # rows of all threads count into the same columns
        _in_balls(first, last, *points, of_x[rows], of_y, mine, recalled[rows], covered[rows])
        with adding:
            counts[:] += mine

    for rows, points in _products(x, y):
        _on_threads(partial(work, points=points, rows=rows), points)
    return counts, recalled, covered
