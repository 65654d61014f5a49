"""Metrics on points: how they are computed, and how exactly."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from otgan.checks import FloatArray
from otgan.distances import CHEBYSHEV, CITYBLOCK, EUCLIDEAN, distances
from otgan.errors import InvalidShapeError, InvalidValueError

#: Unit roundoff of float64.
UNIT = 2.0**-53
#: Mean radius of the Earth in kilometres, (2a + b)/3 of the GRS 80 ellipsoid (Moritz 2000).
EARTH_RADIUS = 6371.0088


@dataclass(frozen=True)
class Metric:
    """A metric on points, and how well it is computed.

    Attributes:
        name: As passed to `metric=`.
        pairwise: (n, d), (m, d) -> (n, m) distances.
        paired: (k, d), (k, d) -> (k,) distances between rows of the same number.
        relative_error: Dimension -> r, where |computed − true| ≤ r · true + absolute_error.
        absolute_error: Both samples (k, d) -> a bound in units of length; underflow comes on top.
        diameter: Points (k, d) -> an upper estimate of their largest distance.
        check: Raises where points are outside the metric's domain.
    """

    name: str
    pairwise: Callable[[FloatArray, FloatArray], FloatArray]
    paired: Callable[[FloatArray, FloatArray], FloatArray]
    relative_error: Callable[[int], float]
    diameter: Callable[[FloatArray], float]
    check: Callable[[str, FloatArray], None]
    absolute_error: Callable[[FloatArray], float] = lambda points: 0.0

    def __reduce__(self) -> tuple[Callable[[str], Metric], tuple[str]]:
        # By its name, so that whatever holds a metric survives a process pool.
        return _named, (self.name,)


def _named(name: str) -> Metric:
    return METRICS[name]


def _differences_error(dim: int) -> float:
    # A difference of floats, its square or absolute value, a sum of d terms and a root each round once:
    # (1 + u)^(d + 3) at the most (Higham 2002, Accuracy and Stability of Numerical Algorithms, Sec. 3.1).
    return (dim + 4) * UNIT


def _anywhere(name: str, points: FloatArray) -> None:
    """Every finite point is in the domain."""


def _norm_metric(name: str, norm: int, order: float) -> Metric:
    def paired(x: FloatArray, y: FloatArray) -> FloatArray:
        return np.asarray(np.linalg.norm(x - y, ord=order, axis=1))

    def diameter(points: FloatArray) -> float:
        widths = np.ptp(points, axis=0)
        longest = float(widths.max())  # taken out first, so that no square leaves float64
        return longest * float(np.linalg.norm(widths / longest, ord=order)) if longest else 0.0

    def pairwise(x: FloatArray, y: FloatArray) -> FloatArray:
        return distances(x, y, norm)

    return Metric(name, pairwise, paired, _differences_error, diameter, _anywhere)


def great_circle(lat1: Any, lon1: Any, lat2: Any, lon2: Any) -> Any:
    """Great-circle distance in kilometres, accurate also for near and for antipodal points.

    The arctangent form (Vincenty's formula on the sphere). Differences and complements are taken in degrees, where
    they are exact or nearly so, and the term that cancels for near points is expanded, so every operand is known to a
    few units in the last place.
    """
    radians = math.pi / 180
    turn = lon2 - lon1
    turn = turn - 360 * np.round(turn / 360)
    half = np.sin(turn * (radians / 2))
    sin1, sin2 = np.sin(lat1 * radians), np.sin(lat2 * radians)
    cos1, cos2 = np.sin((90 - abs(lat1)) * radians), np.sin((90 - abs(lat2)) * radians)
    east = cos2 * np.sin(turn * radians)
    north = np.sin((lat2 - lat1) * radians) + 2 * sin1 * cos2 * half**2
    along = sin1 * sin2 + cos1 * cos2 * np.cos(turn * radians)
    return EARTH_RADIUS * np.arctan2(np.hypot(east, north), along)


def _check_degrees(name: str, points: FloatArray) -> None:
    if points.shape[1] != 2:
        raise InvalidShapeError(
            name, "have two columns for metric='haversine'", f"shape {points.shape}", "give latitude and longitude"
        )
    if abs(points[:, 0]).max() > 90 or abs(points[:, 1]).max() > 360:
        raise InvalidValueError(
            name,
            "hold degrees, latitude in [-90, 90] and longitude in [-360, 360]",
            f"latitude up to {abs(points[:, 0]).max():g}, longitude up to {abs(points[:, 1]).max():g}",
            "order the columns as latitude, longitude",
        )


def _haversine_paired(x: FloatArray, y: FloatArray) -> FloatArray:
    return np.asarray(great_circle(x[:, 0], x[:, 1], y[:, 0], y[:, 1]))


def _haversine_pairwise(x: FloatArray, y: FloatArray) -> FloatArray:
    distances = np.empty((len(x), len(y)))
    step = max(1, 2**18 // len(y))  # few rows at a time, since each makes some eight arrays of its size
    for start in range(0, len(x), step):
        rows = x[start : start + step]
        distances[start : start + step] = great_circle(rows[:, :1], rows[:, 1:], y[:, 0], y[:, 1])
    return distances


METRICS: dict[str, Metric] = {
    "euclidean": _norm_metric("euclidean", EUCLIDEAN, 2),
    "cityblock": _norm_metric("cityblock", CITYBLOCK, 1),
    "chebyshev": _norm_metric("chebyshev", CHEBYSHEV, np.inf),
    "haversine": Metric(
        "haversine",
        _haversine_pairwise,
        _haversine_paired,
        # About twenty roundings, each of relative size u, and functions of the platform's libm to within 2u.
        lambda dim: 64 * UNIT,
        lambda points: math.pi * EARTH_RADIUS,
        _check_degrees,
        # Where the shorter way crosses the date line, differences of longitudes round by 360u degrees, 5e-12 km.
        lambda points: 1e-11 if np.ptp(points[:, 1]) > 180 else 0.0,
    ),
}
