"""What every way of learning to draw has in common: what it may be given, what it trains, and how it draws."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from otgan.checks import as_count, as_number
from otgan.gan.descent import ALONE, Descent

#: What a hyper-parameter that counts may be at the most. Many are how often a network is asked before a point is drawn,
#: and hyper-parameters are read from folders of anybody's.
MOST_COUNT = 10**5

#: Gives a fresh batch of real points, (n, D), in the units of training.
Real = Callable[[], Tensor]


@dataclass(frozen=True)
class Task:
    """What is drawn, and by networks of which size: what it takes, beside weights, to draw again.

    Attributes:
        shape: Of one point: (d,), or (channels, height, width) of an image. Batches are flat, (n, D), everywhere
            outside of the networks, D being the product.
        net: "mlp", or "dcgan" for images.
        hidden: Widths of the hidden layers of an mlp.
        noise_dim: Number of coordinates of the noise that a generator is given.
    """

    shape: tuple[int, ...]
    net: str
    hidden: tuple[int, ...]
    noise_dim: int

    @property
    def dim(self) -> int:
        """D, the number of coordinates of a point."""
        size = 1
        for length in self.shape:
            size *= length
        return size


@dataclass(frozen=True)
class Start:
    """What a system may know when it begins to train, all in the units of training.

    Attributes:
        task: What is to be drawn.
        real: Some real points, (n, D), float32, on the device.
        seed: Of initial weights.
        steps: How many will be taken.
        batch_size: Points in a batch.
        critic: A critic of the user's own, (n, *shape) -> (n,) or (n, 1); None for a new one.
        descent: By which networks are called and weights are changed.
    """

    task: Task
    real: Tensor
    seed: int
    steps: int
    batch_size: int
    critic: nn.Module | None = None
    descent: Descent = ALONE


@dataclass(eq=False)
class Play(ABC):
    """One training: networks, optimisers, and the step that changes them.

    Attributes:
        modules: Every network that is trained, those that draw among them, by name.
        optimizers: By name.
        numbers: What else a step changes, such as a running mean; see `otgan.training.Parts`. Among several processes
            floats are averaged after each step, so that they are the same everywhere.
    """

    modules: Mapping[str, nn.Module]
    optimizers: Mapping[str, Optimizer]
    numbers: MutableMapping[str, Any] = field(default_factory=dict)

    @abstractmethod
    def step(self, k: int, real: Real, rng: torch.Generator) -> dict[str, float]:
        """Do step k, from 1 on.

        Args:
            k: Its number.
            real: Gives real points, a fresh batch at each call.
            rng: Draws everything else; on the CPU, so that it gives the same numbers to every device.

        Returns:
            What was measured, in the units of training, by names that depend on k alone. "own" is what the system's
            loss says of the distance that is left; see `System.own`.
        """

    def finish(self) -> None:  # noqa: B027 -- most have nothing to undo
        """Leave plain weights behind, whether training ended well or not."""


@dataclass(frozen=True)
class System(ABC):
    """A way to learn to draw: hyper-parameters only, so that it can be shared.

    Numbers are read to their type, as `as_number` and `as_count` do, in `__post_init__`; counts are at most
    `MOST_COUNT`.
    """

    #: What it is called on the command line.
    name: ClassVar[str]
    #: One sentence for help and tables.
    summary: ClassVar[str]
    #: What the number "own" is, in words, such as "the critic's estimate of W1".
    own: ClassVar[str]
    #: Whether "own" is in units of length, so that it is multiplied by the unit of training before it is logged.
    own_is_length: ClassVar[bool] = False
    #: Whether a critic of the user's own can be trained.
    any_critic: ClassVar[bool] = False
    #: Whether a generator of the user's own, (n, noise_dim) -> (n, *shape), can be trained.
    any_generator: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for attribute in fields(self):
            read: Any = {"float": as_number, "int": _as_count}.get(str(attribute.type))
            if read is not None:
                object.__setattr__(self, attribute.name, read(attribute.name, getattr(self, attribute.name)))

    @abstractmethod
    def networks(self, task: Task, seed: int) -> dict[str, nn.Module]:
        """New networks that draw, by name; most systems have one, "generator"."""

    @abstractmethod
    def play(self, start: Start, networks: Mapping[str, nn.Module]) -> Play:
        """Begin to train these networks."""

    @abstractmethod
    def sample(self, task: Task, networks: Mapping[str, nn.Module], n: int, rng: torch.Generator) -> Tensor:
        """Draw n points by networks that are in eval mode, without a gradient; (n, D), in the units of training."""


def _as_count(name: str, value: Any) -> int:
    return as_count(name, value, high=MOST_COUNT)


def normal(shape: tuple[int, ...], rng: torch.Generator, like: Tensor) -> Tensor:
    """Standard normal numbers, drawn on the generator's device, of the dtype and on the device of `like`."""
    return torch.randn(shape, generator=rng, dtype=torch.float32, device=rng.device).to(like)
