r"""What critics and generators minimise, on the critic's values alone: (n,) at real points, (n,) at generated ones.

Each is a mean over the last axis. Where a value is a logit, D = 1 / (1 + exp(−value)) is the discriminator's
probability that a point is real; logarithms of D are computed from logits, so that none of them overflows.
"""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn.functional import relu, softplus


def wasserstein_critic(at_real: Tensor, at_fake: Tensor) -> Tensor:
    """L_C = E f(fake) − E f(real); minus it is the critic's estimate of W1, if its slopes are at most 1.

    Source: Arjovsky, Chintala and Bottou (2017), Wasserstein GAN, Algorithm 1.
    """
    return at_fake.mean(-1) - at_real.mean(-1)


def wasserstein_generator(at_fake: Tensor) -> Tensor:
    """L_G = −E f(fake), for the Wasserstein and for the hinge loss.

    Source: Arjovsky, Chintala and Bottou (2017), Wasserstein GAN, Algorithm 1; Brock, Donahue and Simonyan (2019),
    Large scale GAN training for high fidelity natural image synthesis.
    """
    return -at_fake.mean(-1)


def hinge_critic(at_real: Tensor, at_fake: Tensor) -> Tensor:
    """L_C = E max(0, 1 − f(real)) + E max(0, 1 + f(fake)).

    Source: Brock, Donahue and Simonyan (2019), Large scale GAN training for high fidelity natural image synthesis.
    """
    return relu(1 - at_real).mean(-1) + relu(1 + at_fake).mean(-1)


def logistic_critic(at_real: Tensor, at_fake: Tensor) -> Tensor:
    """L_D = −E log D(real) − E log(1 − D(fake)), of logits.

    Source: Goodfellow et al. (2014), Generative adversarial nets, eq. (1).
    """
    return softplus(-at_real).mean(-1) + softplus(at_fake).mean(-1)


def minimax_generator(at_fake: Tensor) -> Tensor:
    """L_G = E log(1 − D(fake)), of logits; its gradient vanishes where the discriminator is sure.

    Source: Goodfellow et al. (2014), Generative adversarial nets, eq. (1).
    """
    return -softplus(at_fake).mean(-1)


def non_saturating_generator(at_fake: Tensor) -> Tensor:
    """L_G = −E log D(fake), of logits; its gradient is largest where the discriminator is sure.

    Source: Goodfellow et al. (2014), Generative adversarial nets, Sec. 3.
    """
    return softplus(-at_fake).mean(-1)


def js_estimate(logistic_loss: float) -> float:
    r"""The Jensen-Shannon divergence in nats that a discriminator's loss speaks of, log 2 − L_D / 2.

    The best discriminator has $L_D = 2 \log 2 - 2\, JS$, and no other a smaller one: so this is a lower bound of JS
    but for chance, log 2 where real and generated points are told apart for certain, and below 0 for a discriminator
    that is worse than none.

    Source: Goodfellow et al. (2014), Generative adversarial nets, Theorem 1.
    """
    return math.log(2) - logistic_loss / 2
