"""Spectral normalisation: every weight divided by its operator norm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from otgan.critics.dual_objective import DualObjective
from otgan.critics.method import Start
from otgan.critics.networks import MLPCritic
from otgan.critics.plain_chain import check_chain
from otgan.critics.weights import (
    Times,
    Weighted,
    held_layers,
    parametrize_weight,
    plain_weight,
    scale_to,
    spread_biases,
    weighted_layers,
)
from otgan.operator_norms import convolution_norm_upper_bound, spectral_norm_upper_bound

#: Rounds of the power iteration at the start; later, each step adds one to what the steps before have found.
FIRST_ROUNDS = 20


@dataclass(frozen=True)
class SpectralNorm(DualObjective):
    r"""The objective $E f(y) - E f(x)$, x from the source, y the target, with weights divided by their norms.

    A convolution counts with the norm of the operator that it is on its images, zeros around them, and not with that of
    its kernel as a matrix. In training norms are those of a power iteration, one round a step, which lie a little below
    the true ones. What is delivered are plain weights divided by a *proven* upper bound of their norm, for images of
    any size, and the last one times K, so that the product of the norms is at most K. That bounds the Lipschitz
    constant of a chain of layers with 1-Lipschitz activations, and of no other network: x + relu(a(x)) has slopes of 2.
    So other networks are refused before training, see `check_chain`.

    The estimate is biased downwards, in ReLU networks strongly. Every function here is K-Lipschitz, so that none says
    more than K W1; but a ReLU lets pass one of two signs, a gradient loses on its way back what stands before closed
    units, and weights of norm 1 cannot make up for it: slopes of K all over the data are out of reach. Sorting
    activations lose nothing, see `GroupSortMethod`.

    Source: Miyato et al. (2018), Spectral normalization for generative adversarial networks.
    """

    name = "spectral-norm"
    summary = "weights divided by their spectral norms: K-Lipschitz by construction, slopes shrink in ReLU networks"
    held = "by construction"

    def critic(self, start: Start) -> MLPCritic:
        """See `Method.critic`."""
        critic = MLPCritic(start.dim, start.hidden, seed=start.seed)
        with torch.no_grad():
            for layer in weighted_layers(critic.layers):
                layer.weight.div_(torch.linalg.matrix_norm(layer.weight, 2))
        spread_biases(critic.layers, torch.cat([start.x, start.y]), start.seed)
        return critic

    def constrain(self, network: nn.Module) -> None:
        """See `Method.constrain`.

        Raises:
            CriticError: If the network has weights outside of plain Linear, Conv1d and Conv2d layers, or is no plain
                chain of layers.
        """
        layers = weighted_layers(network)
        check_chain(network)
        for layer in layers:
            normalised = Normalised(layer)
            if not isinstance(layer, nn.Linear):
                normalised.hook = layer.register_forward_pre_hook(normalised.look)
            parametrize_weight(layer, normalised)
        parametrize_weight(layers[-1], Times(self.lipschitz))

    def release(self, network: nn.Module) -> None:
        """See `Method.release`."""
        *hidden, last = held_layers(network)
        for layer in (*hidden, last):
            for part in layer.modules():
                if isinstance(part, Normalised) and part.hook is not None:
                    part.hook.remove()
            plain_weight(layer)
            bound = partial(norm_upper_bound, groups=_groups(layer))
            scale_to(layer.weight, bound, self.lipschitz if layer is last else 1.0)


def norm_upper_bound(weight: Tensor, groups: int = 1) -> float:
    """A proven bound of a matrix's norm, or of that of a convolution with zeros around images of any size."""
    if weight.ndim == 2:
        return spectral_norm_upper_bound(weight)
    # Groups of channels do not see each other: the largest norm counts.
    return max(convolution_norm_upper_bound(kernel) for kernel in weight.chunk(groups))


class Normalised(nn.Module):
    r"""A weight divided by the norm of the linear map A that its layer is with it.

    In training mode the norm is $\langle u, A v \rangle$, where a round of the power iteration, $u \propto A v$,
    $v \propto A^T u$, is done at each call. In eval mode it is computed from scratch, so that values do not depend on
    how many steps came before, and nothing changes: exactly for a matrix, by the bound of `norm_upper_bound` for a
    convolution.

    Args:
        layer: Linear, Conv1d or Conv2d.

    Attributes:
        right: v, of the shape of one point or image that the layer is given.
        hook: Where `look` is registered.
    """

    right: Tensor

    def __init__(self, layer: Weighted) -> None:
        super().__init__()
        self.hook: RemovableHandle | None = None
        self._groups = _groups(layer)
        self._apply_weight = _linear_part(layer)
        self.register_buffer("right", torch.empty(0, dtype=torch.float32))
        if isinstance(layer, nn.Linear):
            self._start((layer.in_features,), layer.weight)

    def look(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Learn the size of the images; a hook before the layer's forward."""
        shape = inputs[0].shape[1:]
        if self.training and self.right.shape != shape:
            self._start(tuple(shape), layer.get_parameter("parametrizations.weight.original"))

    def forward(self, weight: Tensor) -> Tensor:
        """Divide; W of zeros stays zero."""
        if self.training and self.right.numel():
            with torch.no_grad():
                left = self._round(weight)
            norm = (left * self._apply_weight(self.right.clone(), weight)).sum()
        elif not weight.isfinite().all():  # training has diverged: its own error will say so, and none of LAPACK's
            return weight
        elif weight.ndim == 2:
            norm = torch.linalg.matrix_norm(weight, 2)
        else:
            norm = weight.new_tensor(norm_upper_bound(weight.detach(), self._groups))
        return weight / norm.clamp(min=torch.finfo(weight.dtype).tiny)

    @torch.no_grad()
    def _start(self, shape: tuple[int, ...], weight: Tensor) -> None:
        generator = torch.Generator().manual_seed(0)
        self.right = torch.randn(shape, generator=generator, dtype=torch.float32).to(weight)
        for _ in range(FIRST_ROUNDS):
            self._round(weight)

    def _round(self, weight: Tensor) -> Tensor:
        """One round of the power iteration; returns u."""
        left = _unit(self._apply_weight(self.right, weight))
        if weight.ndim == 2:
            back = left @ weight
        else:  # the derivative of a linear map, backwards, is its transpose
            transpose = torch.func.vjp(lambda image: self._apply_weight(image, weight), self.right)[1]
            (back,) = transpose(left)
        self.right.copy_(_unit(back))
        return _unit(self._apply_weight(self.right, weight))


def _unit(vector: Tensor) -> Tensor:
    return vector / vector.norm().clamp(min=torch.finfo(vector.dtype).tiny)


def _groups(layer: Weighted) -> int:
    return 1 if isinstance(layer, nn.Linear) else layer.groups


def _linear_part(layer: Weighted) -> Callable[[Tensor, Tensor], Tensor]:
    """The layer without its bias, from one point or image and a weight."""
    if isinstance(layer, nn.Linear):
        return nn.functional.linear
    return partial(
        nn.functional.conv1d if isinstance(layer, nn.Conv1d) else nn.functional.conv2d,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        groups=layer.groups,
    )
