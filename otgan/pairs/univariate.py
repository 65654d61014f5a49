"""Any two laws on the line whose distribution functions are known."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from otgan.checks import FloatArray
from otgan.interval import Interval
from otgan.line_laws import LineLaw, LinePotential, line_w1
from otgan.measures import Gaussian, Measure, as_measure
from otgan.pairs.base import KnownPair


class LinePair(KnownPair):
    """Two laws on the line; see `line`."""

    def __init__(self, source: Measure, target: Measure, name: str = "line") -> None:
        self._laws = LineLaw.of("source", source), LineLaw.of("target", target)
        super().__init__(name, f"{source!r} against {target!r}, on the line", source, target)

    @cached_property
    def _solved(self) -> tuple[Interval, LinePotential]:
        return line_w1(*self._laws)

    @property
    def w1(self) -> Interval:
        """∫ |F − G| in closed form between the sign changes of F − G."""
        return self._solved[0]

    @property
    def least(self) -> float:
        """Lower end of both supports."""
        return min(law.least for law in self._laws)

    @property
    def source_reference(self) -> str:
        """Where the value of W1 comes from."""
        return (
            "closed form: W1 = ∫ |F − G|, integrated between the sign changes of F − G; Santambrogio (2015), Prop. 2.17"
        )

    def _plan(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        source, target = self._laws
        x = self.source.sample(n, rng)
        at, share = x[:, 0], rng.random(n)
        # The level of x: where the distribution function jumps, a uniform place in the jump.
        jump = np.maximum(source.cdf(at) - source.cdf(at, left=True), 0.0) if len(source.places) else np.zeros(n)
        below = source.cdf(at) - (1 - share) * jump
        above = source.tail(at) + (1 - share) * jump
        return x, target.quantile(below, above)[:, None]

    def _potential(self, x: FloatArray) -> FloatArray:
        return self._solved[1](x[:, 0])

    def _gradient(self, x: FloatArray) -> FloatArray:
        return self._solved[1].slope(x[:, 0])[:, None]


def line(source: Any, target: Any) -> LinePair:
    r"""Two laws on the line, $W_1 = \int |F - G|$, with a proven bracket about 1e-12 wide.

    Quantiles are coupled; where F > G mass moves to the right, so that $f' = -\mathrm{sign}(F - G)$ gives the optimal
    potential, a broken line. The bracket is proven for the laws as given in float64, on the accuracy that Cephes
    reports for Φ, threefold.

    Args:
        source: A `Gaussian`, `GaussianMixture`, `Uniform` or `DiscreteMeasure` on the line, or points, (n,).
        target: Likewise.

    Returns:
        The pair.

    Raises:
        InvalidTypeError: If a law has another kind.
        InvalidShapeError: If it does not live on the line.

    Source: Santambrogio (2015), Optimal Transport for Applied Mathematicians, Thm 2.9 and Prop. 2.17.
    """
    return LinePair(as_measure("source", source), as_measure("target", target))


def gaussians_1d() -> LinePair:
    """N(0, 1) against N(1, 4): F − G changes its sign once, at −1.

    W1 is E |1 + Z| for a standard normal Z, since x -> 1 + 2 x is the optimal map: the mean of a folded normal law.
    """
    source = Gaussian([0.0], 1.0).named("N(0, 1)")
    return LinePair(source, Gaussian([1.0], 4.0).named("N(1, 4)"), "gaussians-1d")
