"""WGAN-GP: the dual of W1 with the critic's slope held near K by a penalty."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from otgan.checks import as_number
from otgan.critics.draws import Draws
from otgan.critics.method import Method, Players, Terms, estimate, values_of_both
from otgan.critics.penalties import gradient_norms, interpolate, two_sided


@dataclass(frozen=True)
class WganGp(Method):
    r"""The objective $E f(y) - E f(x) + \lambda\, E\,(\|\nabla f(\hat x)\| - K)^2$, x from the source, y the target.

    Its optimum is not quite the potential of W1: slopes settle a little above K, the more so the smaller λ is, and
    the estimate is biased upwards by it, while a network short of capacity or steps biases it downwards. Where all
    slopes are K + δ it is −(K + δ) W1 / s + λ δ² in units s of the data, least at δ = W1 / (2 λ s).

    Attributes:
        penalty_weight: λ ≥ 0.

    Source: Gulrajani et al. (2017), Improved Training of Wasserstein GANs, Sec. 4, eq. (3), where λ = 10.
    """

    penalty_weight: float = 10.0

    name = "wgan-gp"
    summary = "two-sided penalty on the gradient's norm between the samples"
    held = "by a penalty"

    def __post_init__(self) -> None:
        super().__post_init__()
        as_number("penalty_weight", self.penalty_weight, low=0)

    def terms(self, players: Players, x: Tensor, y: Tensor, draws: Draws) -> Terms:
        """See `Method.terms`."""
        difference = estimate(*values_of_both(players.critic, x, y))
        norms = gradient_norms(players.critic, interpolate(x, y, draws), batch_axes=draws.batch_axes)
        penalty = two_sided(norms, self.lipschitz)
        return Terms(
            self.penalty_weight * penalty - difference,
            difference,
            {"penalty": penalty, "gradient_norm": norms.mean(-1)},
        )
