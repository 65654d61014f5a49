"""A piecewise linear chain in integers: values, pieces and slopes without any rounding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.exact import down, up
from otgan.lipschitz.chain import Chain

#: What the units of one stage do on a piece: which are on, (m,) bool; which entry comes where after a sort, (m,) int;
#: None where there is no activation.
Pattern = NDArray[Any] | None
#: Matrices in object dtype, whose entries are Python integers of any length.
Integers = NDArray[np.object_]

#: Matrices of pieces that are kept, since neighbours ask for the same ones.
KEPT = 64


class IntegerChain:
    """f = h / 2^e in integers.

    Args:
        chain: Piecewise linear.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._weights: list[Integers] = []
        self._biases: list[Integers] = []
        self._slopes: list[tuple[int, int]] = []  # of a leaky unit: on, off
        exponent = 0
        for stage, biases in zip(chain.stages, chain.exact_biases(), strict=True):
            ratios = [float(w).as_integer_ratio() for w in stage.weight.ravel()]
            shift = max(denominator.bit_length() - 1 for _, denominator in ratios)
            shift = max(shift, max(b.denominator.bit_length() - 1 for b in biases) - exponent)
            exponent += shift
            entries = np.empty(len(ratios), dtype=object)
            entries[:] = [numerator * (2**shift // denominator) for numerator, denominator in ratios]
            self._weights.append(entries.reshape(stage.weight.shape))
            column = np.empty(len(biases), dtype=object)
            column[:] = [int(b * 2**exponent) for b in biases]
            self._biases.append(column)
            off, on = stage.number.as_integer_ratio() if stage.kind == "leaky" else (1, 1)
            self._slopes.append((on, off))
            exponent += on.bit_length() - 1
        self._exponent = exponent
        self._posts: dict[bytes, Integers] = {}

    def cut(self, patterns: Sequence[Pattern], stage: int, units: tuple[int, int]) -> tuple[int, ...]:
        """Coefficients (…, constant) of unit i of a stage on a piece, or of unit i less unit j (j ≥ 0)."""
        i, j = units
        weights = self._weights[stage]
        row = weights[i] if j < 0 else weights[i] - weights[j]
        bias = self._biases[stage][i] - (0 if j < 0 else self._biases[stage][j])
        if stage == 0:
            return (*row.tolist(), bias)
        coefficients = row @ self._post(patterns[:stage])
        return (*coefficients[:-1].tolist(), coefficients[-1] + bias)

    def gradient_square(self, patterns: Sequence[Pattern]) -> Fraction:
        """‖∇f‖² on a piece, exactly."""
        row = self.cut(patterns, len(self._weights) - 1, (0, -1))[:-1]
        return Fraction(sum(int(entry) ** 2 for entry in row), 4**self._exponent)

    def _post(self, patterns: Sequence[Pattern]) -> Integers:
        """Behind the activation of the last of these stages, as affine functions of the point: (m, d + 1)."""
        key = b"|".join(b"" if pattern is None else pattern.tobytes() for pattern in patterns)
        if key not in self._posts:
            stage = len(patterns) - 1
            if stage == 0:
                matrix = np.concatenate([self._weights[0], self._biases[0][:, None]], axis=1)
            else:
                matrix = self._weights[stage] @ self._post(patterns[:-1])
                matrix[:, -1] += self._biases[stage]
            if len(self._posts) >= KEPT:
                self._posts.clear()
            self._posts[key] = self._activate(stage, matrix, patterns[-1])
        return self._posts[key]

    def _activate(self, stage: int, matrix: Integers, pattern: Pattern) -> Integers:
        if pattern is None:
            return matrix
        if self._chain.stages[stage].kind == "sort":
            return np.asarray(matrix[pattern])
        on, off = self._slopes[stage]
        return np.where(pattern[:, None], matrix * on, matrix * off)

    def value(self, point: FloatArray) -> Fraction:
        """F at a point, (d,), exactly."""
        ratios = [float(x).as_integer_ratio() for x in point]
        common = max(denominator for _, denominator in ratios)
        values = np.empty(len(ratios), dtype=object)
        values[:] = [numerator * (common // denominator) for numerator, denominator in ratios]
        for stage, (weights, biases) in enumerate(zip(self._weights, self._biases, strict=True)):
            values = weights @ values + biases * common
            kind, number = self._chain.stages[stage].kind, self._chain.stages[stage].number
            if kind == "sort":
                groups = values.reshape(-1, int(number))
                values = np.sort(groups, axis=1).ravel()
            elif kind == "leaky":
                on, off = self._slopes[stage]
                values = np.where(values > 0, values * on, values * off)
        return Fraction(int(values[0]), common * 2**self._exponent)

    def slope(self, x: FloatArray, x_other: FloatArray) -> float:
        """|f(x) − f(x')| / ‖x − x'‖, rounded downward; 0 where the two points are one."""
        gaps = [Fraction(float(a)) - Fraction(float(b)) for a, b in zip(x, x_other, strict=True)]
        square = sum((gap * gap for gap in gaps), Fraction(0))
        if not square:
            return 0.0
        return root_below((self.value(x) - self.value(x_other)) ** 2 / square)


def root_above(square: Fraction) -> float:
    """The square root of a rational, rounded upward; infinite beyond float64."""
    try:
        value = _near_root(square)
        while Fraction(value) ** 2 < square:
            value = up(value)
    except OverflowError:
        return math.inf
    return value


def root_below(square: Fraction) -> float:
    """The square root of a rational, rounded downward; 0 beyond float64, where a slope is not reported."""
    try:
        value = _near_root(square)
    except OverflowError:
        return 0.0
    while value > 0 and Fraction(value) ** 2 > square:
        value = down(value)
    return value


def _near_root(square: Fraction) -> float:
    """The square root to an ulp or so, of squares that may be beyond float64 themselves."""
    half = (square.numerator.bit_length() - square.denominator.bit_length()) // 2
    return math.ldexp(math.sqrt(square / Fraction(4) ** half), half)
