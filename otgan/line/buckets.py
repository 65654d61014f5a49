r"""W1 on the line without sorting what need not be sorted, $W_1 = \int |F - G|$.

The points are dealt into buckets, in which the integral is a matter of sums as long as F − G keeps its sign: and that
is certain where |F − G| at the bucket's left edge exceeds the mass inside. What is left, a small share of most samples,
is sorted, bucket by bucket; a crowded bucket is dealt out again. So the work is linear for all but contrived samples.

Source: Santambrogio (2015), Optimal Transport for Applied Mathematicians, Prop. 2.17 (W1 on the line is the L1 distance
of the distribution functions).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled, in_parts
from otgan.exact import two_sum
from otgan.line.masses import LineMasses, Totals, difference, parts
from otgan.metrics import UNIT

Pair = tuple[FloatArray, FloatArray]

#: Fewer points than this are sorted at once.
FEW = 512
#: Points in a bucket on average, and the most buckets: their sums stay in the cache.
PER_BUCKET, MOST_BUCKETS = 16, 2**15
#: Points to sort below which a second thread does not pay. Dealing them out is too quick for one to pay at all.
WORTH_A_THREAD = 50_000
#: The equally wide buckets reach beyond the 5 % and 95 % quantiles of about this many points on either side, by this
#: many times the distance between those: far enough for all of a normal law.
SAMPLE, REACH = 2000, 1.5
#: A bucket with more points is dealt out again, down to this depth.
CROWDED, DEPTH = 2**14, 12


class Integral(NamedTuple):
    """An integral of |F − G|.

    Attributes:
        value: The integral, in units of length.
        error: Bound of its rounding error, but for what `LineMasses.error` adds.
        positive: Whether F differs from G somewhere, as computed, even if the value underflowed.
    """

    value: float
    error: float
    positive: bool


def absolute_integral(x: FloatArray, y: FloatArray, masses: LineMasses) -> Integral:
    """The integral of |F − G| over the line.

    Args:
        x: Source points, (n,), in any order.
        y: Target points, (m,).
        masses: Their masses.
    """
    left, right = min(float(x.min()), float(y.min())), max(float(x.max()), float(y.max()))
    nothing = np.zeros(4, dtype=np.int64)
    return _between(left, right, (x, y), (masses.a, masses.b), nothing, masses.totals, 0)


def _between(
    left: float, right: float, points: Pair, weights: Pair, before: NDArray[np.int64], totals: Totals, depth: int
) -> Integral:
    """The integral over [left, right], where all the points lie; `before` are the parts of the mass further left."""
    n, m = len(points[0]), len(points[1])
    edges = _edges(left, right, points) if n + m > FEW and depth < DEPTH else np.empty(0)
    if len(edges) <= 2:
        gathered = np.concatenate(points), np.concatenate(weights)
        bounds, ends = np.array([[0, n, n + m]]), np.array([[left, right]])
        return _sorted_sum(*gathered, bounds, ends, before[None], totals)
    keys, counts, sums, moments = _dealt(edges, points, weights, totals)
    k = len(edges) - 1
    is_open, starts = np.zeros(k, dtype=np.bool_), np.zeros((k, 4), dtype=np.int64)
    settled = Integral(*_settle(edges, counts, sums, moments, before, totals, is_open, starts))
    which = np.flatnonzero(is_open)
    if not len(which):
        return settled
    bounds, at, t = _gathered(which, keys, counts, points, weights)
    starts, ends = starts[which], np.column_stack([edges[which], edges[which + 1]])
    crowded = np.diff(bounds[:, ::2])[:, 0] > CROWDED
    found = [settled, _sorted_sum(at, t, bounds[~crowded], ends[~crowded], starts[~crowded], totals)]
    for (first, middle, last), (low, high), start in zip(bounds[crowded], ends[crowded], starts[crowded], strict=True):
        one, other = slice(first, middle), slice(middle, last)
        found.append(_between(low, high, (at[one], at[other]), (t[one], t[other]), start, totals, depth + 1))
    return _sum(found)


def _sum(found: list[Integral]) -> Integral:
    values, errors, positive = zip(*found, strict=True)
    value = math.fsum(values)
    return Integral(value, math.fsum(errors) * (1 + 4 * UNIT) + 2 * UNIT * value, any(positive))


def _edges(left: float, right: float, points: Pair) -> FloatArray:
    """Edges of buckets, equally wide where most points are; the outer two reach to the ends. Two edges if none pay."""
    size = len(points[0]) + len(points[1])
    some = np.concatenate([side[:: max(1, len(side) // SAMPLE)] for side in points])
    low, high = np.partition(some, [k := len(some) // 20, len(some) - 1 - k])[[k, len(some) - 1 - k]]
    reach = REACH * (high - low)
    least, most = min(side.min() for side in points if len(side)), max(side.max() for side in points if len(side))
    low, high = (max(least, low - reach), min(most, high + reach)) if reach else (least, most)
    # Wider than some units in the last place, so that buckets do not coincide, and than what has an inverse.
    finest = (high - low) / max(4 * np.spacing(max(abs(low), abs(high))), 1e-290)
    k = int(min(MOST_BUCKETS, size / PER_BUCKET, finest))
    if k < 2:
        return np.array([left, right])
    inner = np.clip(low + (high - low) * (np.arange(k + 1) / k), low, high)
    return np.concatenate([[left], inner, [right]])


def _dealt(edges: FloatArray, points: Pair, weights: Pair, totals: Totals) -> tuple[Any, ...]:
    """For each side: the bucket of each point; and for each bucket the points, parts of the mass, and moments."""
    k = len(edges) - 1
    keys = [np.empty(len(side), dtype=np.int32) for side in points]
    counts = np.zeros((2, k), dtype=np.int64)
    sums, moments = np.zeros((2, k, 2), dtype=np.int64), np.zeros((2, k))

    for side in range(2):
        _deal(points[side], weights[side], edges, totals.bits, keys[side], counts[side], sums[side], moments[side])
    return keys, counts, sums, moments


@compiled
def _deal(
    points: FloatArray,
    weights: FloatArray,
    edges: FloatArray,
    bits: int,
    keys: NDArray[np.int32],
    counts: NDArray[np.int64],
    sums: NDArray[np.int64],
    moments: FloatArray,
) -> None:
    """Bucket k holds edges[k] ≤ z < edges[k + 1]. A moment is Σ w (edges[k + 1] − z): no term is negative."""
    k = len(counts)
    low, base = edges[1], 2.0**bits
    per_width = (k - 2) / (edges[k - 1] - low)
    for i in range(len(points)):
        weight, point = weights[i], points[i]
        if weight == 0:
            keys[i] = -1
            continue
        # A guess, held within the buckets before it is made an integer, and then put right by comparisons.
        bucket = int(min(max((point - low) * per_width + 1, 0.0), k - 1.0))
        while point < edges[bucket]:
            bucket -= 1
        while bucket + 1 < k and point >= edges[bucket + 1]:
            bucket += 1
        keys[i] = bucket
        counts[bucket] += 1
        high, low_part = parts(weight, base)
        sums[bucket, 0] += high
        sums[bucket, 1] += low_part
        moments[bucket] += weight * (edges[bucket + 1] - point)


@compiled
def _settle(
    edges: FloatArray,
    counts: NDArray[np.int64],
    sums: NDArray[np.int64],
    moments: FloatArray,
    before: NDArray[np.int64],
    totals: Totals,
    is_open: NDArray[np.bool_],
    starts: NDArray[np.int64],
) -> tuple[float, float, bool]:
    """The integral over buckets where F − G keeps its sign; the others are marked, with what lies before them."""
    base = 2.0**totals.bits
    ah, al, bh, bl = before[0], before[1], before[2], before[3]
    value, rest, error, positive = 0.0, 0.0, 0.0, False
    for k in range(len(is_open)):
        count = counts[0, k] + counts[1, k]
        width = edges[k + 1] - edges[k]
        d = difference(ah, al, bh, bl, totals)
        size = abs(d)
        if count:
            mass_a = (sums[0, k, 0] * base + sums[0, k, 1]) / totals.a1
            mass_b = (sums[1, k, 0] * base + sums[1, k, 1]) / totals.b1
            # With a factor of two to spare, no sum below loses more than half of its terms.
            if (d < 2 * mass_b and -d < 2 * mass_a) or count > CROWDED:
                is_open[k] = True
                starts[k, 0], starts[k, 1], starts[k, 2], starts[k, 3] = ah, al, bh, bl
            else:
                more, less = moments[0, k] * base / totals.a1, moments[1, k] * base / totals.b1
                term = size * width + (more - less if d > 0 or (d == 0 and mass_b == 0) else less - more)
                value, lost = two_sum(value, max(term, 0.0))
                rest += lost
                # A moment of c terms rounds c + 2 times, what is done with it and with d some ten times more.
                error += (count + 16) * UNIT * (size * width + more + less)
                positive = True
            ah += sums[0, k, 0]
            al += sums[0, k, 1]
            bh += sums[1, k, 0]
            bl += sums[1, k, 1]
        elif size > 0 and width > 0:
            value, lost = two_sum(value, size * width)
            rest += lost
            error += 16 * UNIT * size * width
            positive = True
    # `error` is itself a sum of up to 2^16 terms, to a relative 2^-37.
    return value + rest, error * (1 + 1e-10), positive


def _gathered(
    which: NDArray[np.intp], keys: list[NDArray[np.int32]], counts: NDArray[np.int64], points: Pair, weights: Pair
) -> tuple[NDArray[np.int64], FloatArray, FloatArray]:
    """Points and weights of some buckets, one bucket after the other, and in each the source before the target."""
    ends = np.cumsum(counts[:, which].T.ravel())
    starts = ends - counts[:, which].T.ravel()
    places = np.full(counts.shape, -1, dtype=np.int64)
    places[:, which] = starts.reshape(-1, 2).T
    at, t = np.empty(ends[-1]), np.empty(ends[-1])

    for side in range(2):
        _gather(points[side], weights[side], keys[side], places[side], at, t)
    return np.column_stack([starts[::2], starts[1::2], ends[1::2]]), at, t


@compiled
def _gather(
    points: FloatArray,
    weights: FloatArray,
    keys: NDArray[np.int32],
    places: NDArray[np.int64],
    at: FloatArray,
    t: FloatArray,
) -> None:
    for i in range(len(points)):
        key = keys[i]
        if key >= 0 and places[key] >= 0:
            at[places[key]], t[places[key]] = points[i], weights[i]
            places[key] += 1


def _sorted_sum(
    at: FloatArray,
    t: FloatArray,
    bounds: NDArray[np.int64],
    ends: FloatArray,
    starts: NDArray[np.int64],
    totals: Totals,
) -> Integral:
    """The integral over some buckets whose points are sorted: Σ |F − G| times the way to the next point."""
    values, positive = np.zeros(len(bounds)), np.zeros(len(bounds), dtype=np.bool_)

    def work(start: int, stop: int) -> None:
        _sorted_integrals(at, t, bounds, ends, starts, totals, start, stop, values, positive)

    in_parts(work, len(bounds), smallest=max(1, WORTH_A_THREAD * len(bounds) // max(1, len(at))))
    value = math.fsum(values)
    return Integral(value, 16 * UNIT * value, bool(positive.any()))


@compiled
def _sorted_integrals(
    at: FloatArray,
    t: FloatArray,
    bounds: NDArray[np.int64],
    ends: FloatArray,
    starts: NDArray[np.int64],
    totals: Totals,
    start: int,
    stop: int,
    values: FloatArray,
    positive: NDArray[np.bool_],
) -> None:
    base = 2.0**totals.bits
    for k in range(start, stop):
        first, middle, last = bounds[k]
        order = np.argsort(at[first:last])
        ah, al, bh, bl = starts[k]
        here, value, rest = ends[k, 0], 0.0, 0.0
        for i in range(last - first + 1):
            there = at[first + order[i]] if i < last - first else ends[k, 1]
            if there > here:
                size = abs(difference(ah, al, bh, bl, totals))
                if size > 0:
                    value, lost = two_sum(value, size * (there - here))
                    rest += lost
                    positive[k] = True
                here = there
            if i < last - first:
                which = first + order[i]
                high, low = parts(t[which], base)
                if which < middle:
                    ah += high
                    al += low
                else:
                    bh += high
                    bl += low
        values[k] = value + rest
