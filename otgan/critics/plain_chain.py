"""Networks that are nothing but their layers in turn, where the product of the layers' norms bounds the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from torch import nn

from otgan.critics.layers import GroupSort
from otgan.critics.networks import MLPCritic
from otgan.errors import CriticError


def _averages(layer: Any) -> bool:
    padded_otherwise = any(np.atleast_1d(layer.padding)) and not layer.count_include_pad
    return not (layer.ceil_mode or padded_otherwise or getattr(layer, "divisor_override", None))


def _windows_apart(layer: Any) -> bool:
    apart = bool((np.asarray(layer.kernel_size) <= np.asarray(layer.stride)).all())
    return apart and not layer.return_indices and not any(np.atleast_1d(layer.dilation) != 1)


#: Layers without weights, and whether one with these settings maps each point by itself, 1-Lipschitz.
ONE_LIPSCHITZ: dict[type[nn.Module], Callable[[Any], bool]] = {
    nn.Identity: lambda _: True,
    nn.Dropout: lambda layer: layer.p == 0,
    nn.Flatten: lambda layer: (layer.start_dim, layer.end_dim) == (1, -1),
    nn.Unflatten: lambda layer: layer.dim == 1,
    nn.ReLU: lambda _: True,
    nn.LeakyReLU: lambda layer: abs(layer.negative_slope) <= 1,
    nn.ELU: lambda layer: abs(layer.alpha) <= 1,
    nn.Tanh: lambda _: True,
    nn.Sigmoid: lambda _: True,
    nn.Softplus: lambda layer: layer.beta > 0 and layer.threshold >= 20,
    nn.AvgPool1d: _averages,
    nn.AvgPool2d: _averages,
    nn.MaxPool1d: _windows_apart,
    nn.MaxPool2d: _windows_apart,
    GroupSort: lambda _: True,
}


def check_chain(network: nn.Module) -> None:
    """Refuse a network that is no plain chain of trained layers, Linear, Conv1d, Conv2d and those above.

    Args:
        network: Sequentials, within each other or not, an `MLPCritic`, or one layer.

    Raises:
        CriticError: If a part is of another kind, whose forward may compute anything from its layers; if a layer is not
            1-Lipschitz; if hooks or a replaced forward change what is computed; or if a weight or bias is frozen.
    """
    for layer, what in _layers(network, ""):
        kind = type(layer)
        if layer._forward_hooks or layer._forward_pre_hooks or "forward" in vars(layer):
            raise _refusal(f"{what}, which has hooks or a replaced forward")
        if kind in ONE_LIPSCHITZ and not ONE_LIPSCHITZ[kind](layer):
            raise _refusal(f"{what}, which is not 1-Lipschitz with its settings")
        if kind not in ONE_LIPSCHITZ and kind not in (nn.Sequential, MLPCritic, nn.Linear, nn.Conv1d, nn.Conv2d):
            raise _refusal(f"{what}, whose forward may compute anything from its layers")
        if not all(parameter.requires_grad for parameter in layer._parameters.values() if parameter is not None):
            raise CriticError(
                "critic",
                "be trained as a whole, since all its weights are divided by their norms",
                f"frozen parameters of {what}",
                "set requires_grad, or choose a method that leaves weights alone, such as wgan-gp",
            )


def _layers(module: nn.Module, name: str) -> Iterator[tuple[nn.Module, str]]:
    """A module and, where its kind says that it applies them in turn, what is in it."""
    yield module, f"{type(module).__name__} at '{name}'" if name else type(module).__name__
    if type(module) in (nn.Sequential, MLPCritic):
        for key, child in module._modules.items():
            if child is None:
                raise _refusal(f"nothing at '{name}.{key}'".replace("'.", "'"))
            yield from _layers(child, f"{name}.{key}".lstrip("."))


def _refusal(got: str) -> CriticError:
    return CriticError(
        "critic",
        "be a chain of Linear, Conv1d, Conv2d and 1-Lipschitz layers in Sequentials, whose norms multiply",
        got,
        "write it as a Sequential, or choose a method that takes any network, such as wgan-gp",
    )
