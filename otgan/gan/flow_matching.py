"""Flows: points of noise move along a velocity field, which was learnt by regression, until they are data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from otgan import solve
from otgan.checks import FloatArray, as_choice, as_number
from otgan.errors import InvalidTypeError
from otgan.gan.descent import Descent, cosine_rate
from otgan.gan.generated import Generated
from otgan.gan.system import Play, Real, Start, System, Task, normal
from otgan.gan.velocity import velocity_network

#: (n, D) points and (n,) times -> (n, D).
Velocity = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class FlowMatching(System):
    r"""A velocity field $v(x, t)$ that minimises $E\,‖v(x_t, t) - (x_1 - x_0)‖^2$, $x_t = (1 - t) x_0 + t x_1 + σ z$.

    x_0 is standard normal in the units of training, x_1 real, both independent; t is uniform in [0, 1]. The minimum is
    the mean velocity of all lines through a place at a time, and for σ = 0 the flow along it carries the law of x_0 to
    that of x_1.

    Attributes:
        learning_rate: Of Adam at the start; it falls along half a cosine.
        batches: Batches of real points in a step: the target is noisy, and nothing here is a game of two players.
        sigma: Noise around the lines, in units of training, ≥ 0.
        solver: "euler", "midpoint" or "rk4", which look at the velocity 1, 2 and 4 times a step.
        sampling_steps: Steps from noise to data, of equal length.

    Source: Lipman et al. (2023), Flow Matching for Generative Modeling; in this form, "independent", Tong et al.
    (2024), Improving and Generalizing Flow-Based Generative Models with Minibatch Optimal Transport.
    """

    learning_rate: float = 4e-3
    batches: int = 2
    sigma: float = 0.0
    solver: str = "midpoint"
    sampling_steps: int = 50

    name = "flow-matching"
    summary = "velocity field learnt by regression on lines between noise and data, paired at random"
    own = "the squared error of the velocity, which has a minimum above 0 and is no distance"

    def __post_init__(self) -> None:
        super().__post_init__()
        as_number("learning_rate", self.learning_rate, low=0, open_low=True)
        as_number("sigma", self.sigma, low=0)
        as_choice("solver", self.solver, SOLVERS)

    def couple(self, x0: Tensor, x1: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Pairs of noise and real points of a batch, (n, D) each."""
        return x0, x1

    def networks(self, task: Task, seed: int) -> dict[str, nn.Module]:
        """See `System.networks`."""
        return {"velocity": velocity_network(task, seed)}

    def play(self, start: Start, networks: Mapping[str, nn.Module]) -> Play:
        """See `System.play`."""
        optimizer = torch.optim.Adam(networks["velocity"].parameters(), self.learning_rate)
        return _FlowPlay(networks, {"velocity": optimizer}, system=self, steps=start.steps, descent=start.descent)

    def sample(self, task: Task, networks: Mapping[str, nn.Module], n: int, rng: torch.Generator) -> Tensor:
        """See `System.sample`."""
        *_, last = self.paths(task, networks, n, rng)
        return last

    def paths(self, task: Task, networks: Mapping[str, nn.Module], n: int, rng: torch.Generator) -> Iterator[Tensor]:
        """Where n points are at the times 0, 1/K, …, 1, K being `sampling_steps`: (n, D) each, in units of training."""
        velocity = networks["velocity"]
        start = normal((n, task.dim), rng, next(velocity.parameters()))
        return flow(velocity, start, self.sampling_steps, self.solver)


