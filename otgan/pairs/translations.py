"""A measure against itself, moved."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_real_array
from otgan.errors import InvalidShapeError
from otgan.exact import down, up
from otgan.interval import Interval
from otgan.measures import Gaussian, Measure, as_measure
from otgan.pairs.base import KnownPair, PlanSide


class Translation(KnownPair):
    """Source μ, target the law of x + v for x ~ μ; see `translation`."""

    def __init__(self, measure: Measure, shift: FloatArray) -> None:
        self.measure, self.shift = measure, shift
        # Exact to one unit in the last place (CPython's hypot), and scaled against overflow.
        self._length = math.hypot(*shift)
        self._direction = np.array([part / self._length for part in shift]) if self._length else np.zeros_like(shift)
        dim = measure.dim
        super().__init__(
            "translation",
            f"{measure!r} against itself, moved by {self._length:.6g}",
            measure,
            PlanSide(self._plan, 1, dim).named(f"{measure!r} moved by {self._length:.6g}"),
        )

    @property
    def w1(self) -> Interval:
        """‖v‖, rounded outward."""
        if not self._length:
            return Interval(0.0, 0.0)
        return Interval(max(0.0, down(self._length, 2)), up(self._length, 2))

    @property
    def source_reference(self) -> str:
        """Where the value of W1 comes from."""
        return "closed form: W1 = ‖v‖, by the coupling y = x + v and the potential −⟨x, v⟩ / ‖v‖"

    def _plan(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        x = self.measure.sample(n, rng)
        return x, x + self.shift

    def _potential(self, x: FloatArray) -> FloatArray:
        return -(x @ self._direction)

    def _gradient(self, x: FloatArray) -> FloatArray:
        return np.tile(-self._direction, (len(x), 1))


def translation(measure: Any = None, shift: Any = None, *, dim: int = 2) -> Translation:
    r"""Any measure against itself, moved by a vector v: W1 = ‖v‖.

    The coupling y = x + v costs ‖v‖. The potential $f(x) = -\langle x, v \rangle / \|v\|$ is 1-Lipschitz and falls by
    ‖v‖ along it, whatever the measure.

    Args:
        measure: Source: a measure, points, or a sampler, see `otgan.measures.as_measure`; None for the standard
            normal law.
        shift: The vector v, (d,), in units of length; None for the vector of d entries 1/√d, of length 1.
        dim: Dimension d, used where measure is None.

    Returns:
        The pair.

    Raises:
        InvalidShapeError: If the shift is not a vector of the measure's dimension.
        InvalidTypeError, InvalidValueError: If an argument is not made of finite real numbers.
    """
    law = Gaussian.standard(dim) if measure is None else as_measure("measure", measure)
    vector = np.full(law.dim, law.dim**-0.5) if shift is None else np.atleast_1d(as_real_array("shift", shift)).copy()
    if vector.shape != (law.dim,):
        raise InvalidShapeError(
            "shift", f"have shape ({law.dim},)", f"shape {vector.shape}", "give one entry for each coordinate"
        )
    return Translation(law, vector)
