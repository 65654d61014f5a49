"""The third player: a network that moves points, and what a critic has to fear from it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from otgan.checks import as_count, as_number
from otgan.critics.draws import Draws
from otgan.critics.method import Method, Players, Start, Terms, estimate
from otgan.critics.networks import MLPCritic
from otgan.critics.transforms import lengths


class Mover(nn.Module):
    r"""A map of space, $T(z) = z + \text{network}(z)$, at first the identity.

    Args:
        dim: Number of coordinates d.
        hidden: Widths of the hidden layers.
        seed: Of the initial weights.
    """

    def __init__(self, dim: int, hidden: Sequence[int], *, seed: int = 0) -> None:
        super().__init__()
        body = list(MLPCritic(dim, hidden, seed=seed).layers.children())[:-1]
        head = nn.utils.skip_init(nn.Linear, hidden[-1] if hidden else dim, dim, dtype=torch.float32)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        self.layers = nn.Sequential(*body, head)

    def forward(self, points: Tensor) -> Tensor:
        """Move points, (n, d) -> (n, d)."""
        return points + self.layers(points)


@dataclass(frozen=True)
class MoverMethod(Method):
    r"""A critic f against a mover T that looks for violations: for which points, and which way, subclasses say.

    The critic maximises $E f(x) - E f(y) - \sigma\, E\, v$, where $v \ge 0$ is by how much the move of a point breaks
    the constraint, and the mover maximises E v before that, over a few steps. A point may stay where it is, v = 0. For
    σ = 1 this is the semi-dual with T in the place of the minimiser in a c-transform.

    Attributes:
        strictness: σ ≥ 1.
        mover_steps: Steps of the mover before each of the critic.
    """

    strictness: float = 4.0
    mover_steps: int = 4

    held = "by the objective"
    learning_rate: ClassVar[float] = 5e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        as_number("strictness", self.strictness, low=1)
        as_count("mover_steps", self.mover_steps)

    @property
    def other_steps(self) -> int:
        """See `Method.other_steps`."""
        return self.mover_steps

    def others(self, start: Start) -> dict[str, nn.Module]:
        """The mover T."""
        return {"mover": Mover(start.dim, start.hidden, seed=start.seed ^ 1)}

    @abstractmethod
    def violation(self, here: Tensor, there: Tensor, cost: Tensor) -> Tensor:
        """By how much a move breaks the constraint, (..., n); negative where it does not.

        Args:
            here: f(z), (..., n).
            there: f(T(z)), (..., n).
            cost: K ‖T(z) − z‖, (..., n).
        """

    @abstractmethod
    def moving(self, x: Tensor, y: Tensor) -> Tensor:
        """The points z that the mover moves, x or y."""

    def terms(self, players: Players, x: Tensor, y: Tensor, draws: Draws) -> Terms:
        """See `Method.terms`."""
        points = self.moving(x, y)
        with torch.no_grad():
            moved = players.others["mover"](points)
            cost = self.lipschitz * lengths(moved - points)
        values = players.critic(torch.cat([x, y, moved], dim=-2))
        at_x, at_y, there = values.split([x.shape[-2], y.shape[-2], points.shape[-2]], dim=-1)
        broken = self.violation(self.moving(at_x, at_y), there, cost).relu().mean(-1)
        plain = estimate(at_x, at_y)
        return Terms(self.strictness * broken - plain, plain, {"dual": plain - broken, "move": cost.mean(-1)})

    def other_loss(self, players: Players, x: Tensor, y: Tensor, draws: Draws) -> Tensor:
        """See `Method.other_loss`."""
        points = self.moving(x, y)
        moved = players.others["mover"](points)
        # What f is at the point itself does not depend on the mover.
        there = players.critic(moved)
        return -self.violation(torch.zeros_like(there), there, self.lipschitz * lengths(moved - points)).mean(-1)
