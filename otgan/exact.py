r"""Arithmetic whose error is known: exact integer masses, error-free transformations, and sums of products.

Weights are floating point numbers, that is integers times a power of two; the measure that they stand for is
$a_i / \sum_k a_k$ in real arithmetic. Brought to a common denominator the masses of both sides are integers with the
same total, and everything about marginals can be settled exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled
from otgan.metrics import UNIT

#: Integer arrays below this total are stored as int64 and convert to float64 without rounding; above it as objects.
EXACT_FLOAT = 2**53


@dataclass(frozen=True, eq=False)
class Masses:
    """Source and target masses as integers over one denominator.

    Attributes:
        a: Source masses, (n,), int64 or Python integers.
        b: Target masses, (m,), likewise; the same sum as a.
        total: The denominator: a / total is the measure (its sum is `total`, or less after a cancellation).
    """

    a: NDArray[Any]
    b: NDArray[Any]
    total: int

    def floats(self, masses: NDArray[Any]) -> FloatArray:
        """Masses / total, each rounded once (below 1e-307, to a multiple of 5e-324)."""
        if masses.dtype != object:
            return np.asarray(masses / self.total)
        return np.array([mass / self.total for mass in masses], dtype=np.float64)  # int / int rounds correctly

    def two_floats(self, masses: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        """Masses / total as a rounded quotient and its rounded remainder: good to a relative 2u², or 5e-324."""
        high = self.floats(masses)
        if masses.dtype != object:  # mass − high · total, exactly: the product's rounded part is near mass
            whole, lost = np.split(products(high, np.full(len(high), float(self.total))), 2)
            return high, ((masses - whole) - lost) / self.total
        low = np.empty(len(high))
        for k, (mass, quotient) in enumerate(zip(masses.tolist(), high.tolist(), strict=True)):
            top, bottom = quotient.as_integer_ratio()
            low[k] = (mass * bottom - top * self.total) / (bottom * self.total)
        return high, low


def _integers(weights: FloatArray) -> list[int]:
    """Integers in the proportion of the weights, without a common divisor."""
    if (weights == weights[0]).all():
        return [1] * len(weights)
    mantissas, exponents = np.frexp(weights)
    shifts = exponents - exponents[weights > 0].min()
    whole = (mantissas * 2.0**53).astype(np.int64)
    integers = [int(k) << int(s) if k else 0 for k, s in zip(whole, shifts, strict=True)]
    divisor = math.gcd(*integers)
    return [k // divisor for k in integers]


def integer_masses(a: FloatArray, b: FloatArray) -> Masses:
    """Masses of the measures that the weights stand for.

    Args:
        a: Source weights, (n,), not negative, not all zero.
        b: Target weights, (m,), likewise.
    """
    left, right = _integers(a), _integers(b)
    total_left, total_right = sum(left), sum(right)
    common = math.gcd(total_left, total_right)
    total = total_left // common * total_right
    dtype: Any = np.int64 if total < EXACT_FLOAT else object
    return Masses(
        np.array([k * (total_right // common) for k in left], dtype=dtype),
        np.array([k * (total_left // common) for k in right], dtype=dtype),
        total,
    )


#: Largest total of masses that `whole_masses` leaves as they are.
WHOLE = 2**61


def carries(masses: Masses) -> bool:
    """Whether `whole_masses` leaves the positive masses as they are, to a part in 500 of each."""
    total = int(masses.a.sum())
    return total <= WHOLE or all(int(side[side > 0].min()) * WHOLE >= 500 * total for side in (masses.a, masses.b))


def whole_masses(masses: Masses) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positive masses as int64 with the same sum on both sides: themselves up to `WHOLE`, else rounded to it."""
    total = int(masses.a.sum())
    if total <= WHOLE:
        return masses.a.astype(np.int64), masses.b.astype(np.int64)
    sides = []
    for side in (masses.a, masses.b):
        rounded = np.array([max(1, int(mass) * WHOLE // total) for mass in side], dtype=np.int64)
        rounded[np.argmax(rounded)] += WHOLE - int(rounded.sum())
        sides.append(rounded)
    return sides[0], sides[1]


class WeightMasses(Masses):
    """Masses of float weights, brought to integers when one of them is asked for; on the line few ever are.

    Args:
        weights_a: Source weights, (n,), not negative, not all zero.
        weights_b: Target weights, (m,), likewise.
    """

    def __init__(self, weights_a: FloatArray, weights_b: FloatArray) -> None:
        self.__dict__["weights"] = weights_a, weights_b  # the class is frozen

    weights: tuple[FloatArray, FloatArray]

    @cached_property
    def _exact(self) -> Masses:
        return integer_masses(*self.weights)

    @property
    def a(self) -> NDArray[Any]:
        """Source masses, (n,)."""
        return self._exact.a

    @property
    def b(self) -> NDArray[Any]:
        """Target masses, (m,)."""
        return self._exact.b

    @property
    def total(self) -> int:
        """The denominator."""
        return self._exact.total


def sums_by(index: NDArray[np.intp], masses: NDArray[Any], size: int) -> NDArray[Any]:
    """Exact sums of integer masses by index, (size,)."""
    sums = np.zeros(size, dtype=masses.dtype)
    np.add.at(sums, index, masses)
    return sums


def sum_error(x: FloatArray, y: FloatArray) -> FloatArray:
    """Rounding error of a sum, so that x + y = fl(x + y) + error exactly (Knuth's TwoSum; Higham 2002, Sec. 4.3)."""
    s = x + y
    z = s - x
    return np.asarray((x - (s - z)) + (y - z))


def products(x: FloatArray, y: FloatArray) -> FloatArray:
    """Terms whose exact sum is the exact sum of x·y: the rounded products and their errors, (2k,).

    Dekker's product with Veltkamp's splitting (Dekker 1971, Numer. Math. 18). Operands stay below 1e290 here, so
    the splitting does not overflow; products below 1e-280 may lose their error term to underflow.
    """
    high = x * y
    x1, y1 = _upper_half(x), _upper_half(y)
    x2, y2 = x - x1, y - y1
    return np.concatenate([high, x2 * y2 - (((high - x1 * y1) - x2 * y1) - x1 * y2)])


def _upper_half(x: FloatArray) -> FloatArray:
    scaled = x * 134217729.0  # 2**27 + 1
    return np.asarray(scaled - (scaled - x))


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
    """Dot2 from where it has come to; products after Dekker, sums after Knuth, as in `products` and `sum_error`."""
    for k in range(len(x)):
        product = x[k] * y[k]
        scaled = x[k] * 134217729.0
        x1 = scaled - (scaled - x[k])
        scaled = y[k] * 134217729.0
        y1 = scaled - (scaled - y[k])
        x2, y2 = x[k] - x1, y[k] - y1
        lost = x2 * y2 - (((product - x1 * y1) - x2 * y1) - x1 * y2)
        total = high + product
        moved = total - high
        low += ((high - (total - moved)) + (product - moved)) + lost
        high = total
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
