"""What the smoothed problem's solver returns."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property

from otgan.checks import FloatArray
from otgan.entropic.plan import EntropicPlan
from otgan.errors import NotProvidedError
from otgan.interval import Interval
from otgan.solution import OTSolution


@dataclass(frozen=True, eq=False, repr=False)
class EntropicSolution(OTSolution):
    r"""The plan and potentials of the smoothed problem, with the bracket of the distance that is *not* smoothed.

    $\min_π \sum_{ij} π_{ij} c_{ij} + ε\, \mathrm{KL}(π \,|\, a ⊗ b)$. `distance`, `cost` and the bounds speak of W_p
    and W_p^p; `potentials` are feasible ones; `regularised` and the entropic f and g belong to the smoothed problem.

    Attributes:
        epsilon: In units of the cost.
        f: Entropic potential at the source points, (n,), in units of the cost.
        g: Entropic potential at the target points, (m,).
        regularised: The smoothed problem's value, bracketed up to rounding, in units of the cost.
        passes: Passes over all pairs that it took.
        max_memory: Bytes that its parts may take.
    """

    epsilon: float
    f: FloatArray
    g: FloatArray
    regularised: Interval
    passes: int
    max_memory: float

    @property
    def regularised_cost(self) -> float:
        """The smoothed problem's value, that of its dual: second-order near where the marginals are nearly right."""
        return float(self.problem.a @ self.f + self.problem.b @ self.g)

    @cached_property
    def plan(self) -> EntropicPlan:
        """The smoothed problem's plan: apply, rows, to_sparse."""
        problem = self.problem
        return EntropicPlan(self.f, self.g, problem.costs, problem.a, problem.b, self.epsilon, self.max_memory)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Not provided.

        Raises:
            NotProvidedError: Always; f, g and epsilon are all that is needed to have the plan again.
        """
        raise NotProvidedError("an entropic solution is not saved; store its f, g and epsilon, or save an exact one")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> OTSolution:
        """Not provided.

        Raises:
            NotProvidedError: Always.
        """
        raise NotProvidedError("an entropic solution is not loaded; OTSolution.load reads exact ones")

    def __repr__(self) -> str:
        n, m = self.problem.shape
        return (
            f"EntropicSolution(distance={self.distance:.6g}, in [{self.lower_bound:.6g}, {self.upper_bound:.6g}], "
            f"{self.status.name}, n={n}, m={m}, p={self.p:g}, epsilon={self.epsilon:g}, "
            f"regularised_cost={self.regularised_cost:.6g})"
        )
