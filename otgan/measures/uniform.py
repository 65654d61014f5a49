"""The uniform law on a box."""

from __future__ import annotations

from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_real_array
from otgan.errors import InvalidShapeError, InvalidValueError
from otgan.measures.base import Measure


class Uniform(Measure):
    """The uniform law on the box [low_1, high_1] × … × [low_d, high_d].

    Args:
        low: Lower ends, (d,), or a number on the line; in units of length.
        high: Upper ends, likewise, each above its lower end.

    Attributes:
        low: Lower ends, (d,), float64.
        high: Upper ends, (d,), float64.

    Raises:
        InvalidShapeError: If low and high are not vectors of one length.
        InvalidValueError: If high is not above low everywhere, or their distance overflows.
        InvalidTypeError: If an entry is not a real number.
    """

    def __init__(self, low: Any, high: Any) -> None:
        self.low = np.atleast_1d(as_real_array("low", low)).copy()
        self.high = np.atleast_1d(as_real_array("high", high)).copy()
        if self.low.ndim != 1 or self.low.shape != self.high.shape:
            raise InvalidShapeError(
                "high",
                "have the shape (d,) of low",
                f"shapes {self.low.shape} and {self.high.shape}",
                "give one end for each coordinate",
            )
        with np.errstate(over="ignore"):
            sides = self.high - self.low
        if not ((sides > 0) & np.isfinite(sides)).all():
            k = int(np.argmin((sides > 0) & np.isfinite(sides)))
            raise InvalidValueError(
                "high", "be above low", f"[{self.low[k]:g}, {self.high[k]:g}] at index {k}", "swap the ends"
            )

    @property
    def dim(self) -> int:
        """Dimension d of the space."""
        return len(self.low)

    def _sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        return rng.uniform(self.low, self.high, size=(n, self.dim))

    def _describe(self) -> str:
        if self.dim == 1:
            return f"Uniform({self.low[0]:g}, {self.high[0]:g})"
        return f"Uniform(dim={self.dim})"
