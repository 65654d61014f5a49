"""Two potentials whose constraint is held by a regularisation of the plan."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from otgan.checks import as_number
from otgan.critics.draws import Draws
from otgan.critics.method import Method, Players, Start, Terms, estimate, values_of_both
from otgan.critics.networks import MLPCritic
from otgan.critics.transforms import pairwise
from otgan.errors import InvalidValueError

REGULARIZATIONS = ("l2", "entropy")


@dataclass(frozen=True)
class Lsot(Method):
    r"""The regularised dual $E u(x) + E v(y) - E\, R(u(x) + v(y) - K \|x - y\|)$ of large-scale optimal transport.

    R(t) is $[t]_+^2 / 4 \varepsilon$ (L2) or $\varepsilon\, e^{t / \varepsilon}$ (entropy), its mean over all pairs of
    the batch. The best u and v violate u + v ≤ K ‖x − y‖ wherever the regularised plan has mass. With ρ for that plan's
    density with respect to the product of the two measures, the optimum is
    $\min_\rho E\, \rho K \|x - y\| + \varepsilon E \rho^2$ (L2), at least K W1 + ε, and E u + E v is higher by
    $\varepsilon E \rho^2$ once more; for the entropy E u + E v is $E\,\rho K \|x - y\| + \varepsilon E \rho \log\rho$.
    Either way the bias is upward, and ρ is large where the plan is concentrated, so that ε must be small. Training is
    then slow, and the network's own bias, downwards, takes over.

    The critic is u. The objective does not say what u is at the target, nor v at the source, while the estimate asks
    there. So v is written as −u − w, with a network w of its own that starts at 0, which leaves the family of pairs as
    it is; and an added $\tau\, E\, w(y)^2$ draws v towards −u, which for W1 costs nothing at the optimum without ε. The
    estimate is E u + E v + E w.

    Attributes:
        regularization: "l2" or "entropy".
        epsilon: ε > 0, in the units of training, in which coordinates have size 1.
        tie: τ ≥ 0; 0 for the objective of the paper.

    Source: Seguy et al. (2018), Large-Scale Optimal Transport and Mapping Estimation, after the authors' code; as a
    critic: Korotin, Kolesov and Burnaev (2022), Kantorovich Strikes Back! Wasserstein GANs are not Optimal
    Transport?
    """

    regularization: str = "l2"
    epsilon: float = 0.002
    tie: float = 1.0

    name = "lsot"
    summary = "two potentials, their constraint held by an L2 or entropic regularisation of the plan"
    held = "by the objective"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.regularization not in REGULARIZATIONS:
            raise InvalidValueError(
                "regularization", f"be one of {', '.join(REGULARIZATIONS)}", repr(self.regularization), "choose one"
            )
        as_number("epsilon", self.epsilon, low=0, open_low=True)
        as_number("tie", self.tie, low=0)

    @property
    def other_steps(self) -> int:
        """One: the two potentials take turns."""
        return 1

    def others(self, start: Start) -> dict[str, nn.Module]:
        """The network w in v = −u − w."""
        gap = MLPCritic(start.dim, start.hidden, seed=start.seed ^ 1)
        last = list(gap.layers.parameters())[-2:]
        for weights in last:
            nn.init.zeros_(weights)
        return {"gap": gap}

    def terms(self, players: Players, x: Tensor, y: Tensor, draws: Draws) -> Terms:
        """See `Method.terms`."""
        at_x, at_y = values_of_both(players.critic, x, y)
        with torch.no_grad():
            gap = players.others["gap"](y)
        dual, penalty = self._dual(at_x, -at_y - gap, x, y)
        loss = penalty - dual + self.tie * gap.square().mean(-1)
        return Terms(loss, estimate(at_x, at_y), {"dual": dual, "penalty": penalty})

    def other_loss(self, players: Players, x: Tensor, y: Tensor, draws: Draws) -> Tensor:
        """See `Method.other_loss`; what both potentials minimise is the same."""
        with torch.no_grad():
            at_x, at_y = values_of_both(players.critic, x, y)
        gap = players.others["gap"](y)
        dual, penalty = self._dual(at_x, -at_y - gap, x, y)
        return penalty - dual + self.tie * gap.square().mean(-1)

    def _dual(self, u: Tensor, v: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """E u + E v, and E R."""
        over = u.unsqueeze(-1) + v.unsqueeze(-2) - self.lipschitz * pairwise(x, y)
        if self.regularization == "l2":
            penalty = over.relu().square().mean((-2, -1)) / (4 * self.epsilon)
        else:
            penalty = self.epsilon * (over / self.epsilon).exp().mean((-2, -1))
        return u.mean(-1) + v.mean(-1), penalty
