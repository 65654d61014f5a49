"""Spectral normalisation: every weight divided by its operator norm."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from otgan.critics.dual_objective import DualObjective
from otgan.critics.method import Start
from otgan.critics.networks import MLPCritic
from otgan.critics.weights import (
    Times,
    dense_layers,
    held_layers,
    parametrize_weight,
    plain_weight,
    scale_to,
    spread_biases,
)
from otgan.operator_norms import spectral_norm_upper_bound

#: Rounds of the power iteration at the start; later, each step adds one to what the steps before have found.
FIRST_ROUNDS = 20


@dataclass(frozen=True)
class SpectralNorm(DualObjective):
    r"""The objective $E f(y) - E f(x)$, x from the source, y the target, with weights divided by their norms.

    In training the spectral norm is that of a power iteration, one round a step, which lies a little below the true
    one. What is delivered are plain weights divided by a *proven* upper bound of their norm, and the last one times K,
    so that the product of the norms is at most K. Where activations are 1-Lipschitz and the network is a chain of
    layers, that bounds the critic's Lipschitz constant; `otgan.lipschitz.certified_upper_bound` says whether it does.
    Convolutions are refused.

    The estimate is biased downwards, in ReLU networks strongly. Every function here is K-Lipschitz, so that none says
    more than K W1; but a ReLU lets pass one of two signs, a gradient loses on its way back what stands before closed
    units, and weights of norm 1 cannot make up for it: slopes of K all over the data are out of reach. Sorting
    activations lose nothing, see `GroupSortMethod`.

    Source: Miyato et al. (2018), Spectral normalization for generative adversarial networks, Sec. 2.1 and 2.2.
    """

    name = "spectral-norm"
    summary = "weights divided by their spectral norms: K-Lipschitz by construction, slopes shrink in ReLU networks"
    held = "by construction"

    def critic(self, start: Start) -> MLPCritic:
        """See `Method.critic`."""
        critic = MLPCritic(start.dim, start.hidden, seed=start.seed)
        with torch.no_grad():
            for layer in dense_layers(critic.layers):
                layer.weight.div_(torch.linalg.matrix_norm(layer.weight, 2))
        spread_biases(critic.layers, torch.cat([start.x, start.y]), start.seed)
        return critic

    def constrain(self, network: nn.Module) -> None:
        """See `Method.constrain`.

        Raises:
            CriticError: If the network has weights outside of plain Linear layers.
        """
        layers = dense_layers(network)
        for layer in layers:
            parametrize_weight(layer, Normalised(layer.weight))
        parametrize_weight(layers[-1], Times(self.lipschitz))

    def release(self, network: nn.Module) -> None:
        """See `Method.release`."""
        *hidden, last = held_layers(network)
        for layer in (*hidden, last):
            plain_weight(layer)
            scale_to(layer.weight, spectral_norm_upper_bound, self.lipschitz if layer is last else 1.0)


class Normalised(nn.Module):
    r"""A weight divided by its spectral norm.

    In training mode the norm is $u^T W v$, where a round of the power iteration is done on u and v at each call. In
    eval mode it is computed from scratch, so that values do not depend on how many steps came before, and nothing
    changes.

    Args:
        weight: W as it is at the start, (m, n).

    Attributes:
        right: v, (n,).
    """

    right: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("right", torch.ones_like(weight[0]))
        with torch.no_grad():
            # No direction is orthogonal to all rows: start with the longest.
            self.right.copy_(weight[weight.norm(dim=1).argmax()])
            for _ in range(FIRST_ROUNDS):
                self._round(weight)

    def forward(self, weight: Tensor) -> Tensor:
        """Divide; W of zeros stays zero."""
        if not weight.isfinite().all():  # training has diverged: its own error will say so, and none of LAPACK's
            return weight
        if not self.training:
            norm = torch.linalg.matrix_norm(weight, 2)
        else:
            with torch.no_grad():
                left = self._round(weight)
            norm = left @ (weight @ self.right.clone())
        return weight / norm.clamp(min=torch.finfo(weight.dtype).tiny)

    def _round(self, weight: Tensor) -> Tensor:
        """One round of the power iteration; returns u, (m,)."""
        left = nn.functional.normalize(weight @ self.right, dim=0)
        self.right.copy_(nn.functional.normalize(left @ weight, dim=0))
        return nn.functional.normalize(weight @ self.right, dim=0)