@dataclass(frozen=True)
class OtCfm(FlowMatching):
    """Flow matching on pairs of the optimal plan, for the squared distance, between each batch and its noise.

    The lines cross less, so that the target is less noisy and the flow straighter: were the plan that of the laws, the
    flow would be the optimal transport of Benamou and Brenier (2000). Plans of batches are coarser than that of the
    laws, the more so the smaller the batch and the higher the dimension.

    Source: Tong et al. (2024), Improving and Generalizing Flow-Based Generative Models with Minibatch Optimal
    Transport.
    """

    name = "ot-cfm"
    summary = "flow matching on the pairs of exact optimal transport between each batch and its noise"

    def couple(self, x0: Tensor, x1: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """See `FlowMatching.couple`."""
        rows, columns, mass = solve.wasserstein(x0, x1, p=2).matched_pairs()
        # In the order of the noise, which is that of chance: times rise along a batch, and on the line the plan's arcs
        # come sorted by place, so that each place would be seen at one time only.
        order = np.argsort(rows, kind="stable")
        rows, columns, mass = rows[order], columns[order], mass[order]
        # At equal distances along the mass, so that a plan that is a permutation is taken as it is.
        places = (np.arange(len(x0)) + float(torch.rand((), generator=rng, dtype=torch.float32))) / len(x0)
        arcs = np.minimum(np.searchsorted(np.cumsum(mass), places), len(mass) - 1)
        return x0[torch.from_numpy(rows[arcs])], x1[torch.from_numpy(columns[arcs])]


@dataclass(eq=False, kw_only=True)
class _FlowPlay(Play):
    system: FlowMatching
    steps: int
    descent: Descent

    def step(self, k: int, real: Real, rng: torch.Generator) -> dict[str, float]:
        """See `Play.step`."""
        system, velocity = self.system, self.descent.forward(self.modules["velocity"])
        pairs = []
        for _ in range(system.batches):
            x1 = real()
            pairs.append(system.couple(normal(tuple(x1.shape), rng, x1), x1, rng))
        x0, x1 = (torch.cat(side) for side in zip(*pairs, strict=True))
        t = spread_times(len(x0), rng, x0)
        x = torch.lerp(x0, x1, t[:, None])
        if system.sigma:
            x = x + system.sigma * normal(tuple(x.shape), rng, x)
        loss = (velocity(x, t) - (x1 - x0)).square().mean()
        self.descent(self.optimizers["velocity"], loss, cosine_rate(system.learning_rate, k, self.steps))
        own = float(loss.detach())
        return {"own": own, "loss_velocity": own}


def spread_times(n: int, rng: torch.Generator, like: Tensor) -> Tensor:
    """Uniform in [0, 1], one in each n-th of it, (n,): a mean over them is less noisy than over independent ones."""
    return (
        torch.arange(n, device=like.device)
        + torch.rand(n, generator=rng, dtype=torch.float32, device=rng.device).to(like)
    ) / n


def flow(velocity: Velocity, start: Tensor, steps: int, solver: str) -> Iterator[Tensor]:
    """The solution of dx/dt = v(x, t) from x(0) = start, at the times 0, 1/K, …, 1, K being `steps`; (n, D) each."""
    advance = SOLVERS[solver]
    x = start
    yield x
    for before, after in pairwise(k / steps for k in range(steps + 1)):
        x = advance(velocity, x, before, after - before)
        yield x


def _euler(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    return x + h * velocity(x, x.new_full((len(x),), t))


def _midpoint(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    half = _euler(velocity, x, t, h / 2)
    return x + h * velocity(half, x.new_full((len(x),), t + h / 2))


def _rk4(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    first, middle, last = (x.new_full((len(x),), t + share * h) for share in (0, 0.5, 1))
    k1 = velocity(x, first)
    k2 = velocity(x + h / 2 * k1, middle)
    k3 = velocity(x + h / 2 * k2, middle)
    k4 = velocity(x + h * k3, last)
    return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


#: Ways to take one step of the differential equation: velocity, points, time and length of the step.
SOLVERS: Mapping[str, Callable[[Velocity, Tensor, float, float], Tensor]] = {
    "euler": _euler,
    "midpoint": _midpoint,
    "rk4": _rk4,
}


@torch.no_grad()
def flow_paths(learnt: Generated, n: int, rng: np.random.Generator) -> FloatArray:
    """The ways of n points from noise to data.

    Args:
        learnt: What `train_gan` returned for a flow.
        n: How many.
        rng: Draws where they start.

    Returns:
        Points at the times 0, 1/K, …, 1, (K + 1, n, D), in units of the data.

    Raises:
        InvalidTypeError: If it was learnt by another method.
    """
    if not isinstance(learnt.system, FlowMatching):
        raise InvalidTypeError(
            "learnt", "be drawn by a flow", f"one of method {learnt.system.name}", "train by flow-matching or ot-cfm"
        )
    draws = torch.Generator().manual_seed(int(rng.integers(2**63)))
    points = torch.stack(list(learnt.system.paths(learnt.task, learnt.networks, n, draws)))
    return np.asarray(learnt.centre + learnt.scale * points.cpu().numpy().astype(np.float64))
