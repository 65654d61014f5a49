"""Arithmetic whose error is known: error-free transformations, sums of products, and outward rounding."""

from __future__ import annotations

import math

import numpy as np

from otgan.checks import FloatArray
from otgan.compiled import compiled
from otgan.metrics import UNIT


def sum_error(x: FloatArray, y: FloatArray) -> FloatArray:
    """Rounding error of a sum, so that x + y = fl(x + y) + error exactly (Knuth's TwoSum; Higham 2002, Sec. 4.3)."""
    s = x + y
    z = s - x
    return np.asarray((x - (s - z)) + (y - z))


@compiled
def two_sum(x: float, y: float) -> tuple[float, float]:
    """X + y, rounded, and what that lost: `sum_error` in compiled loops."""
    s = x + y
    z = s - x
    return s, (x - (s - z)) + (y - z)


@compiled
def two_product(x: float, y: float) -> tuple[float, float]:
    """X · y, rounded, and what that lost (Dekker 1971, Numer. Math. 18, with Veltkamp's splitting).

    Operands stay below 1e290 here, so the splitting does not overflow; products below 1e-280 may lose their error to
    underflow.
    """
    product = x * y
    wide_x, wide_y = x * 134217729.0, y * 134217729.0  # 2^27 + 1
    x1, y1 = wide_x - (wide_x - x), wide_y - (wide_y - y)
    x2, y2 = x - x1, y - y1
    return product, x2 * y2 - (((product - x1 * y1) - x2 * y1) - x1 * y2)


def dot(*pairs: tuple[FloatArray, FloatArray]) -> tuple[float, float]:
    """The sum of products over several pairs of arrays, as if in twice the precision, and a bound of its error.

    Algorithm Dot2 and its bound u |s| + γ_n² Σ |x_i y_i| (Ogita, Rump and Oishi 2005, Accurate Sum and Dot
    Product), with every constant doubled; underflow comes on top.
    """
    high, low, size, count = 0.0, 0.0, 0.0, 0
    for x, y in pairs:
        high, low, size = _dot(x, y, high, low, size)
        count += len(x)
    total = high + low
    return total, 2 * UNIT * abs(total) + 2 * (count * UNIT) ** 2 * size


@compiled
def _dot(x: FloatArray, y: FloatArray, high: float, low: float, size: float) -> tuple[float, float, float]:
    """Dot2 from where it has come to."""
    for k in range(len(x)):
        product, lost = two_product(x[k], y[k])
        high, lost_too = two_sum(high, product)
        low += lost_too + lost
        size += abs(product)
    return high, low, size


def down(value: float, ulps: int = 1) -> float:
    """The float some places below: an outward rounding."""
    for _ in range(ulps):
        value = math.nextafter(value, -math.inf)
    return value


def up(value: float, ulps: int = 1) -> float:
    """The float some places above: an outward rounding."""
    for _ in range(ulps):
        value = math.nextafter(value, math.inf)
    return value


def root(cost: float, p: float, direction: int) -> float:
    """The p-th root, rounded outward: pow is good to an ulp or so; 1/p, itself rounded, moves it by u |ln c| / p."""
    if cost == 0:
        return 0.0
    return float(cost ** (1 / p) * (1 + direction * 2 * UNIT * (4 + abs(math.log(cost)) / p)))
