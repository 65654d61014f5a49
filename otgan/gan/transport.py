"""Generators without a critic network: the loss is a distance of transport between two batches itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from otgan.autograd import sinkhorn, sinkhorn_divergence, wasserstein
from otgan.checks import as_number
from otgan.gan.descent import cosine_rate
from otgan.gan.from_noise import FromNoise, draw
from otgan.gan.system import Play, Real, Start

#: Marginal error at which smoothed plans are good enough: gradients then are off by some thousandths of themselves,
#: which is far less than one batch differs from the next, and a tenth of the iterations do.
TOL = 1e-3


@dataclass(frozen=True)
class TransportGan(FromNoise):
    """A generator that descends a distance between a batch of its points and a batch of real ones.

    Between two batches the distance is above 0 also where both are of one law, and its mean lies above the distance of
    the laws: what it converges to draws a law for which batches of this size are near, not the data's.

    Attributes:
        learning_rate: Of Adam at the start; it falls along half a cosine.
    """

    learning_rate: float = 1e-3

    own_is_length = True

    def __post_init__(self) -> None:
        super().__post_init__()
        as_number("learning_rate", self.learning_rate, low=0, open_low=True)

    @abstractmethod
    def loss(self, source: Tensor, target: Tensor) -> tuple[Tensor, float]:
        """What is descended, and a length that it stands for, of real and generated points, (n, D) each."""

    def play(self, start: Start, networks: Mapping[str, nn.Module]) -> Play:
        """See `System.play`."""
        optimizer = torch.optim.Adam(networks["generator"].parameters(), self.learning_rate, betas=(0.5, 0.9))
        return _TransportPlay(networks, {"generator": optimizer}, system=self, start=start)


@dataclass(frozen=True)
class OptimalTransport(TransportGan):
    r"""What the optimal critic would teach: descends W1 between two batches, by the gradient of the exact plan.

    A critic that is optimal for the two batches has W1 as its value, and at a generated point the direction of
    transport as its gradient (the envelope theorem, see `otgan.autograd.wasserstein`).

    Attributes:
        epsilon: 0, or the smoothing of the plan in the units of training. The smoothed value is lower for points that
            have drawn together, so that what it draws is too narrow; `sinkhorn` takes that out.
    """

    epsilon: float = 0.0

    name = "ot"
    summary = "no critic: W1 between two batches is descended by its exact gradient, as the optimal critic would teach"
    own = "W1 between two batches, whose mean lies above W1 between the laws"

    def __post_init__(self) -> None:
        super().__post_init__()
        as_number("epsilon", self.epsilon, low=0)

    def loss(self, source: Tensor, target: Tensor) -> tuple[Tensor, float]:
        """See `TransportGan.loss`."""
        value = sinkhorn(source, target, epsilon=self.epsilon, tol=TOL) if self.epsilon else wasserstein(source, target)
        return value, float(value.detach())


@dataclass(frozen=True)
class SinkhornGan(TransportGan):
    r"""Descends the Sinkhorn divergence between two batches.

    Attributes:
        p: Exponent of the distance in the cost, 1 ≤ p ≤ 64.
        epsilon: Smoothing, in units of the cost in the units of training: a share of the data's variance for p = 2.

    Source: Feydy et al. (2019), Interpolating between optimal transport and MMD using Sinkhorn divergences.
    """

    p: float = 2.0
    epsilon: float = 0.02

    name = "sinkhorn"
    summary = "no critic: the Sinkhorn divergence between two batches is descended"
    own = "the p-th root of the Sinkhorn divergence between two batches, whose mean lies above that of the laws"

    def __post_init__(self) -> None:
        super().__post_init__()
        as_number("p", self.p, low=1, high=64)
        as_number("epsilon", self.epsilon, low=0, open_low=True)

    def loss(self, source: Tensor, target: Tensor) -> tuple[Tensor, float]:
        """See `TransportGan.loss`."""
        divergence = sinkhorn_divergence(source, target, epsilon=self.epsilon, p=self.p, tol=TOL)
        # A divergence of nearly equal batches may be below 0 by what the solver leaves.
        return divergence, max(0.0, float(divergence.detach())) ** (1 / self.p)


@dataclass(eq=False, kw_only=True)
class _TransportPlay(Play):
    system: TransportGan
    start: Start

    def step(self, k: int, real: Real, rng: torch.Generator) -> dict[str, float]:
        """See `Play.step`."""
        x, descent = real(), self.start.descent
        y = draw(descent.forward(self.modules["generator"]), self.start.task, len(x), rng, x)
        loss, own = self.system.loss(x, y)
        descent(self.optimizers["generator"], loss, cosine_rate(self.system.learning_rate, k, self.start.steps))
        return {"own": own, "loss_generator": float(loss.detach())}
