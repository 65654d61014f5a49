"""Generators against critics: the game that all adversarial systems play, whatever their losses."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Adam

from otgan.checks import as_count, as_number
from otgan.critics import Method, check_critic
from otgan.critics.draws import Draws
from otgan.critics.functions import NetworkFunction
from otgan.critics.game import LAST_RATE
from otgan.critics.method import Players, Terms
from otgan.critics.method import Start as CriticStart
from otgan.gan import dcgan
from otgan.gan.from_noise import FromNoise, draw, noise
from otgan.gan.path_length import PATH_EVERY, path_length_penalty, unit_vectors
from otgan.gan.system import Play, Real, Start, Task


@dataclass(frozen=True)
class Pace:
    """How fast the two learn.

    Attributes:
        n_critic: Steps of the critic before each of the generator.
        learning_rate: Of the generator, at the start.
        critic_rate: Of the critic, at the start.
    """

    n_critic: int
    learning_rate: float
    critic_rate: float


@dataclass(frozen=True)
class Adversarial(FromNoise):
    r"""A generator of points from normal noise, taught by a critic f that is high on the real side.

    In each step the critic minimises its loss `n_critic` times, then the generator its own once, both by Adam at
    learning rates that fall linearly to a hundredth.

    Attributes:
        n_critic: Steps of the critic before each of the generator; None for `on_points` or `on_images`.
        learning_rate: Of the generator, at the start; None likewise.
        critic_rate: Of the critic, at the start; None likewise.
        beta1: Of Adam: its memory of gradients, in [0, 1).
        beta2: Of Adam: its memory of their squares, in [0, 1).
        path_length: Weight of the penalty on path lengths; 0 for none. See `otgan.gan.path_length`.
    """

    n_critic: int | None = None
    learning_rate: float | None = None
    critic_rate: float | None = None
    beta1: float = 0.5
    beta2: float = 0.9
    path_length: float = 0.0

    #: What suits points in the plane. Saturated units move little, and bear rates that convolutions would not.
    on_points: ClassVar[Pace] = Pace(3, 3e-3, 4e-3)
    #: What suits images.
    on_images: ClassVar[Pace] = Pace(5, 1e-3, 1e-3)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("learning_rate", "critic_rate"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, as_number(name, value, low=0, open_low=True))
        if self.n_critic is not None:
            object.__setattr__(self, "n_critic", as_count("n_critic", self.n_critic))
        for name in ("beta1", "beta2"):
            as_number(name, getattr(self, name), low=0, high=1, open_high=True)
        as_number("path_length", self.path_length, low=0)
        self.method(Task((2,), "mlp", (2,), 1))  # refuses what it cannot be given

    @abstractmethod
    def method(self, task: Task) -> Method:
        """The critic's side: its network, its loss, and how it is held."""

    def pace(self, task: Task) -> Pace:
        """How fast the two learn: what was asked for, and otherwise what suits the task."""
        usual = self.on_images if len(task.shape) == 3 else self.on_points
        asked = {field.name: getattr(self, field.name) for field in fields(Pace)}
        return replace(usual, **{name: value for name, value in asked.items() if value is not None})

    @abstractmethod
    def generator_loss(self, at_fake: Tensor) -> Tensor:
        """What the generator minimises, a scalar, from the critic's values at its points, (n,)."""

    @abstractmethod
    def own_number(self, terms: Terms) -> float:
        """What the critic's last evaluation says of the distance that is left; see `System.own`."""

    def critic(self, start: Start) -> nn.Module:
        """The critic as a network on flat points, (n, D) -> (n,) or (n, 1): the user's own, or a new one."""
        if start.critic is None and start.task.net == "dcgan" and self.any_critic:
            return dcgan.critic(start.task, start.seed)
        if start.critic is None:
            real = start.real.cpu()
            task = CriticStart(start.task.dim, start.task.hidden, start.seed, real, real)
            return self.method(start.task).critic(task).layers
        if len(start.task.shape) == 1:
            return start.critic
        # Layers of PyTorch's own, so that methods that read a network layer by layer can read this one.
        return nn.Sequential(nn.Unflatten(1, start.task.shape), start.critic)

    def play(self, start: Start, networks: Mapping[str, nn.Module]) -> Play:
        """See `System.play`.

        Raises:
            CriticError: If a critic of the user's own couples samples, or is one that the method cannot hold.
        """
        return AdversarialPlay(self, start, networks["generator"])


class AdversarialPlay(Play):
    """One game."""

    def __init__(self, system: Adversarial, start: Start, generator: nn.Module) -> None:
        network, self._method = system.critic(start).to(start.real.device).train(), system.method(start.task)
        check_critic(network, start.real)
        self._method.constrain(network)
        with torch.no_grad():
            network(start.real[:1])  # buffers that a constraint sizes at the first forward are there for a checkpoint
        self._system, self._start = system, start
        self._critic = NetworkFunction(network, start.descent.forward(network))
        self._generator = start.descent.forward(generator)
        pace = system.pace(start.task)
        self._n_critic, self._rates = pace.n_critic, {"generator": pace.learning_rate, "critic": pace.critic_rate}
        modules = {"generator": generator, "critic": network}
        weights = {
            name: [weight for weight in module.parameters() if weight.requires_grad] for name, module in modules.items()
        }
        # Fused: one pass over the weights instead of a dozen.
        betas = (system.beta1, system.beta2)
        super().__init__(
            modules, {name: Adam(weights[name], rate, betas, fused=True) for name, rate in self._rates.items()}
        )

    def step(self, k: int, real: Real, rng: torch.Generator) -> dict[str, float]:
        """See `Play.step`."""
        for _ in range(self._n_critic):
            terms = self._teach_critic(k, real(), rng)
        loss = self._system.generator_loss(self._critic(self._draw(self._start.batch_size, rng)))
        shown = {name: float(value.detach()) for name, value in terms.shown.items()}
        total = loss
        if self._system.path_length and k % PATH_EVERY == 0:
            penalty = self._path_length(rng)
            total = loss + self._system.path_length * PATH_EVERY * penalty
            shown["path_length_penalty"] = float(penalty.detach())
        self._descend("generator", total, k)
        return {
            "own": self._system.own_number(terms),
            "loss_critic": float(terms.loss.detach()),
            "loss_generator": float(loss.detach()),
            **shown,
        }

    def _teach_critic(self, k: int, x: Tensor, rng: torch.Generator) -> Terms:
        with torch.no_grad():
            y = self._draw(len(x), rng)
        terms = self._method.terms(Players(self._critic), x, y, Draws(rng))
        self._descend("critic", terms.loss, k)
        self._method.after_step(self.modules["critic"])
        return terms

    def _path_length(self, rng: torch.Generator) -> Tensor:
        n, like = max(1, self._start.batch_size // 2), self._start.real  # half a batch: a second derivative costs more
        z, directions = noise(self._start.task, n, rng, like), unit_vectors((n, self._start.task.dim), rng, like)
        return path_length_penalty(self._generator, z, directions, self.numbers)

    def _draw(self, n: int, rng: torch.Generator) -> Tensor:
        return draw(self._generator, self._start.task, n, rng, self._start.real)

    def _descend(self, name: str, loss: Tensor, k: int) -> None:
        rate = self._rates[name] * max(LAST_RATE, 1 - (k - 1) / self._start.steps)
        self._start.descent(self.optimizers[name], loss, rate)

    def finish(self) -> None:
        """See `Play.finish`."""
        self._method.release(self.modules["critic"])
