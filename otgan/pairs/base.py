"""Two measures on one space, and the most that can be known about their distance: its value, a plan, a potential."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_count, as_generator
from otgan.interval import Interval
from otgan.measures import DiscreteMeasure, Measure
from otgan.measures.gaussian import as_points_in

Plan = Callable[[int, np.random.Generator], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True, eq=False)
class Pair:
    """Two measures on the same space.

    Attributes:
        name: What the command line calls it.
        description: One line for people.
        source: The real side.
        target: The generated side.
    """

    name: str
    description: str
    source: Measure
    target: Measure

    @property
    def dim(self) -> int:
        """Dimension d of the space."""
        return self.source.dim

    @property
    def finite(self) -> bool:
        """Whether both sides have finitely many points, so that their distance can be computed exactly."""
        return isinstance(self.source, DiscreteMeasure) and isinstance(self.target, DiscreteMeasure)

    def sample_source(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw n independent source points, (n, d); see `otgan.measures.Measure.sample`."""
        return self.source.sample(n, rng)

    def sample_target(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw n independent target points, (n, d); see `otgan.measures.Measure.sample`."""
        return self.target.sample(n, rng)


class KnownPair(Pair, ABC):
    r"""Two measures whose distance, an optimal plan and an optimal potential are known.

    One argument serves every family. A function f that is 1-Lipschitz gives $E_P f - E_Q f \le W_1(P, Q)$, and a plan
    π gives $W_1(P, Q) \le E_\pi \|x - y\|$. Where f(x) − f(y) = ‖x − y‖ on every pair that the plan draws, the two are
    equal: both are optimal, and W1 is their common value. Each family says why its f is 1-Lipschitz, and why it falls
    at rate 1 along its plan.

    A family gives `w1`, `source_reference`, `_plan`, `_potential` and `_gradient`; arguments are checked by then.

    Source: Santambrogio (2015), Optimal Transport for Applied Mathematicians, Sec. 3.1.
    """

    @property
    @abstractmethod
    def w1(self) -> Interval:
        """W1 between source and target with the Euclidean cost, in units of length, and the kind of its bounds."""

    @property
    @abstractmethod
    def source_reference(self) -> str:
        """Where the value of W1 comes from: formula, literature, and for Monte Carlo its seed and size."""

    def sample_plan(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Draw n independent pairs from an optimal plan.

        Args:
            n: Number of pairs, n ≥ 1.
            rng: Source of randomness; the same state gives the same pairs.

        Returns:
            Source points x and target points y, both (n, d), float64; row i of x goes to row i of y.

        Raises:
            InvalidTypeError: If n is not an integer, or rng is not a `numpy.random.Generator`.
            InvalidValueError: If n < 1.
        """
        return self._plan(as_count("n", n), as_generator("rng", rng))

    def potential(self, x: Any) -> FloatArray:
        """An optimal potential f: 1-Lipschitz, and W1 = E_source f − E_target f; it falls along the transport.

        Args:
            x: Points, (n, d).

        Returns:
            f(x), (n,), float64, in units of length; defined up to a constant.

        Raises:
            InvalidShapeError, InvalidTypeError, InvalidValueError: If x is not n points of dimension d.
        """
        return self._potential(as_points_in("x", x, self.dim))

    def potential_gradient(self, x: Any) -> FloatArray:
        """The gradient of `potential`, which is (x − y) / ‖x − y‖ where mass goes from x to y ≠ x.

        At a kink, where there is no gradient, it is an element of the generalised gradient (the convex hull of the
        gradients nearby); it is finite everywhere, of norm at most 1.

        Args:
            x: Points, (n, d).

        Returns:
            ∇f(x), (n, d), float64.

        Raises:
            InvalidShapeError, InvalidTypeError, InvalidValueError: If x is not n points of dimension d.
        """
        return self._gradient(as_points_in("x", x, self.dim))

    @abstractmethod
    def _plan(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Draw n pairs from an optimal plan, (n, d) each."""

    @abstractmethod
    def _potential(self, x: FloatArray) -> FloatArray:
        """Values of f at points, (n, d) -> (n,)."""

    @abstractmethod
    def _gradient(self, x: FloatArray) -> FloatArray:
        """Gradients of f at points, (n, d) -> (n, d)."""


class PlanSide(Measure):
    """One side of a plan: the law of the points that it draws there.

    Args:
        plan: Function of (n, rng) that draws n pairs, (n, d) each.
        side: 0 for the source, 1 for the target.
        dim: Dimension d.
    """

    def __init__(self, plan: Plan, side: int, dim: int) -> None:
        self._plan, self._side, self._dim = plan, side, dim

    @property
    def dim(self) -> int:
        """Dimension d of the space."""
        return self._dim

    def _sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        return self._plan(n, rng)[self._side]


def unit(vectors: FloatArray) -> FloatArray:
    """Rows divided by their lengths, (n, d); rows of length 0 stay 0."""
    # Divided by their largest entry first, rows neither overflow nor underflow when squared.
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    scaled = np.divide(vectors, largest, out=np.zeros_like(vectors), where=largest > 0)
    length = np.linalg.norm(scaled, axis=1, keepdims=True)
    return np.divide(scaled, length, out=scaled, where=length > 0)


def directions(n: int, dim: int, rng: np.random.Generator) -> FloatArray:
    """Uniform points of the unit sphere, (n, dim)."""
    return unit(rng.standard_normal((n, dim)))  # a normal vector is 0 with probability 0


def own_generator(seed: int) -> np.random.Generator:
    """A generator for what a family draws once, unlike `default_rng(seed)`, which draws the samples.

    The same stream for both would put the first target points on the centres of the funnels of that seed.
    """
    return np.random.default_rng([seed, 1])
