"""Random indices with given probabilities."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray


class Choice:
    """Draws indices 0 … n − 1 with replacement, each with its share of the mass.

    `numpy.random.Generator.choice` does the same and sums up the weights anew at every call, which a training loop
    with small batches from many points would pay each time.

    Args:
        raw_weights: Weights as `otgan.checks.as_weights` returns them, (n,).

    Attributes:
        weights: Weights that sum to one up to rounding, (n,), float64.
    """

    def __init__(self, raw_weights: FloatArray) -> None:
        self.weights = raw_weights / math.fsum(raw_weights)
        total = np.cumsum(self.weights)
        self._cumulative = total / total[-1]  # ends at exactly 1, so a uniform number in [0, 1) has an index

    def draw(self, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """Draw n indices, (n,)."""
        # Side "right" passes over indices of no mass, even for the uniform number 0.
        return np.searchsorted(self._cumulative, rng.random(n), side="right")
