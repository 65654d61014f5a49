"""One critic, or a stack of them, beside the other networks of its method: what is trained, and one step of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from otgan.critics.draws import Draws
from otgan.critics.functions import NetworkFunction, StackFunction
from otgan.critics.method import Method, Players, Terms
from otgan.errors import CriticError, InvalidValueError

#: Optimisers by name. Half of Adam's usual memory of gradients, as in Gulrajani et al. (2017), Sec. 5. Fused: one pass
#: over the weights instead of a dozen.
OPTIMIZERS: dict[str, Callable[[list[Tensor], float], torch.optim.Optimizer]] = {
    "adam": lambda weights, rate: torch.optim.Adam(weights, lr=rate, betas=(0.5, 0.9), fused=True),
    "rmsprop": lambda weights, rate: torch.optim.RMSprop(weights, lr=rate),
    "sgd": lambda weights, rate: torch.optim.SGD(weights, lr=rate),
}

#: The learning rate falls along half a cosine to this fraction: the last steps average the noise of the batches out.
LAST_RATE = 0.01

Batches = Callable[[], tuple[Tensor, Tensor]]


class Game:
    """What is trained together.

    Args:
        method: Holds the critics, and says what each network minimises.
        networks: The critics; more than one make a stack.
        others: The other networks that belong to each.
        generators: One for each critic.
        optimizer: A name in `OPTIMIZERS`.
        learning_rate: At the start.
        steps: How many steps will be taken.

    Attributes:
        modules: Every network that is trained, by name.
        optimizers: Of the critics, and of the others where there are any.

    Raises:
        CriticError: If a stack is asked of a method that changes the weights of each network by itself.
    """

    def __init__(
        self,
        method: Method,
        networks: Sequence[nn.Module],
        others: Sequence[dict[str, nn.Module]],
        generators: Sequence[torch.Generator],
        *,
        optimizer: str,
        learning_rate: float,
        steps: int,
    ) -> None:
        stacked = len(networks) > 1
        if stacked and not method.stacks:
            raise CriticError(
                "method", "hold its critic by the objective alone in a stack", method.name, "train them one by one"
            )
        self.method, self.networks = method, networks
        self._draws = Draws(*generators, stacked=stacked)
        for network in networks:
            method.constrain(network)
        self._critic = StackFunction(networks) if stacked else NetworkFunction(networks[0])
        self._others = {
            name: StackFunction([each[name] for each in others], critics=False) if stacked else others[0][name]
            for name in others[0]
        }
        self._players = Players(self._critic, self._others)
        self.modules = {"critic": networks[0], **others[0]}
        weights = [weight for other in self._others.values() for weight in other.parameters()]
        groups = {"critic": self._critic.parameters(), **({"others": weights} if weights else {})}
        self.optimizers = {name: OPTIMIZERS[optimizer](group, learning_rate) for name, group in groups.items()}
        self._rate, self._steps = learning_rate, steps

    def step(self, k: int, batches: Batches) -> Terms:
        """Do step k, from 1 on: the others' steps, then the critics'."""
        cosine = 0.5 * (1 + math.cos((k - 1) / self._steps * math.pi))
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = self._rate * (LAST_RATE + (1 - LAST_RATE) * cosine)
        for _ in range(self.method.other_steps):
            self._descend("others", self.method.other_loss(self._players, *batches(), self._draws))
        terms = self.method.terms(self._players, *batches(), self._draws)
        self._descend("critic", terms.loss)
        for network in self.networks:
            self.method.after_step(network)
        return terms

    def release(self) -> None:
        """Leave plain weights in the networks."""
        for function in (self._critic, *self._others.values()):
            if isinstance(function, StackFunction):
                function.release()
        for network in self.networks:
            self.method.release(network)

    def _descend(self, name: str, loss: Tensor) -> None:
        self.optimizers[name].zero_grad()
        loss.sum().backward()  # each critic's loss knows its own weights only
        self.optimizers[name].step()


def check_optimizer(name: Any) -> str:
    """Read the name of an optimiser.

    Raises:
        InvalidValueError: If there is none of this name.
    """
    if not isinstance(name, str) or name not in OPTIMIZERS:
        raise InvalidValueError("optimizer", f"be one of {', '.join(OPTIMIZERS)}", repr(name), "choose one of these")
    return name
