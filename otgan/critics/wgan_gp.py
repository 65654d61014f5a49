"""WGAN-GP: the dual of W1 with the critic's slope held near K by a penalty."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from otgan.critics.penalties import two_sided
from otgan.critics.penalty_method import PenaltyMethod


@dataclass(frozen=True)
class WganGp(PenaltyMethod):
    r"""The objective $E f(y) - E f(x) + \lambda\, E\,(\|\nabla f(\hat x)\| - K)^2$, x from the source, y the target.

    Its optimum is not quite the potential of W1: slopes settle a little above K, the more so the smaller λ is, and
    the estimate is biased upwards by it, while a network short of capacity or steps biases it downwards. Where all
    slopes are K + δ it is −(K + δ) W1 / s + λ δ² in units s of the data, least at δ = W1 / (2 λ s).

    Attributes:
        penalty_weight: λ ≥ 0.

    Source: Gulrajani et al. (2017), Improved Training of Wasserstein GANs, Sec. 4, eq. (3), where λ = 10.
    """

    name = "wgan-gp"
    summary = "two-sided penalty on the gradient's norm between the samples"

    needs_penalty = False

    def penalty(self, norms: Tensor) -> Tensor:
        """See `PenaltyMethod.penalty`."""
        return two_sided(norms, self.lipschitz)
