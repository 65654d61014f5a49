"""Weights that hold a Lipschitz constant: which they are, and how they are brought to a norm that is proven."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from otgan.critics.networks import BIAS
from otgan.errors import CriticError

#: A layer whose weight can be held.
Weighted = nn.Linear | nn.Conv1d | nn.Conv2d


def weighted_layers(network: nn.Module) -> list[Weighted]:
    """The Linear and Conv layers of a network that has weights in no other, in the order in which they are registered.

    Raises:
        CriticError: If another layer has weights, whose norm would not be held; if a convolution pads with other values
            than zeros; if a weight is computed from others, serves two layers or one in two places, or is zero; or if
            there is no such layer.
    """
    layers: list[Weighted] = []
    for name, module in network.named_modules(remove_duplicate=False):  # a layer in two places is two layers
        # A subclass may compute anything, and a weight that is no parameter comes from elsewhere.
        if type(module) in (nn.Linear, nn.Conv1d, nn.Conv2d) and _is_plain(module):
            layers.append(module)
        elif module._parameters or parametrize.is_parametrized(module):
            raise CriticError(
                "critic",
                "have weights in plain Linear, Conv1d and Conv2d layers only, padded with zeros, whose norms are held",
                f"{type(module).__name__} at '{name}'" if name else type(module).__name__,
                "replace it, or choose a method that holds any network, such as wgan-gp",
            )
    if not layers or len({id(layer.weight) for layer in layers}) < len(layers):
        raise CriticError(
            "critic",
            "have Linear or Conv layers, each with a weight of its own, whose norms are held",
            "a weight in two layers, or a layer in two places" if layers else "no such layer",
            "give each layer its own weight",
        )
    if not all(layer.weight.any() for layer in layers):
        raise CriticError(
            "critic",
            "have no weight of zeros, where weights are divided by their norms",
            "a layer whose weight is zero",
            "draw its initial weight at random",
        )
    return layers


def _is_plain(layer: nn.Module) -> bool:
    return layer._parameters.get("weight") is not None and getattr(layer, "padding_mode", "zeros") == "zeros"


def held_layers(network: nn.Module) -> list[Weighted]:
    """The layers of `weighted_layers`, once their weights are computed by `parametrize_weight`."""
    return [layer for layer in network.modules() if isinstance(layer, Weighted)]


def parametrize_weight(layer: nn.Module, part: nn.Module, name: str = "weight") -> None:
    """Let the weight be computed by this map, after others that are there already, from a free one that is trained."""
    # unsafe: a map that normalises is not the identity on weights that have not been normalised yet.
    parametrize.register_parametrization(layer, name, part, unsafe=True)


def plain_weight(layer: nn.Module, name: str = "weight") -> None:
    """Undo `parametrize_weight`; the weight keeps the value that was computed. A plain weight stays as it is."""
    if parametrize.is_parametrized(layer, name):
        with torch.no_grad():
            parametrize.remove_parametrizations(layer, name, leave_parametrized=True)


class Times(nn.Module):
    """A weight times a number: as the last map it leaves the free weight at the size at which it trains well."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, weight: Tensor) -> Tensor:
        """Multiply."""
        return self.factor * weight


@torch.no_grad()
def scale_to(weight: Tensor, bound: Callable[[Tensor], float], norm: float) -> None:
    """Scale a weight in place until the proven bound of its norm is at most, and nearly, this number.

    What has been rounded to the weight's dtype is bounded again, so that the bound holds for the weight as it is
    delivered. A weight of zeros stays, and so does one with NaN or infinity in it, which no factor can save.
    """
    if not weight.isfinite().all() or not weight.any():
        return
    exact = weight.to(torch.float64, copy=True)
    factor, reached = norm / bound(weight), float("inf")
    less = 1 - max(torch.finfo(weight.dtype).eps / 4, 1e-15)
    while reached > norm:
        weight.copy_(factor * exact)
        reached = bound(weight)
        factor *= norm / max(reached, norm) * less


@torch.no_grad()
def spread_biases(network: nn.Module, points: Tensor, seed: int) -> None:
    """Draw the biases anew, so that the kinks of a network whose weights have been scaled lie among the data.

    Each is uniform within two standard deviations of the values that it is added to, around their negative mean.
    Beside weights of small norm the biases of `MLPCritic` would tower: no unit would ever change sides, and the
    network would be affine, without a gradient that says so.

    Args:
        network: A Sequential.
        points: Some points of the data, (n, d).
        seed: Of the biases.
    """
    generator = torch.Generator().manual_seed(seed)
    for layer in network.children():
        if isinstance(layer, nn.Linear):
            values = points @ layer.weight.T
            places = torch.empty_like(layer.bias).uniform_(-BIAS, BIAS, generator=generator)
            layer.bias.copy_(places * values.std(0, unbiased=False) - values.mean(0))
        points = layer(points)
