"""Critics whose rows of weights are held: in the Euclidean norm in the first layer, in absolute sum in the others."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from otgan.checks import as_choice
from otgan.critics.dual_objective import DualObjective
from otgan.critics.groupsort import SORTING
from otgan.critics.method import Start
from otgan.critics.networks import MLPCritic
from otgan.critics.weights import Times, held_layers, parametrize_weight, plain_weight, spread_biases, weighted_layers
from otgan.operator_norms import row_norms_upper_bound

#: Free weights of norm 1 in all but the first layer start at this multiple: it is divided out again, and makes steps of
#: theirs smaller. A step moves a sum of many entries far, and a row of the first layer, which has to turn, only a bit.
FREE = 8.0


@dataclass(frozen=True)
class NormConstrained(DualObjective):
    r"""The objective $E f(y) - E f(x)$, x from the source, y the target, with rows of weights held in norm.

    The first layer maps into the maximum norm, the others stay in it: with $\|w_i\|_2 \le 1$ for the rows of the first
    weight, $\|w_i\|_1 \le 1$ for those of the others, K for the last one, and activations that sort, f is
    K-Lipschitz in the Euclidean norm of its points. In training a row that is too long is divided by its norm. What is
    delivered are plain weights whose rows have been shortened until a *proven* bound of their norms holds. The product
    of spectral norms may be far above K; `otgan.lipschitz.certified_upper_bound` proves K by the norms of rows.

    Every function here is K-Lipschitz, so that no estimate exceeds K W1 of the laws by more than chance. Networks of
    this kind come near to every K-Lipschitz function; at a given size and number of steps the bias is downwards. A sum
    with weights of total size 1 averages, and averaging flattens: slopes of K need rows with few entries, hence the
    start, where each unit copies one of the layer below, up to a half.

    Attributes:
        activation: "maxmin", or "fullsort" for sorting all units of a layer.

    Source: Anil, Lucas and Grosse (2019), Sorting out Lipschitz function approximation; Kitouni, Nolte and
    Williams (2021), Robust and provably monotonic networks.
    """

    activation: str = "maxmin"

    name = "norm-constrained"
    summary = "rows of weights held in norm, sorting activations: K-Lipschitz by construction"
    held = "by construction"
    learning_rate = 2e-2
    any_critic = False

    def __post_init__(self) -> None:
        super().__post_init__()
        as_choice("activation", self.activation, SORTING)

    def critic(self, start: Start) -> MLPCritic:
        """See `Method.critic`."""
        critic = MLPCritic(start.dim, start.hidden, self.activation, seed=start.seed)
        generator = torch.Generator().manual_seed(start.seed)
        with torch.no_grad():
            for k, layer in enumerate(weighted_layers(critic.layers)):
                layer.weight.div_(_row_norms(layer.weight, _order(k)))
                if k:
                    layer.weight.add_(_copies(layer.weight, generator)).div_(2)
        spread_biases(critic.layers, torch.cat([start.x, start.y]), start.seed)
        with torch.no_grad():
            for layer in weighted_layers(critic.layers)[1:]:
                layer.weight.mul_(FREE)
        return critic

    def constrain(self, network: nn.Module) -> None:
        """See `Method.constrain`."""
        layers = weighted_layers(network)
        for k, layer in enumerate(layers):
            parametrize_weight(layer, ShortRows(_order(k)))
        parametrize_weight(layers[-1], Times(self.lipschitz))

    def release(self, network: nn.Module) -> None:
        """See `Method.release`."""
        layers = held_layers(network)
        for k, layer in enumerate(layers):
            plain_weight(layer)
            shorten_rows(layer.weight, _order(k), self.lipschitz if layer is layers[-1] else 1.0)


class ShortRows(nn.Module):
    """A weight whose rows are divided by their norms where these exceed 1."""

    def __init__(self, order: int) -> None:
        super().__init__()
        self.order = order

    def forward(self, weight: Tensor) -> Tensor:
        """Divide."""
        return weight / _row_norms(weight, self.order).clamp(min=1)


@torch.no_grad()
def shorten_rows(weight: Tensor, order: int, norm: float) -> None:
    """Scale rows of a weight down in place until the proven bound of each one's norm is at most this number.

    A weight with NaN or infinity in it stays, since no factor can save it.
    """
    if not weight.isfinite().all():
        return
    exact = weight.to("cpu", torch.float64, copy=True)  # where the bounds are, wherever the weight is
    factors = torch.ones(len(weight), 1, dtype=torch.float64, device="cpu")
    less = 1 - max(torch.finfo(weight.dtype).eps / 4, 1e-15)
    while True:
        bounds = torch.from_numpy(row_norms_upper_bound(weight, order))[:, None]
        if (bounds <= norm).all():
            return
        factors = torch.where(bounds > norm, factors * norm / bounds * less, factors)
        weight.copy_(factors * exact)


def _order(k: int) -> int:
    """Which norm the rows of the k-th weight have."""
    return 1 if k else 2


def _row_norms(weight: Tensor, order: int) -> Tensor:
    """Norms, (m, 1)."""
    return torch.linalg.vector_norm(weight, order, dim=1, keepdim=True)


def _copies(weight: Tensor, generator: torch.Generator) -> Tensor:
    """A matrix of this shape whose rows each copy one entry, and whose entries are copied about equally often."""
    m, n = weight.shape
    columns = torch.cat([torch.randperm(n, generator=generator) for _ in range(-(-m // n))])[:m]
    return nn.functional.one_hot(columns, n).to(weight.dtype)
