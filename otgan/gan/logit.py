"""GANs whose critic sorts points into real and generated ones: the classical GAN, and spectral norms with a hinge."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from otgan.checks import as_number
from otgan.critics import Method
from otgan.critics.draws import Draws
from otgan.critics.method import Players, Terms, estimate, values_of_both
from otgan.critics.spectral_norm import SpectralNorm
from otgan.gan.adversarial import Adversarial, Pace
from otgan.gan.losses import (
    hinge_critic,
    js_estimate,
    logistic_critic,
    minimax_generator,
    non_saturating_generator,
    wasserstein_generator,
)
from otgan.gan.system import Task


@dataclass(frozen=True)
class LogisticMethod(Method):
    """A discriminator by its logit, f = log D − log(1 − D), held by nothing; see `logistic_critic`."""

    name = "logistic"
    summary = "a discriminator with the logistic loss"
    held = "by nothing"

    def terms(self, players: Players, x: Tensor, y: Tensor, draws: Draws) -> Terms:
        """See `Method.terms`."""
        at_real, at_fake = values_of_both(players.critic, x, y)
        return Terms(logistic_critic(at_real, at_fake), estimate(at_real, at_fake))


@dataclass(frozen=True)
class HingeMethod(SpectralNorm):
    """A critic of slope at most K by spectral normalisation, with the hinge loss; see `hinge_critic`."""

    name = "hinge"
    summary = "weights divided by their spectral norms, hinge loss"

    def terms(self, players: Players, x: Tensor, y: Tensor, draws: Draws) -> Terms:
        """See `Method.terms`."""
        at_real, at_fake = values_of_both(players.critic, x, y)
        return Terms(hinge_critic(at_real, at_fake), estimate(at_real, at_fake))


@dataclass(frozen=True)
class GanSystem(Adversarial):
    """The classical GAN: the discriminator is a sigmoid of the network, the generator minimises −E log D(fake).

    Source: Goodfellow et al. (2014), Generative adversarial nets.
    """

    name = "gan"
    summary = "sigmoid discriminator, non-saturating loss"
    own = "the discriminator's estimate of the Jensen-Shannon divergence in nats, log 2 - L_D / 2"
    any_critic = True
    on_images = Pace(1, 2e-4, 2e-4)

    def method(self, task: Task) -> Method:
        """See `Adversarial.method`."""
        return LogisticMethod()

    def generator_loss(self, at_fake: Tensor) -> Tensor:
        """See `Adversarial.generator_loss`."""
        return non_saturating_generator(at_fake)

    def own_number(self, terms: Terms) -> float:
        """See `Adversarial.own_number`."""
        return js_estimate(float(terms.loss.detach()))


@dataclass(frozen=True)
class GanMinimaxSystem(GanSystem):
    """The classical GAN in the form that its theory speaks of: the generator minimises E log(1 − D(fake)).

    Source: Goodfellow et al. (2014), Generative adversarial nets, eq. (1).
    """

    name = "gan-minimax"
    summary = "sigmoid discriminator, minimax loss, whose gradient vanishes"

    def generator_loss(self, at_fake: Tensor) -> Tensor:
        """See `Adversarial.generator_loss`."""
        return minimax_generator(at_fake)


@dataclass(frozen=True)
class SnGanSystem(Adversarial):
    """Spectral normalisation with the hinge loss.

    Attributes:
        lipschitz: K, the slope that the critic may have in units of training. The hinge wants values 2 apart where real
            and generated points can be told apart, and a critic of slope 1 has that only for points that are as far
            apart as the data is wide.

    Source: Miyato et al. (2018), Spectral normalization for generative adversarial networks; the loss as in Brock,
    Donahue and Simonyan (2019), Large scale GAN training for high fidelity natural image synthesis.
    """

    lipschitz: float = 20.0

    name = "sn-gan"
    summary = "critic with weights divided by their spectral norms, hinge loss"
    own = "the critic's lower bound of W1, (E f(real) - E f(fake)) / K"
    own_is_length = True
    any_critic = True

    def __post_init__(self) -> None:
        as_number("lipschitz", self.lipschitz, low=0, open_low=True)
        super().__post_init__()

    def method(self, task: Task) -> Method:
        """See `Adversarial.method`."""
        return HingeMethod(lipschitz=self.lipschitz)

    def generator_loss(self, at_fake: Tensor) -> Tensor:
        """See `Adversarial.generator_loss`."""
        return wasserstein_generator(at_fake)

    def own_number(self, terms: Terms) -> float:
        """See `Adversarial.own_number`."""
        return float(terms.estimate.detach()) / self.lipschitz
