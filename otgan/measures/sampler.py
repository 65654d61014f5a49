"""A measure known only through a function that draws from it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_count, as_points
from otgan.errors import InvalidShapeError, InvalidTypeError
from otgan.measures.base import Measure

Sampler = Callable[[int, np.random.Generator], Any]


class SamplerMeasure(Measure):
    """The law of the points that `sampler(n, rng)` returns; each of its samples is checked.

    Args:
        sampler: Function of (n, rng) that returns n points, (n, d), or (n,) on the line; it should draw from rng
            alone, or samples cannot be reproduced.
        dim: Dimension d; where None, two points are drawn with a generator of their own to find out.
        name: How error messages call the sampler.

    Raises:
        InvalidTypeError: If the sampler cannot be called with (n, rng), or returns no real numbers.
        InvalidShapeError: If a sample is not of shape (n, d).
        InvalidValueError: If a sample holds NaN or infinity.
    """

    def __init__(self, sampler: Sampler, dim: int | None = None, *, name: str = "sampler") -> None:
        if not _takes_two(sampler):
            raise InvalidTypeError(
                name, "be a function of (n, rng)", repr(sampler), "wrap it, as in lambda n, rng: draw(n)"
            )
        self._sampler, self._label = sampler, name
        if dim is None:  # these points are thrown away, so a fixed seed biases nothing
            dim = as_points(f"{name}(n=2, rng)", sampler(2, np.random.default_rng(0))).shape[1]
        self._dim = as_count("dim", dim)

    @property
    def dim(self) -> int:
        """Dimension d of the space."""
        return self._dim

    def _sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        call = f"{self._label}(n={n}, rng)"
        points = as_points(call, self._sampler(n, rng))
        if points.shape != (n, self._dim):
            raise InvalidShapeError(
                call,
                f"return shape ({n}, {self._dim})",
                f"shape {points.shape}",
                "return one row for each of the n points, always of the same dimension",
            )
        return points


def _takes_two(sampler: object) -> bool:
    if isinstance(sampler, type) or not callable(sampler):  # a class where an instance was meant
        return False
    try:
        inspect.signature(sampler).bind(2, None)
    except TypeError:
        return False
    except ValueError:  # some functions written in C do not tell their signature; the first sample will show
        pass
    return True
