r"""The masses of two measures as integers over one denominator.

Weights are floating point numbers, that is integers times a power of two; the measure that they stand for is
$a_i / \sum_k a_k$ in real arithmetic. Brought to a common denominator the masses of both sides are integers with the
same total, and everything about marginals can be settled exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled
from otgan.exact import two_product

#: Integer arrays below this total are stored as int64, and convert to float64 without rounding; above it as objects,
#: but for masses over `WHOLE`, a power of two, whose parts can be told apart without rounding too.
EXACT_FLOAT = 2**53
#: The total of rounded masses.
WHOLE = 2**61
#: Rounding to whole units leaves a mass of this many of them as it is, to a part in so many.
ENOUGH = 500


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
        if masses.dtype != object:
            return high, _remainders(masses, high, float(self.total)) / self.total
        low = np.empty(len(high))
        for k, (mass, quotient) in enumerate(zip(masses.tolist(), high.tolist(), strict=True)):
            top, bottom = quotient.as_integer_ratio()
            low[k] = (mass * bottom - top * self.total) / (bottom * self.total)
        return high, low


@compiled
def _remainders(masses: NDArray[np.int64], quotients: FloatArray, total: float) -> FloatArray:
    """Mass − quotient · total, exactly: the product is near the mass, and what it loses is known."""
    rest = np.empty(len(masses))
    for k in range(len(masses)):
        product, lost = two_product(quotients[k], total)
        whole = int(product)
        rest[k] = (float(masses[k] - whole) - (product - whole)) - lost
    return rest


def _all_equal(weights: FloatArray) -> bool:
    return weights.strides == (0,) or bool((weights == weights[0]).all())


def _integers(weights: FloatArray) -> list[int]:
    """Integers in the proportion of the weights, without a common divisor."""
    if _all_equal(weights):
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


def carries(masses: Masses) -> bool:
    """Whether `whole_masses` leaves the positive masses as they are, to a part in `ENOUGH` of each."""
    total = int(masses.a.sum())
    return total <= WHOLE or all(int(side[side > 0].min()) * WHOLE >= ENOUGH * total for side in (masses.a, masses.b))


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


class Rounded(NamedTuple):
    """Masses near those of some weights, which int64 holds.

    Attributes:
        masses: Masses over `WHOLE`.
        moved: The share of all mass that differs at the most, of both sides together.
    """

    masses: Masses
    moved: float


def rounded_masses(weights_a: FloatArray, weights_b: FloatArray) -> Rounded | None:
    """Masses rounded to whole units; None where exact ones are as small, or a weight is only a few units.

    Args:
        weights_a: Source weights, (n,), not negative, not all zero.
        weights_b: Target weights, (m,), likewise.
    """
    sides = weights_a, weights_b
    if all(_all_equal(side) for side in sides):
        return None
    if all((side == np.floor(side)).all() and side.sum() < EXACT_FLOAT**0.5 for side in sides):
        return None
    wholes, moved = [], 0
    for side in sides:
        largest = math.frexp(float(side.max()))[1]
        scaled = np.ldexp(side, -largest)
        total = math.fsum(scaled.tolist())
        whole = np.empty(len(side), np.int64)
        inexact = _to_units(scaled, total, math.fsum([-total, *scaled.tolist()]), whole)
        if whole[side > 0].min() < ENOUGH:
            return None
        # Each inexact mass is off by less than one unit, and the one that makes up for them all by one for each: that
        # is two units for each in L1, of which one is taken from some points and given to others.
        whole[np.argmax(whole)] += WHOLE - int(whole.sum())
        wholes.append(whole)
        moved += inexact
    return Rounded(Masses(wholes[0], wholes[1], WHOLE), moved / WHOLE)


@compiled
def _to_units(weights: FloatArray, total: float, rest: float, whole: NDArray[np.int64]) -> int:
    """Weights / (total + rest) in units of 1 / `WHOLE`, to within one; how many are not known to be whole."""
    inexact = 0
    for k in range(len(weights)):
        share = weights[k] / total
        product, lost = two_product(share, total)
        over = (weights[k] - product) - lost
        high, low = share * 2.0**61, (over - share * rest) / total * 2.0**61
        whole[k] = int(high)
        inexact += over != 0 or rest != 0 or high != whole[k]
        whole[k] += int(np.rint((high - whole[k]) + low))
    return inexact


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
    def rounded(self) -> Rounded | None:
        """Masses nearby that int64 holds, where the exact ones are larger; see `rounded_masses`."""
        return rounded_masses(*self.weights)

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
