"""Systems with one generator, a map from normal noise to points, whatever teaches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from otgan.gan import dcgan
from otgan.gan.descent import Forward
from otgan.gan.networks import mlp
from otgan.gan.system import System, Task, normal


@dataclass(frozen=True)
class FromNoise(System):
    """A system that trains one network, "generator", and draws by it."""

    any_generator = True

    def mlp(self, task: Task, seed: int) -> nn.Sequential:
        """A new generator of points that are no images, (n, noise_dim) -> (n, D)."""
        return mlp((task.noise_dim, *task.hidden, task.dim), seed)

    def networks(self, task: Task, seed: int) -> dict[str, nn.Module]:
        """See `System.networks`."""
        return {"generator": dcgan.generator(task, seed) if task.net == "dcgan" else self.mlp(task, seed)}

    def sample(self, task: Task, networks: Mapping[str, nn.Module], n: int, rng: torch.Generator) -> Tensor:
        """See `System.sample`."""
        generator = networks["generator"]
        return draw(generator, task, n, rng, next(generator.parameters()))


def noise(task: Task, n: int, rng: torch.Generator, like: Tensor) -> Tensor:
    """What a generator is given for n points, (n, noise_dim), of the dtype and on the device of `like`."""
    return normal((n, task.noise_dim), rng, like)


def draw(generator: Forward, task: Task, n: int, rng: torch.Generator, like: Tensor) -> Tensor:
    """What a generator makes of fresh noise, (n, D)."""
    return generator(noise(task, n, rng, like)).flatten(1)
