"""What is true, by means that share nothing with otgan: weak duality in long doubles, and POT."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.soak.problems import Problem

#: Of the globe, in kilometres, as documented.
RADIUS = np.longdouble("6371.0088")
LongArray = NDArray[np.longdouble]


def distances(problem: Problem) -> tuple[LongArray, int]:
    """All distances in long doubles, (n, m), divided by a power of two that makes their size ordinary.

    Returns:
        The distances, and the exponent of that power.
    """
    metric = problem.settings["metric"]
    if metric == "haversine":
        return _great_circles(problem.x, problem.y), 0
    points = np.concatenate([problem.x, problem.y])
    exponent = int(np.frexp(np.ptp(points, axis=0).max())[1])
    # Exact, since long doubles have room below and above.
    x, y = (np.ldexp(side.astype(np.longdouble), -exponent) for side in (problem.x, problem.y))
    total = np.zeros((len(x), len(y)), np.longdouble)
    for s, t in zip(x.T, y.T, strict=True):
        part = abs(s[:, None] - t)
        if metric == "chebyshev":
            np.maximum(total, part, out=total)
        else:
            total += part * part if metric == "euclidean" else part
    return np.sqrt(total) if metric == "euclidean" else total, exponent


def _great_circles(x: Any, y: Any) -> LongArray:
    """2 atan2(√h, √(1 − h)), h the haversine; each as a sum of what is not negative, of sines of exact small angles."""
    half = 2 * np.arctan(np.longdouble(1)) / 180  # of a degree
    (lat1, lon1), (lat2, lon2) = x.astype(np.longdouble).T[:, :, None], y.astype(np.longdouble).T
    turn = abs(lon1 - lon2)
    turn = abs(turn - 360 * np.round(turn / 360))
    cosines = np.sin(2 * half * (90 - abs(lat1))) * np.sin(2 * half * (90 - abs(lat2)))
    near = np.sin(half * (lat1 - lat2)) ** 2 + cosines * np.sin(half * turn) ** 2
    opposite = np.sin(half * (lat1 + lat2)) ** 2 + cosines * np.sin(half * (180 - turn)) ** 2
    return 2 * RADIUS * np.arctan2(np.sqrt(near), np.sqrt(opposite))


def normalised(weights: Any, n: int) -> LongArray:
    """Weights in long doubles, with sum one."""
    w = np.ones(n, np.longdouble) if weights is None else weights.astype(np.longdouble)
    return w / w.sum()


def between(problem: Problem, solution: Any, costs: LongArray, exponent: int) -> tuple[float, float]:
    """The optimal cost lies between these two, by weak duality, whoever made the plan and the potentials.

    Args:
        problem: The problem.
        solution: Its plan and potentials are used, and none of its bounds.
        costs: Costs in long doubles, in units of 2^exponent.
        exponent: See there.
    """
    p = problem.settings["p"]
    a, b = normalised(problem.a, len(problem.x)), normalised(problem.b, len(problem.y))
    rows, columns, mass = solution.matched_pairs()
    mass = mass.astype(np.longdouble)
    off = _off(rows, mass, a) + _off(columns, mass, b)
    # Mass in the wrong place can be brought to the right one at the largest cost.
    upper = (mass * costs[rows, columns]).sum() + off * costs.max()
    unit = np.exp2(np.longdouble(-exponent) * np.longdouble(p))
    f = solution.potentials.f.astype(np.longdouble) * unit
    g = (costs[a > 0] - f[a > 0, None]).min(axis=0)
    lower = (a * f).sum() + (b * g)[b > 0].sum()
    return float(max(lower, 0)), float(upper)


def _off(places: NDArray[np.intp], mass: LongArray, weights: LongArray) -> np.longdouble:
    missing = weights.copy()
    np.subtract.at(missing, places, mass)
    return abs(missing).sum()


def pot_cost(problem: Problem, costs: LongArray) -> tuple[float | None, str]:
    """POT's optimal cost in the same units, and what it warned of; None where it has no answer."""
    import ot

    a, b = (normalised(w, k).astype(float) for w, k in ((problem.a, len(problem.x)), (problem.b, len(problem.y))))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = float(ot.emd2(a, b / b.sum() * a.sum(), costs.astype(float), numItermax=10**7))
    said = "; ".join(sorted({str(warning.message) for warning in caught}))
    return (None if said or not np.isfinite(value) else value), said
