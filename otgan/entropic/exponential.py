"""The innermost loops: exponentials of a row, and its largest entry and sums.

The C library's exponential takes 4 to 9 ns an entry in a compiled loop, since LLVM comes without a vector math library;
this one takes 1 to 2. Functions with liberties in their arithmetic are small and have one purpose each: the compiler
has been seen to err on larger ones.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled

#: 1.5 · 2^52, at which floats are integers, and the bias of a float's exponent.
_SHIFT = 1.5 * 2.0**52 + 1023
_LOG2E = 1 / math.log(2)
#: ln 2 in two parts, the first of which leaves room for exact multiples (Cody and Waite's reduction).
_LN2, _LN2_REST = float.fromhex("0x1.62e42fee00000p-1"), float.fromhex("0x1.a39ef35793c76p-33")
_C = tuple(1 / math.factorial(k) for k in range(13))
#: Exponents below count as this one.
_LOWEST = -700.0


@compiled(fastmath={"nnan", "ninf", "nsz"})
def largest_of(values: FloatArray) -> float:
    """The largest of finite values."""
    largest = values[0]
    for j in range(1, len(values)):
        largest = max(largest, values[j])
    return largest


@compiled(fastmath={"reassoc"})
def sum_of(values: FloatArray) -> float:
    """The sum, in any order."""
    total = 0.0
    for j in range(len(values)):
        total += values[j]
    return total


@compiled(fastmath={"reassoc"})
def deal(shares: FloatArray, mass: float, costs: FloatArray, columns: FloatArray) -> float:
    """Add a row of the plan, mass times shares, to the column sums; returns its cost."""
    total = 0.0
    for j in range(len(shares)):
        entry = mass * shares[j]
        columns[j] += entry
        total += entry * costs[j]
    return total


@compiled
def exponentials(values: FloatArray, out: FloatArray, power: FloatArray, bits: NDArray[np.int64]) -> None:
    """The exponential of each value, none positive, to a few units in the last place; below −700, that of −700.

    exp(v) = 2^k · exp(r) with v = k ln 2 + r, |r| ≤ ln 2 / 2, and Taylor's polynomial of degree 12, which is good to
    2e-16 there. Adding `_SHIFT` leaves k, with the bias of a float's exponent, in the last bits, and moved to the
    exponent's place they are 2^k.

    Args:
        values: (k,); clipped in place.
        out: (k,).
        power: Room, (k,).
        bits: The same memory as `power`, seen as integers.
    """
    c = _C
    for j in range(len(values)):
        values[j] = max(values[j], _LOWEST)
        power[j] = values[j] * _LOG2E + _SHIFT
    for j in range(len(values)):
        k = power[j] - _SHIFT
        r = (values[j] - k * _LN2) - k * _LN2_REST
        series = c[11] + r * c[12]
        series = c[10] + r * series
        series = c[9] + r * series
        series = c[8] + r * series
        series = c[7] + r * series
        series = c[6] + r * series
        series = c[5] + r * series
        series = c[4] + r * series
        series = c[3] + r * series
        series = c[2] + r * series
        out[j] = 1 + r * (1 + r * series)
    for j in range(len(values)):
        bits[j] = bits[j] << 52
    for j in range(len(values)):
        out[j] *= power[j]


@compiled(inline=True)
def soft_row(
    exponents: FloatArray,
    costs: FloatArray,
    rate: float,
    values: FloatArray,
    out: FloatArray,
    power: FloatArray,
    bits: NDArray[np.int64],
) -> float:
    """exp(exponents − costs · rate), divided by the largest of them, whose exponent it returns; see `exponentials`."""
    for j in range(len(costs)):
        values[j] = exponents[j] - costs[j] * rate
    largest = largest_of(values)
    for j in range(len(costs)):
        values[j] -= largest
    exponentials(values, out, power, bits)
    return largest
