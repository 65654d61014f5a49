"""What was learnt: a measure that points can be drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from otgan.checks import FloatArray
from otgan.gan.networks import seeded
from otgan.gan.system import System, Task
from otgan.measures import Measure

#: Points that are drawn at a time.
CHUNK = 2**13


@dataclass(eq=False, repr=False)
class Generated(Measure):
    """A law that was learnt, in the units of the data.

    Attributes:
        system: How it was learnt, and draws.
        task: What is drawn.
        networks: By name, in eval mode.
        centre: What is added to what the networks draw, (D,), in units of length.
        scale: What that is multiplied by before, in units of length.
    """

    system: System
    task: Task
    networks: Mapping[str, nn.Module]
    centre: FloatArray
    scale: float

    @property
    def dim(self) -> int:
        """Number of coordinates D of a point, flat."""
        return self.task.dim

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one point, before it is made flat."""
        return self.task.shape

    @torch.no_grad()
    def _sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        seed = int(rng.integers(2**63))
        draws = torch.Generator().manual_seed(seed)
        weights = (weight for network in self.networks.values() for weight in network.parameters())
        like = next(weights, torch.empty(0, dtype=torch.float32))
        sizes = [CHUNK] * (n // CHUNK) + ([n % CHUNK] if n % CHUNK else [])
        with seeded(seed, like.device):
            parts = [self.system.sample(self.task, self.networks, size, draws) for size in sizes]
        return np.asarray(self.centre + self.scale * torch.cat(parts).cpu().numpy().astype(np.float64))

    def _describe(self) -> str:
        return f"Generated({self.system.name}, dim={self.dim})"
