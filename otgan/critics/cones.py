"""Critics that are envelopes of cones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from otgan.checks import as_count
from otgan.critics.dual_objective import DualObjective
from otgan.critics.method import Start
from otgan.critics.networks import ConesCritic
from otgan.critics.weights import Times, parametrize_weight, plain_weight

#: Cones that start at one point are moved this far apart, in units of the data's size; else they would stay together.
JITTER = 1e-2


@dataclass(frozen=True)
class ConesMethod(DualObjective):
    r"""The objective $E f(y) - E f(x)$, x from the source, y the target, over $f(x) = \max_k b_k - K \|x - c_k\|$.

    Such an f is K-Lipschitz whatever its centres c and heights b are, so both are trained freely. With a cone at each
    point of the source it reaches the optimum of the dual, whose potential is the envelope of its own values there.
    Training starts from cones at some points of the source, all of one height.

    No estimate exceeds K W1 of the laws by more than chance. With k cones the bias is downwards: between its centres f
    falls short of the potential by up to 2 K times the distance to the nearest one, which for points spread in d
    dimensions shrinks like $k^{-1/d}$: little in the plane, much in 16 dimensions, where the cones must find places
    that serve many points.

    Attributes:
        n_cones: k ≥ 1.

    Source: McShane (1934), Extension of range of functions, Theorem 1 (the envelope).
    """

    n_cones: int = 512

    name = "cones"
    summary = "envelope of cones with trained centres and heights: K-Lipschitz by construction"
    held = "by construction"
    learning_rate = 1e-2
    any_critic = False

    def __post_init__(self) -> None:
        super().__post_init__()
        as_count("n_cones", self.n_cones)

    def critic(self, start: Start) -> ConesCritic:
        """See `Method.critic`."""
        critic = ConesCritic(start.dim, self.n_cones, self.lipschitz)
        generator = torch.Generator().manual_seed(start.seed)
        chosen = torch.randint(len(start.x), (self.n_cones,), generator=generator)
        apart = JITTER * torch.randn((self.n_cones, start.dim), generator=generator, dtype=torch.float32)
        with torch.no_grad():
            critic.layers.get_parameter("centres").copy_(start.x[chosen] + apart)
        return critic

    def constrain(self, network: nn.Module) -> None:
        """See `Method.constrain`: heights are trained in units of K, so that they keep pace with the slopes."""
        parametrize_weight(network, Times(self.lipschitz), "heights")

    def release(self, network: nn.Module) -> None:
        """See `Method.release`."""
        plain_weight(network, "heights")
