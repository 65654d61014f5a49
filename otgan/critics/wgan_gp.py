"""WGAN-GP: the dual of W1 with the critic's slope held near K by a penalty."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from otgan.critics.penalties import Critic, gradient_norms, interpolate, two_sided


@dataclass(frozen=True)
class Terms:
    """What one evaluation of the objective gave; each a scalar tensor.

    Attributes:
        loss: What is minimised, with a gradient.
        estimate: E_source f − E_target f on the batch, the penalty not mixed in.
        penalty: E (‖∇f‖ − K)², before its weight.
        gradient_norm: Mean of ‖∇f‖ at the points of the penalty.
    """

    loss: Tensor
    estimate: Tensor
    penalty: Tensor
    gradient_norm: Tensor


@dataclass(frozen=True)
class WganGp:
    r"""The objective $E f(y) - E f(x) + \lambda\, E\,(\|\nabla f(\hat x)\| - K)^2$, x from the source, y the target.

    Its optimum is not quite the potential of W1: slopes settle a little above K, the more so the smaller λ is, and
    the estimate is biased upwards by it, while a network short of capacity or steps biases it downwards.

    Attributes:
        penalty_weight: λ ≥ 0.
        lipschitz: K > 0.

    Source: Gulrajani et al. (2017), Improved Training of Wasserstein GANs, Sec. 4, eq. (3), where λ = 10.
    """

    penalty_weight: float = 10.0
    lipschitz: float = 1.0

    def __call__(self, critic: Critic, x: Tensor, y: Tensor, generator: torch.Generator) -> Terms:
        """Evaluate on source points x and target points y, both (n, d); the generator draws the penalty's points."""
        # One pass for both; the check for coupled samples has made sure that this changes nothing.
        at_x, at_y = critic(torch.cat([x, y])).reshape(2, -1).mean(1)
        norms = gradient_norms(critic, interpolate(x, y, generator))
        penalty = two_sided(norms, self.lipschitz)
        estimate = at_x - at_y
        return Terms(self.penalty_weight * penalty - estimate, estimate, penalty, norms.mean())
