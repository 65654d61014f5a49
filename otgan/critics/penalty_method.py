"""What the methods that penalise slopes have in common."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from otgan.checks import as_number
from otgan.critics.draws import Draws
from otgan.critics.method import Method, Players, Terms, estimate, values_of_both
from otgan.critics.penalties import gradient_norms, interpolate


@dataclass(frozen=True)
class PenaltyMethod(Method):
    r"""The objective $E f(y) - E f(x) + \lambda\, E\,R(\|\nabla f\|)$, x from the source, y from the target.

    Attributes:
        penalty_weight: λ, the weight of the penalty; see the method.
    """

    penalty_weight: float = 10.0

    held = "by a penalty"
    #: Whether there is no optimum without the penalty.
    needs_penalty: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        as_number("penalty_weight", self.penalty_weight, low=0, open_low=self.needs_penalty)

    @abstractmethod
    def penalty(self, norms: Tensor) -> Tensor:
        """The mean of R over gradient norms, (..., n)."""

    def places(self, x: Tensor, y: Tensor, draws: Draws) -> Tensor:
        """Where slopes are penalised: at random places between the samples."""
        return interpolate(x, y, draws)

    @property
    def weight(self) -> float:
        """What the penalty is multiplied by."""
        return self.penalty_weight

    def terms(self, players: Players, x: Tensor, y: Tensor, draws: Draws) -> Terms:
        """See `Method.terms`."""
        difference = estimate(*values_of_both(players.critic, x, y))
        norms = gradient_norms(players.critic, self.places(x, y, draws), batch_axes=draws.batch_axes)
        penalty = self.penalty(norms)
        loss = self.weight * penalty - difference
        return Terms(loss, difference, {"penalty": penalty, "gradient_norm": norms.mean(-1)})
