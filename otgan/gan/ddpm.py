"""Diffusion: a network learns which noise was added to a point; drawing starts from noise and takes it out again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from otgan.checks import as_choice, as_number
from otgan.gan.descent import Descent, cosine_rate
from otgan.gan.system import Play, Real, Start, System, Task, normal
from otgan.gan.velocity import velocity_network

#: First and last variance that the linear schedule adds, for 1000 levels.
FIRST, LAST = 1e-4, 0.02
#: How far from 0 the cosine schedule starts, and the most that it adds at a level.
OFFSET, MOST = 0.008, 0.999


@dataclass(frozen=True)
class Ddpm(System):
    r"""A network ε that minimises $E\,‖ε(x_k, k) - z‖^2$, $x_k = \sqrt{\bar α_k}\, x_0 + \sqrt{1 - \bar α_k}\, z$.

    x_0 is real, z standard normal, k uniform in 1, …, T. Drawing starts from noise at k = T and steps down the levels:
    it guesses x_0 from ε, and draws the next from the posterior $q(x_j | x_k, x_0)$ whose standard deviation is
    multiplied by `eta`: 1 for ancestral sampling, 0 for DDIM, which is no longer random and can do with fewer steps.

    Attributes:
        learning_rate: Of Adam at the start; it falls along half a cosine.
        batches: Batches of real points in a step.
        schedule: "cosine", or "linear", whose variances grow from 1e-4 to 0.02 where T = 1000, and in proportion.
        noise_steps: T, the number of levels of noise.
        sampling_steps: Levels at which drawing stops by, evenly spread; all of them where T is not more.
        eta: How random drawing is, in [0, 1].

    Source: Ho et al. (2020), Denoising Diffusion Probabilistic Models; eta and fewer steps, Song et al. (2021),
    Denoising Diffusion Implicit Models; the cosine schedule, Nichol and Dhariwal (2021), Improved Denoising Diffusion
    Probabilistic Models.
    """

    learning_rate: float = 2e-3
    batches: int = 2
    schedule: str = "cosine"
    noise_steps: int = 200
    sampling_steps: int = 1000
    eta: float = 1.0

    name = "ddpm"
    summary = "denoising diffusion: noise predicted by regression, and taken out step by step"
    own = "the squared error of the noise, which has a minimum above 0 and is no distance"

    def __post_init__(self) -> None:
        super().__post_init__()
        as_number("learning_rate", self.learning_rate, low=0, open_low=True)
        as_number("eta", self.eta, low=0, high=1)
        as_choice("schedule", self.schedule, ("cosine", "linear"))

    def signal(self) -> Tensor:
        r"""$\bar α$ at the levels 0, 1, …, T, the share of the signal's power that is left; float64, 1 at level 0."""
        levels = torch.arange(self.noise_steps + 1, dtype=torch.float64) / self.noise_steps
        if self.schedule == "linear":
            betas = torch.linspace(FIRST, LAST, self.noise_steps, dtype=torch.float64) * (1000 / self.noise_steps)
        else:
            left = torch.cos((levels + OFFSET) / (1 + OFFSET) * (math.pi / 2)) ** 2
            betas = 1 - left[1:] / left[:-1]
        return torch.cat([torch.ones(1, dtype=torch.float64), torch.cumprod(1 - betas.clamp(max=MOST), 0)])

    def networks(self, task: Task, seed: int) -> dict[str, nn.Module]:
        """See `System.networks`."""
        return {"noise": velocity_network(task, seed)}

    def play(self, start: Start, networks: Mapping[str, nn.Module]) -> Play:
        """See `System.play`."""
        optimizer = torch.optim.Adam(networks["noise"].parameters(), self.learning_rate)
        return _DdpmPlay(
            networks, {"noise": optimizer}, system=self, steps=start.steps, left=self.signal(), descent=start.descent
        )

    def sample(self, task: Task, networks: Mapping[str, nn.Module], n: int, rng: torch.Generator) -> Tensor:
        """See `System.sample`."""
        network = networks["noise"]
        left = self.signal().tolist()
        stops = min(self.sampling_steps, self.noise_steps)
        levels = [round(k * self.noise_steps / stops) for k in range(stops, -1, -1)]
        x = normal((n, task.dim), rng, next(network.parameters()))
        for level, below in pairwise(levels):
            noise = network(x, x.new_full((n,), level / self.noise_steps))
            guess = (x - math.sqrt(1 - left[level]) * noise) / math.sqrt(left[level])
            spread = self.eta * posterior_deviation(left[level], left[below])
            x = math.sqrt(left[below]) * guess + math.sqrt(max(0.0, 1 - left[below] - spread**2)) * noise
            if spread:
                x = x + spread * normal((n, task.dim), rng, x)
        return x


def posterior_deviation(left: float, below: float) -> float:
    r"""Standard deviation where $\bar α$ is `below`, given the data and the point where it is `left` < below."""
    return math.sqrt((1 - below) / (1 - left) * (1 - left / below))


@dataclass(eq=False, kw_only=True)
class _DdpmPlay(Play):
    system: Ddpm
    steps: int
    left: Tensor
    descent: Descent

    def step(self, k: int, real: Real, rng: torch.Generator) -> dict[str, float]:
        """See `Play.step`."""
        data = torch.cat([real() for _ in range(self.system.batches)])
        noise = normal(tuple(data.shape), rng, data)
        levels = torch.randint(1, self.system.noise_steps + 1, (len(data),), generator=rng, device=rng.device)
        left = self.left[levels].to(data)[:, None]
        x = left.sqrt() * data + (1 - left).sqrt() * noise
        times = (levels / self.system.noise_steps).to(data)
        network = self.descent.forward(self.modules["noise"])
        loss = (network(x, times) - noise).square().mean()
        self.descent(self.optimizers["noise"], loss, cosine_rate(self.system.learning_rate, k, self.steps))
        own = float(loss.detach())
        return {"own": own, "loss_noise": own}
