"""What every measure can do: tell its dimension and draw points."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Self

import numpy as np

from otgan.checks import FloatArray, as_count, as_generator

#: More points than this are a mistake rather than a sample.
MAX_SAMPLES = 10**9


class Measure(ABC):
    """A probability measure on R^d that points can be drawn from.

    A subclass gives `dim` and `_sample`; `sample` has checked the arguments by then.
    """

    _name: str | None = None

    @property
    @abstractmethod
    def dim(self) -> int:
        """Dimension d of the space."""

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw n independent points.

        Args:
            n: Number of points, n ≥ 1.
            rng: Source of randomness; the same state gives the same points.

        Returns:
            Points, (n, d), float64, in units of length.

        Raises:
            InvalidTypeError: If n is not an integer, or rng is not a `numpy.random.Generator`.
            InvalidValueError: If n < 1.
        """
        return self._sample(as_count("n", n, high=MAX_SAMPLES), as_generator("rng", rng))

    @abstractmethod
    def _sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw n points, (n, d), float64."""

    def named(self, name: str) -> Self:
        """The same measure under a name of its own, which `repr` shows."""
        twin = copy.copy(self)
        twin._name = name
        return twin

    def _describe(self) -> str:
        return f"{type(self).__name__}(dim={self.dim})"

    def __repr__(self) -> str:
        return self._name or self._describe()
