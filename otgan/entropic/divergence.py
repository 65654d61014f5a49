"""The Sinkhorn divergence: smoothed transport without its bias, so that equal measures are at distance 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from otgan.checks import FloatArray
from otgan.costs import PointCosts, need_points
from otgan.entropic.front import solve_smoothed
from otgan.entropic.solution import EntropicSolution
from otgan.errors import Interrupted
from otgan.interval import Interval
from otgan.masses import WeightMasses
from otgan.problem import OTProblem, problem_from_points
from otgan.solve import MAX_MEMORY


@dataclass(frozen=True, eq=False)
class SinkhornDivergence:
    r"""$S_ε(a, b) = \mathrm{OT}_ε(a, b) - \frac12 \mathrm{OT}_ε(a, a) - \frac12 \mathrm{OT}_ε(b, b)$.

    It is no W_p^p and brackets none: `between` has the bracket of W_p.

    Attributes:
        between: The smoothed solution from source to target.
        within_source: The one from the source to itself.
        within_target: The one from the target to itself.
    """

    between: EntropicSolution
    within_source: EntropicSolution
    within_target: EntropicSolution

    @property
    def value(self) -> float:
        """S_ε, in units of the cost; not negative for p = 1 and p = 2 but for the marginals' error."""
        within = self.within_source.regularised_cost + self.within_target.regularised_cost
        return self.between.regularised_cost - within / 2

    @property
    def bracket(self) -> Interval:
        """S_ε up to rounding, in units of the cost."""
        whole, one, two = (part.regularised for part in (self.between, self.within_source, self.within_target))
        ends = whole.lower - (one.upper + two.upper) / 2, whole.upper - (one.lower + two.lower) / 2
        return Interval(*ends, whole.kind)

    @property
    def epsilon(self) -> float:
        """In units of the cost."""
        return self.between.epsilon

    @property
    def converged(self) -> bool:
        """Whether all three problems reached their marginals."""
        return self.between.converged and self.within_source.converged and self.within_target.converged

    def __repr__(self) -> str:
        return f"SinkhornDivergence(value={self.value:.6g}, in {self.bracket}, epsilon={self.epsilon:g})"


def sinkhorn_divergence(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    epsilon: float,
    p: float = 1.0,
    metric: str = "euclidean",
    tol: float = 1e-6,
    max_iter: int = 10_000,
    max_seconds: float = math.inf,
    max_memory: float = MAX_MEMORY,
    device: str | None = None,
) -> SinkhornDivergence:
    """The debiased smoothed cost between two samples; 0 where they are equal.

    Args:
        x: Source points, (n, d) or (n,), or a `DiscreteMeasure`.
        y: Target points, (m, d) or (m,), or a `DiscreteMeasure`.
        a: Source weights, (n,); None for equal ones.
        b: Target weights, (m,); None for equal ones.
        epsilon: Smoothing, positive, in units of the cost (length^p).
        p: Exponent of the distance in the cost, 1 ≤ p ≤ 64. Not divided by p.
        metric: Name of the metric.
        tol: L1 distance of each plan's marginals from the weights at which it counts as converged.
        max_iter: Passes over all pairs after which each of the three solvers stops.
        max_seconds: Seconds after which each of them stops.
        max_memory: Bytes that each of them may take.
        device: A torch device, or None for the processor's own loops.

    Returns:
        `value`, with `bracket`, and the three solutions.

    Raises:
        InvalidInputError: If an argument breaks a rule.
        Interrupted: After Ctrl-C; its `partial` is what has been solved so far, a list of `EntropicSolution`.
        MemoryLimitError: If a solver would need more than `max_memory`.

    Source: Feydy et al. (2019), Interpolating between optimal transport and MMD using Sinkhorn divergences.

    >>> round(sinkhorn_divergence([0.0, 1.0], [0.0, 1.0], epsilon=0.5).value, 9)
    0.0
    """
    problem = problem_from_points(x, y, a, b, p=p, metric=metric)
    costs = need_points(problem.costs, "the divergence")
    found: list[EntropicSolution] = []
    problems = (
        problem,
        _within(costs, costs.x, problem.a),
        _within(costs, costs.y, problem.b),
    )
    try:
        for part in problems:
            found.append(
                solve_smoothed(
                    part,
                    epsilon=epsilon,
                    tol=tol,
                    max_iter=max_iter,
                    max_seconds=max_seconds,
                    max_memory=max_memory,
                    device=device,
                )
            )
    except Interrupted as stopped:
        raise Interrupted("the solutions", [*found, stopped.partial]) from None
    return SinkhornDivergence(*found)


def _within(costs: PointCosts, points: FloatArray, weights: FloatArray) -> OTProblem:
    """The problem from a sample to itself."""
    return OTProblem(PointCosts(points, points, costs.metric, costs.p), WeightMasses(weights, weights))
