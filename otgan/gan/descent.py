"""One step of an optimiser down a loss, the same for every system, in whatever precision and among however many."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn, zeros_like
from torch.optim import Optimizer

from otgan.critics.game import LAST_RATE

#: A network as it is called.
Forward = Callable[..., Tensor]


def _as_it_is(network: nn.Module) -> Forward:
    return network


@dataclass(frozen=True)
class Descent:
    """How networks are called in training, and what happens between a loss and the weights.

    A system calls what it trains by `forward` and changes it by a call of this object only: then it trains in mixed
    precision, and among several processes, without knowing of either.

    Attributes:
        forward: Gives a network as a function, whose values are of float32 whatever it computes in.
        average: Replaces tensors, in place, by their means over all processes; None where there is one.
    """

    forward: Callable[[nn.Module], Forward] = _as_it_is
    average: Callable[[Sequence[Tensor]], None] | None = None

    def __call__(self, optimizer: Optimizer, loss: Tensor, rate: float) -> None:
        """Take one step, at this learning rate, in the weights of the optimiser that require a gradient."""
        weights = [weight for group in optimizer.param_groups for weight in group["params"] if weight.requires_grad]
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss.backward(inputs=weights)  # other networks' weights get no gradient, and cost no time
        if self.average is not None:
            # What one process leaves out, another may have reached.
            gradients = [zeros_like(weight) if weight.grad is None else weight.grad for weight in weights]
            self.average(gradients)
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.grad = gradient
        optimizer.step()


#: Of one process, in the precision of the weights.
ALONE = Descent()


def cosine_rate(rate: float, k: int, steps: int) -> float:
    """At step k of so many, along half a cosine: the last steps average the batches' noise out."""
    return rate * (LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos((k - 1) / steps * math.pi)))
