"""WGANs: a generator against a critic that is held to a slope by any of otgan's critic methods."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from otgan.critics import Method
from otgan.critics.checks import check_critic
from otgan.critics.draws import Draws
from otgan.critics.functions import NetworkFunction
from otgan.critics.game import LAST_RATE
from otgan.critics.method import Players
from otgan.critics.method import Start as CriticStart
from otgan.critics.wgan_gp import WganGp
from otgan.gan.networks import Flat, mlp
from otgan.gan.system import Play, Real, Start, System, Task, normal


@dataclass(frozen=True)
class DualGan(System):
    r"""The critic f ascends E f(real) − E f(fake), the generator descends −E f(fake).

    Attributes:
        n_critic: Steps of the critic before each of the generator.
        learning_rate: Of both, at the start; it falls linearly.
    """

    n_critic: int = 5
    learning_rate: float = 1e-3

    own = "the critic's estimate of W1, E f(real) - E f(fake)"
    own_is_length = True
    any_critic = True
    any_generator = True

    @property
    @abstractmethod
    def method(self) -> Method:
        """How the critic is held."""

    def networks(self, task: Task, seed: int) -> dict[str, nn.Module]:
        """See `System.networks`."""
        return {"generator": mlp((task.noise_dim, *task.hidden, task.dim), seed)}

    def play(self, start: Start, networks: Mapping[str, nn.Module]) -> Play:
        """See `System.play`."""
        return _DualPlay.begin(self, start, networks["generator"])

    def sample(self, task: Task, networks: Mapping[str, nn.Module], n: int, rng: torch.Generator) -> Tensor:
        """See `System.sample`."""
        generator = networks["generator"]
        like = next(generator.parameters())
        return generator(normal((n, task.noise_dim), rng, like)).flatten(1)


class _DualPlay(Play):
    @classmethod
    def begin(cls, system: DualGan, start: Start, generator: nn.Module) -> _DualPlay:
        method, task = system.method, start.task
        if start.critic is None:
            critic = method.critic(CriticStart(task.dim, task.hidden, start.seed, start.real.cpu(), start.real.cpu()))
            network = critic.layers.to(start.real.device)
        else:
            network = Flat(start.critic, task.shape)
        check_critic(network, start.real)
        method.constrain(network)
        betas = (0.5, 0.9)
        play = cls(
            {"generator": generator, "critic": network},
            {
                "generator": torch.optim.Adam(generator.parameters(), system.learning_rate, betas=betas),
                "critic": torch.optim.Adam(network.parameters(), system.learning_rate, betas=betas),
            },
        )
        play.system, play.start, play.method = system, start, method
        play.critic = NetworkFunction(network)
        return play

    system: DualGan
    start: Start
    method: Method
    critic: NetworkFunction

    def step(self, k: int, real: Real, rng: torch.Generator) -> dict[str, float]:
        """See `Play.step`."""
        network = self.modules["critic"]
        rate = self.system.learning_rate * max(LAST_RATE, 1 - (k - 1) / self.start.steps)
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = rate
        network.requires_grad_(True)
        for _ in range(self.system.n_critic):
            x = real()
            with torch.no_grad():
                y = self._draw(len(x), rng, x)
            terms = self.method.terms(Players(self.critic), x, y, Draws(rng))
            self._descend("critic", terms.loss)
            self.method.after_step(network)
        network.requires_grad_(False)
        loss = -self.critic(self._draw(self.start.batch_size, rng, self.start.real)).mean()
        self._descend("generator", loss)
        own = float(terms.estimate.detach()) / self.method.lipschitz
        shown = {name: float(value.detach()) for name, value in terms.shown.items()}
        return {"own": own, "loss_critic": float(terms.loss.detach()), "loss_generator": float(loss.detach()), **shown}

    def _draw(self, n: int, rng: torch.Generator, like: Tensor) -> Tensor:
        return self.modules["generator"](normal((n, self.start.task.noise_dim), rng, like)).flatten(1)

    def _descend(self, name: str, loss: Tensor) -> None:
        self.optimizers[name].zero_grad()
        loss.backward()
        self.optimizers[name].step()

    def finish(self) -> None:
        """See `Play.finish`."""
        self.modules["critic"].requires_grad_(True)
        self.method.release(self.modules["critic"])


@dataclass(frozen=True)
class WganGpSystem(DualGan):
    """WGAN-GP."""

    penalty_weight: float = 10.0

    name = "wgan-gp"
    summary = "critic held by a penalty on its gradient's norm"

    @property
    def method(self) -> Method:
        """See `DualGan.method`."""
        return WganGp(penalty_weight=self.penalty_weight)
