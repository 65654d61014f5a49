"""The dual of W1 as it is, for methods that hold the slope by other means than the objective."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from otgan.critics.draws import Draws
from otgan.critics.method import Method, Players, Terms, estimate, values_of_both


@dataclass(frozen=True)
class DualObjective(Method):
    """A method whose objective is $E f(y) - E f(x)$, x from the source, y the target, and nothing else.

    With labels −1 at the source and +1 at the target it is twice the mean of label times value over batches of one
    size, the form in which some frameworks write it.
    """

    def terms(self, players: Players, x: Tensor, y: Tensor, draws: Draws) -> Terms:
        """See `Method.terms`."""
        difference = estimate(*values_of_both(players.critic, x, y))
        return Terms(-difference, difference)
