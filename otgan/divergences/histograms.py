r"""Kullback-Leibler and Jensen-Shannon of two samples, counted on common bins.

Counting says something about the laws *on these bins*, and says too much: a divergence is convex in both laws, so by
Jensen's inequality the mean of the counted one is at least the true one on the bins, and two samples of one law are
apart. Binning itself goes the other way, it can only lower a divergence of the laws. The two errors do not cancel.

For JS both ends are known. Let n and m be the numbers of points and k that of bins.

- JS is the least of ½ KL(P̂, R) + ½ KL(Q̂, R) over all R, so R = M, the true mean law, bounds it from above; and
  E KL(P̂, P) ≤ log (1 + (k − 1) / n), since KL ≤ log (1 + χ²) and E χ² = (k − 1) / n. So the mean of the counted JS
  is above the true one by at most ½ log (1 + (k − 1) / n) + ½ log (1 + (k − 1) / m).
- Moving one of n points to another bin changes JS by at most ½ ∫ log ((1 + t) / t) dt over t in [0, 1/n], which is
  ½ (log (1 + n) / n + log (1 + 1/n)); the inequality of bounded differences does the rest.

Source: McDiarmid (1989), On the method of bounded differences, Lemma 1.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_number, as_points, as_real_array
from otgan.divergences.densities import LOG2
from otgan.divergences.result import Divergence
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.interval import Interval


def histogram_kullback_leibler(x: Any, y: Any, edges: Any) -> Divergence:
    """KL from the sample x to the sample y on common bins, in nats: infinite where x has points in a bin without y.

    With finitely many points of y that happens sooner or later whatever the laws are, so no finite interval holds and
    none is given: `interval` is [0, ∞).

    Args:
        x: Source sample, (n, d) or (n,).
        y: Target sample, (m, d) or (m,).
        edges: As in `histogram_jensen_shannon`.

    Returns:
        The divergence of the two histograms.

    Raises:
        InvalidInputError: If an argument breaks a rule.

    >>> histogram_kullback_leibler([0.0, 1.0], [0.2, 0.3], edges=[0.5]).value
    inf
    """
    here, there, _ = _counts(x, y, edges)
    p, q = here / here.sum(), there / there.sum()
    seen = p > 0
    with np.errstate(divide="ignore"):
        value = float(np.sum(p[seen] * (np.log(p[seen]) - np.log(q[seen]))))
    return Divergence(max(0.0, value), Interval(0.0, math.inf, "nothing is known"), 0.0, "histograms")


def histogram_jensen_shannon(x: Any, y: Any, edges: Any, *, level: float = 0.95) -> Divergence:
    r"""JS of two samples on common bins, in nats, at most log 2; empty bins are no trouble. Biased upward.

    The value is log 2 exactly where no bin holds points of both. `interval` holds the JS of the two laws *on these
    bins* at the level, the bias counted, if points are independent and the bins were chosen without looking at them;
    its lower end holds for the laws themselves too, since binning only lowers JS.

    Args:
        x: Source sample, (n, d) or (n,).
        y: Target sample, (m, d) or (m,).
        edges: Where one bin ends and the next begins: increasing numbers, (k,), for points on the line, or a list of d
            such arrays. The outer bins reach to infinity, so that each point has its bin; k edges make k + 1 bins.
        level: Of the interval, in (0, 1).

    Returns:
        The divergence of the two histograms.

    Raises:
        InvalidInputError: If an argument breaks a rule.

    Source: McDiarmid (1989), Lemma 1.2, for the interval.

    >>> round(histogram_jensen_shannon([0.0, 0.1], [0.8, 0.9], edges=[0.5]).value, 12)
    0.69314718056
    """
    chance = 1 - as_number("level", level, low=0, high=1, open_low=True)
    if chance == 0:
        raise InvalidValueError("level", "be below 1", level, "at level 1 only [0, log 2] holds")
    here, there, bins = _counts(x, y, edges)
    n, m = int(here.sum()), int(there.sum())
    p, q = here / n, there / m
    share = p / (p + q)
    value = LOG2 - float(np.sum((p + q) / 2 * _coin(share)))
    swing = 0.5 * math.log(2 / chance) * sum(size * _step(size) ** 2 for size in (n, m))
    # As log (n + k − 1) − log n, since the number of bins in many dimensions is beyond all floats.
    bias = 0.5 * sum(math.log(size + bins - 1) - math.log(size) for size in (n, m))
    value = min(max(0.0, value), LOG2)
    interval = Interval(
        max(0.0, value - bias - math.sqrt(swing)),
        min(LOG2, value + math.sqrt(swing)),
        f"statistical at level {level:g}, finite-sample, for the laws on these bins",
    )
    return Divergence(value, interval, 0.0, "histograms")


def _coin(share: FloatArray) -> FloatArray:
    """Entropy of a coin, in nats: 0 exactly at 0 and 1."""
    inside = (share > 0) & (share < 1)
    t = share[inside]
    entropy = np.zeros_like(share)
    entropy[inside] = -t * np.log(t) - (1 - t) * np.log1p(-t)
    return entropy


def _step(n: int) -> float:
    """What one of n points can change."""
    return 0.5 * (math.log1p(n) / n + math.log1p(1 / n))


def _counts(x: Any, y: Any, edges: Any) -> tuple[FloatArray, FloatArray, int]:
    """Points of both in each bin that holds any, and the number of all bins."""
    source, target = as_points("x", x), as_points("y", y)
    dim = source.shape[1]
    if target.shape[1] != dim:
        raise InvalidShapeError(
            "y", f"have the dimension of x, {dim}", f"shape {target.shape}", "give both the same coordinates"
        )
    axes = _read_edges(edges, dim)
    cells = np.concatenate(
        [
            np.column_stack([np.searchsorted(axis, points[:, k], side="right") for k, axis in enumerate(axes)])
            for points in (source, target)
        ]
    )
    _, where = np.unique(cells, axis=0, return_inverse=True)
    where = where.reshape(-1)
    size = int(where.max()) + 1
    here, there = (np.bincount(part, minlength=size) for part in (where[: len(source)], where[len(source) :]))
    return here.astype(np.float64), there.astype(np.float64), math.prod(len(axis) + 1 for axis in axes)


def _read_edges(edges: Any, dim: int) -> list[FloatArray]:
    if isinstance(edges, int):
        raise InvalidTypeError(
            "edges", "be the places where bins end", repr(edges),
            "write numpy.linspace(low, high, k), chosen without looking at the samples",
        )  # fmt: skip
    nested = isinstance(edges, Sequence) and len(edges) > 0 and np.ndim(edges[0]) == 1
    axes = list(edges) if nested or np.ndim(edges) == 2 else [edges]
    if len(axes) != dim:
        raise InvalidShapeError(
            "edges", f"hold one array for each of the {dim} coordinates", f"{len(axes)}", "write [edges_0, edges_1, …]"
        )
    read = [as_real_array(f"edges[{k}]" if dim > 1 else "edges", axis) for k, axis in enumerate(axes)]
    for axis in read:
        if axis.ndim != 1:
            raise InvalidShapeError("edges", "have shape (k,)", f"shape {axis.shape}", "give one list of numbers")
        if (np.diff(axis) <= 0).any():
            raise InvalidValueError(
                "edges", "increase", np.array2string(axis, threshold=6, edgeitems=2), "sort them, each once"
            )
    return read
