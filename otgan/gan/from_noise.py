"""Systems with one generator, a map from normal noise to points, whatever teaches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from otgan.checks import as_number
from otgan.gan import dcgan
from otgan.gan.descent import Forward
from otgan.gan.networks import mlp
from otgan.gan.system import System, Task, normal


@dataclass(frozen=True)
class FromNoise(System):
    """A system that trains one network, "generator", and draws by it.

    Attributes:
        gain: Of the initial weights of a new mlp generator, > 0; see `steep_mlp`.
    """

    gain: float = 3.0

    any_generator = True

    def __post_init__(self) -> None:
        super().__post_init__()
        as_number("gain", self.gain, low=0, open_low=True)

    def networks(self, task: Task, seed: int) -> dict[str, nn.Module]:
        """See `System.networks`."""
        if task.net == "dcgan":
            return {"generator": dcgan.generator(task, seed)}
        return {"generator": steep_mlp(task, seed, self.gain)}

    def sample(self, task: Task, networks: Mapping[str, nn.Module], n: int, rng: torch.Generator) -> Tensor:
        """See `System.sample`."""
        generator = networks["generator"]
        return draw(generator, task, n, rng, next(generator.parameters()))


def steep_mlp(task: Task, seed: int, gain: float) -> nn.Sequential:
    """A generator of tanh units whose weights begin a few times as large as usual.

    A law of separate modes asks for plateaus with steep walls between them, since whatever a generator draws on a wall
    is none of the law's points. Saturated units are that from the start, where ReLUs would have to learn to be.
    """
    return mlp((task.noise_dim, *task.hidden, task.dim), seed, activation=nn.Tanh, gain=gain)


def noise(task: Task, n: int, rng: torch.Generator, like: Tensor) -> Tensor:
    """What a generator is given for n points, (n, noise_dim), of the dtype and on the device of `like`."""
    return normal((n, task.noise_dim), rng, like)


def draw(generator: Forward, task: Task, n: int, rng: torch.Generator, like: Tensor) -> Tensor:
    """What a generator makes of fresh noise, (n, D)."""
    return generator(noise(task, n, rng, like)).flatten(1)
