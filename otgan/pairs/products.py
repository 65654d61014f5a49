"""A pair with known distance, and a factor that both sides share."""

from __future__ import annotations

from typing import Any

import numpy as np

from otgan.checks import FloatArray
from otgan.errors import InvalidTypeError
from otgan.interval import Interval
from otgan.measures import Measure, as_measure
from otgan.pairs.base import KnownPair, PlanSide


class Product(KnownPair):
    """P ⊗ R against Q ⊗ R; see `product`."""

    def __init__(self, pair: KnownPair, common: Measure) -> None:
        self.pair, self.common = pair, common
        dim = pair.dim + common.dim
        super().__init__(
            "product",
            f"{pair.description}; times {common!r} on both sides, {dim}-D",
            PlanSide(self._plan, 0, dim).named(f"{pair.source!r} ⊗ {common!r}"),
            PlanSide(self._plan, 1, dim).named(f"{pair.target!r} ⊗ {common!r}"),
        )

    @property
    def w1(self) -> Interval:
        """That of the factors that differ."""
        return self.pair.w1

    @property
    def source_reference(self) -> str:
        """Where the value of W1 comes from."""
        return f"W1(P ⊗ R, Q ⊗ R) = W1(P, Q), by the potential of (P, Q) alone; {self.pair.source_reference}"

    def _plan(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        x, y = self.pair.sample_plan(n, rng)
        z = self.common.sample(n, rng)
        return np.column_stack([x, z]), np.column_stack([y, z])

    def _potential(self, x: FloatArray) -> FloatArray:
        return self.pair.potential(x[:, : self.pair.dim])

    def _gradient(self, x: FloatArray) -> FloatArray:
        gradient = np.zeros_like(x)
        gradient[:, : self.pair.dim] = self.pair.potential_gradient(x[:, : self.pair.dim])
        return gradient


def product(pair: KnownPair, common: Any) -> Product:
    r"""P ⊗ R against Q ⊗ R for a pair (P, Q) with known distance: W1 is that of P and Q.

    Moving the first factor alone, (x, z) -> (y, z), costs ‖x − y‖; the potential $(x, z) \mapsto f(x)$ is as Lipschitz
    as f, and falls by as much.

    Args:
        pair: The factors that differ, P and Q.
        common: The factor R that both sides share: a measure, points, or a sampler.

    Returns:
        The pair; the coordinates of R come last.

    Raises:
        InvalidTypeError: If pair is not a `KnownPair`, or common cannot be read as a measure.
    """
    if not isinstance(pair, KnownPair):
        raise InvalidTypeError("pair", "be a KnownPair", repr(pair), "make one, such as otgan.pairs.line(P, Q)")
    return Product(pair, as_measure("common", common))
