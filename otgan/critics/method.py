"""What every way of training a critic has in common: what it may be given, what it gives, and when it is asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from otgan.checks import as_count, as_number
from otgan.critics.draws import Draws
from otgan.critics.networks import Critic, MLPCritic
from otgan.critics.penalties import Function


@dataclass(frozen=True)
class Start:
    """What a method may know when it builds its networks, all in the units of training.

    Attributes:
        dim: Number of coordinates d.
        hidden: Widths of the hidden layers that were asked for.
        seed: Of the initial weights.
        x: Some source points, (n, d), float32.
        y: Some target points, (m, d), float32.
    """

    dim: int
    hidden: tuple[int, ...]
    seed: int
    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Players:
    """The networks of one training, or of a stack of them, as functions.

    Attributes:
        critic: h, the critic in the units of training.
        others: Networks that are trained beside it, by name, such as a second potential or a transport map.
    """

    critic: Function
    others: Mapping[str, Function] = field(default_factory=dict)


@dataclass(frozen=True)
class Terms:
    """What one evaluation of an objective gave; each of the shape (...), one number for each critic of a stack.

    Attributes:
        loss: What is minimised, with a gradient, in the units of training.
        estimate: E_source h − E_target h on the batch, nothing else mixed in.
        shown: Further numbers that are worth a look, by name.
    """

    loss: Tensor
    estimate: Tensor
    shown: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Method(ABC):
    r"""A way to hold a critic to slope K, and an objective: hyper-parameters only, so that it can be shared.

    Batches have the shape (..., n, d) and values (..., n): an objective takes means over the last axis of values, and
    leaves the axes before it alone, so that it serves one critic and a stack of critics alike.

    Attributes:
        lipschitz: K > 0, the slope that is asked for; an estimate of W1 is the difference of means over K.
    """

    lipschitz: float = 1.0

    #: What it is called on the command line.
    name: ClassVar[str]
    #: One sentence for help and tables.
    summary: ClassVar[str]
    #: How the constraint is held: "by construction", "by clipping", "by a penalty", "by the objective".
    held: ClassVar[str]
    #: Of the optimiser, where the user says nothing else.
    optimizer: ClassVar[str] = "adam"
    learning_rate: ClassVar[float] = 2e-3
    #: Whether it trains a critic of the user's own.
    any_critic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        as_number("lipschitz", self.lipschitz, low=0, open_low=True)
        # Numbers in one spelling: a method that is asked for by 2 is the one that is asked for by 2.0.
        for attribute in fields(self):
            read: Any = {"float": as_number, "int": as_count}.get(str(attribute.type))
            if read is not None:
                object.__setattr__(self, attribute.name, read(attribute.name, getattr(self, attribute.name)))

    @property
    def stacks(self) -> bool:
        """Whether many critics can be trained at once: where it leaves the weights to the optimiser."""
        kind = type(self)
        return kind.constrain is Method.constrain and kind.after_step is Method.after_step

    @property
    def other_steps(self) -> int:
        """Steps of the others before each step of the critic."""
        return 0

    def critic(self, start: Start) -> Critic:
        """A new critic; its `layers` are what is trained."""
        return MLPCritic(start.dim, start.hidden, seed=start.seed)

    def others(self, start: Start) -> dict[str, nn.Module]:
        """The other networks, by name."""
        return {}

    def constrain(self, network: nn.Module) -> None:  # noqa: B027 -- most methods need none
        """Change the network in place before training, as by parametrised weights."""

    def after_step(self, network: nn.Module) -> None:  # noqa: B027 -- most methods need none
        """Change the weights after each step of the optimiser, as by clipping."""

    def release(self, network: nn.Module) -> None:  # noqa: B027 -- most methods need none
        """Undo `constrain` after training: plain weights, with the constraint in their values."""

    @abstractmethod
    def terms(self, players: Players, x: Tensor, y: Tensor, draws: Draws) -> Terms:
        """Evaluate the critic's objective on source points x and target points y, both (..., n, d)."""

    def other_loss(self, players: Players, x: Tensor, y: Tensor, draws: Draws) -> Tensor:
        """What the others minimise, (...), where there are any."""
        raise NotImplementedError


def estimate(at_x: Tensor, at_y: Tensor) -> Tensor:
    """Difference of means of values at source and target, (..., n) each."""
    return at_x.mean(-1) - at_y.mean(-1)


def values_of_both(critic: Function, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Values at source and target in one pass; critics that couple samples have been refused before."""
    values = critic(torch.cat([x, y], dim=-2))
    return values[..., : x.shape[-2]], values[..., x.shape[-2] :]
