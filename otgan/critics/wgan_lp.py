"""WGAN-LP: the dual of W1 with the critic's slope held below K by a penalty."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from otgan.critics.penalties import one_sided
from otgan.critics.penalty_method import PenaltyMethod


@dataclass(frozen=True)
class WganLp(PenaltyMethod):
    r"""The objective $E f(y) - E f(x) + \lambda\, E \max(0, \|\nabla f(\hat x)\| - K)^2$.

    Here x comes from the source, y from the target, and $\hat x$ from the segment between the two. Unlike the penalty
    of WGAN-GP this one leaves slopes below K alone, as the constraint of the dual does: the potential of W1 is
    penalised nowhere, and slopes may fall where the potential's do. The bias upwards stays, since at the optimum
    slopes exceed K where mass is moved. Where all are K + δ, δ ≥ 0, the objective is −(K + δ) W1 / s + λ δ² in units s
    of the data, least at δ = W1 / (2 λ s), as for `WganGp`.

    Attributes:
        penalty_weight: λ > 0; without a penalty there would be no optimum.

    Source: Petzka, Fischer and Lukovnikov (2018), On the regularization of Wasserstein GANs.
    """

    name = "wgan-lp"
    summary = "one-sided penalty on gradient norms above K between the samples"

    def penalty(self, norms: Tensor) -> Tensor:
        """See `PenaltyMethod.penalty`."""
        return one_sided(norms, self.lipschitz)
