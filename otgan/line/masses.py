"""Masses on the line as two integers each, so that distribution functions add up without error.

A weight is cut into a high and a low part, integers of 40 bits in units of a power of two. Any sum of them fits
int64, in any order, without rounding; and two distribution functions that agree have a difference of exactly 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from otgan.checks import FloatArray
from otgan.compiled import compiled
from otgan.exact import two_product, two_sum

#: Where the totals of both sides differ as integers, a difference of distribution functions is good to this much.
#: Products of two floats each keep 8u² of either function, which is at most 1, at the most; doubled.
DIFFERENCE_ERROR = 2.0**-101


class Totals(NamedTuple):
    """What turns integer masses into shares of the whole.

    Attributes:
        bits: Length of a low part.
        same: Whether both sides have the same total, as integers; then differences are exact.
        a1: The source's total in units of the low part, rounded to float64.
        a2: What that rounding lost.
        b1: The target's total, likewise.
        b2: What that rounding lost.
    """

    bits: int
    same: bool
    a1: float
    a2: float
    b1: float
    b2: float


@dataclass(frozen=True, eq=False)
class LineMasses:
    """The weights of both sides, ready to be cut into integers.

    Attributes:
        a: Source weights times a power of two that brings them below 2^bits, (n,); equal ones are a view of one number.
        b: Target weights, (m,), likewise, times a power of their own.
        totals: The totals.
        error: Bound of |computed − true| of a difference of distribution functions, beside its relative rounding;
            0 where they are exact.
    """

    a: FloatArray
    b: FloatArray
    totals: Totals
    error: float


def line_masses(a: FloatArray, b: FloatArray) -> LineMasses:
    """Prepare weights as given: not negative, not all zero, of any sum.

    Args:
        a: Source weights, (n,).
        b: Target weights, (m,).
    """
    n, m = len(a), len(b)
    # A sum of n parts of this many bits stays below 2^62.
    bits = min(40, 62 - max(n, m).bit_length())
    if _all_equal(a) and _all_equal(b) and math.lcm(n, m) // min(n, m) < 2**bits:
        common = math.gcd(n, m)
        one, other = np.float64(m // common), np.float64(n // common)
        total = two_floats(n // common * m, 0, bits)
        equal = np.broadcast_to(one, n), np.broadcast_to(other, m)
        return LineMasses(*equal, Totals(bits, True, *total, *total), 0.0)
    (a, sum_a, lost_a), (b, sum_b, lost_b) = (_scaled(side, bits) for side in (a, b))
    pairs = two_floats(*sum_a, bits), two_floats(*sum_b, bits)
    same = sum_a == sum_b
    # A weight that needs more bits than two parts have is cut by less than one unit; so is the total.
    error = 2 * (lost_a / pairs[0][0] + lost_b / pairs[1][0]) + (0.0 if same else DIFFERENCE_ERROR)
    return LineMasses(a, b, Totals(bits, same, *pairs[0], *pairs[1]), error)


def _all_equal(weights: FloatArray) -> bool:
    return weights.strides == (0,) or bool((weights == weights[0]).all())


def _scaled(weights: FloatArray, bits: int) -> tuple[FloatArray, tuple[int, int], int]:
    """Weights just below 2^bits, the sums of their parts, and how many need more than two parts."""
    exponent = bits - math.frexp(float(weights.max()))[1]
    scaled = weights * math.ldexp(1.0, exponent) if abs(exponent) < 1000 else np.ldexp(weights, exponent)
    if exponent < 0:  # what underflows stays positive, and counts among those that need more parts
        scaled = np.where((weights > 0) & (scaled == 0), 5e-324, scaled)
    high, low, lost = sum_of_parts(scaled, bits)
    carry = low >> bits
    return scaled, (high + carry, low - (carry << bits)), lost


@compiled
def parts(scaled: float, base: float) -> tuple[int, int]:
    """High and low part of a scaled weight."""
    high = int(scaled)
    return high, int((scaled - high) * base)


@compiled
def sum_of_parts(scaled: FloatArray, bits: int) -> tuple[int, int, int]:
    """Sums of the high and of the low parts, and the number of weights that two parts do not hold."""
    base = 2.0**bits
    high, low, lost = 0, 0, 0
    for weight in scaled:
        one, other = parts(weight, base)
        high += one
        low += other
        lost += ((weight - one) * base - other) > 0
    return high, low, lost


@compiled
def two_floats(high: int, low: int, bits: int) -> tuple[float, float]:
    """The integer high · 2^bits + low as the exact sum of two floats, the second below an ulp of the first."""
    carry = low >> bits
    high, low = high + carry, low - (carry << bits)
    first = float(high)
    # The rest has at most 10 bits above the low part's: exact.
    return two_sum(first * 2.0**bits, float(high - int(first)) * 2.0**bits + float(low))


@compiled
def difference(ah: int, al: int, bh: int, bl: int, totals: Totals) -> float:
    """F − G from the parts of either side's mass so far: to a relative 6u, and `LineMasses.error`."""
    if totals.same:
        high, low = ah - bh, al - bl
        carry = low >> totals.bits
        high, low = high + carry, low - (carry << totals.bits)
        return (float(high) * 2.0**totals.bits + float(low)) / totals.a1
    a1, a2 = two_floats(ah, al, totals.bits)
    b1, b2 = two_floats(bh, bl, totals.bits)
    p, p_low = two_product(a1, totals.b1)
    q, q_low = two_product(b1, totals.a1)
    p_low += a1 * totals.b2 + a2 * totals.b1
    q_low += b1 * totals.a2 + b2 * totals.a1
    s, s_low = two_sum(p, -q)
    return (s + (s_low + (p_low - q_low))) / (totals.a1 * totals.b1)
