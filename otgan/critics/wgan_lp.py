"""WGAN-LP: the dual of W1 with the critic's slope held below K by a penalty."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from otgan.checks import as_number
from otgan.critics.draws import Draws
from otgan.critics.method import Method, Players, Terms, estimate, values_of_both
from otgan.critics.penalties import gradient_norms, interpolate, one_sided


@dataclass(frozen=True)
class WganLp(Method):
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

    penalty_weight: float = 10.0

    name = "wgan-lp"
    summary = "one-sided penalty on gradient norms above K between the samples"
    held = "by a penalty"

    def __post_init__(self) -> None:
        super().__post_init__()
        as_number("penalty_weight", self.penalty_weight, low=0, open_low=True)

    def terms(self, players: Players, x: Tensor, y: Tensor, draws: Draws) -> Terms:
        """See `Method.terms`."""
        difference = estimate(*values_of_both(players.critic, x, y))
        norms = gradient_norms(players.critic, interpolate(x, y, draws), batch_axes=draws.batch_axes)
        penalty = one_sided(norms, self.lipschitz)
        return Terms(
            self.penalty_weight * penalty - difference,
            difference,
            {"penalty": penalty, "gradient_norm": norms.mean(-1)},
        )
