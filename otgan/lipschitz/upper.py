"""Proven upper bounds of Lipschitz constants, from the layers of a network."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from otgan.critics.layers import Cones, GroupSort
from otgan.errors import InvalidValueError
from otgan.lipschitz.walk import UnknownModuleError, frozen, leaves
from otgan.operator_norms import convolution_norm_upper_bound, spectral_norm_upper_bound


@dataclass(frozen=True)
class LipschitzBound:
    """A proven upper bound of a Lipschitz constant in the Euclidean norm.

    Attributes:
        value: The bound; infinite where nothing is proven.
        method: How it was found.
        reason: Why it is infinite; empty where it is not.
    """

    value: float
    method: str
    reason: str = ""


def _average(layer: Any) -> float:
    """A convolution whose entries are positive and sum to 1, with zeros around it and some values left out."""
    padded = any(np.atleast_1d(layer.padding))
    divided_otherwise = layer.ceil_mode or (padded and not layer.count_include_pad)
    return math.inf if divided_otherwise or getattr(layer, "divisor_override", None) else 1.0


def _maximum(layer: Any, n_axes: int) -> float:
    """Two maxima differ by no more than their entries at most, and so many windows share an entry."""
    if layer.return_indices or any(np.atleast_1d(layer.dilation) != 1):
        return math.inf
    windows = 1
    for size, stride in zip(
        np.broadcast_to(layer.kernel_size, n_axes), np.broadcast_to(layer.stride, n_axes), strict=True
    ):
        windows *= -(-int(size) // int(stride))
    return 1.0 if windows == 1 else math.sqrt(windows) * (1 + 2.0**-50)


#: Lipschitz constants in eval mode: for elementwise layers, proven bounds of the derivative; infinite where none is.
KNOWN: dict[type[nn.Module], Callable[[Any], float]] = {
    nn.Identity: lambda _: 1.0,
    nn.Dropout: lambda _: 1.0,
    nn.Flatten: lambda layer: 1.0 if (layer.start_dim, layer.end_dim) == (1, -1) else math.inf,
    nn.ReLU: lambda _: 1.0,
    nn.LeakyReLU: lambda layer: max(abs(layer.negative_slope), 1.0),
    nn.ELU: lambda layer: max(abs(layer.alpha), 1.0),
    nn.Tanh: lambda _: 1.0,
    nn.Sigmoid: lambda _: 0.25,
    nn.Softplus: lambda layer: 1.0 if layer.beta > 0 and layer.threshold >= 20 else math.inf,
    nn.Unflatten: lambda layer: 1.0 if layer.dim == 1 else math.inf,
    nn.AvgPool1d: _average,
    nn.AvgPool2d: _average,
    nn.MaxPool1d: lambda layer: _maximum(layer, 1),
    nn.MaxPool2d: lambda layer: _maximum(layer, 2),
    GroupSort: lambda _: 1.0,
    Cones: lambda _: 1.0,
}

METHOD = "product of operator norms"


def certified_upper_bound(critic: Any) -> LipschitzBound:
    r"""Product of the layers' Lipschitz constants, each rounded upward: at least the Lipschitz constant of f.

    A convolution counts with the norm of the operator (`convolution_norm_upper_bound`), not of its kernel.
    It holds on all of R^d, for the function that the weights define in real arithmetic in eval mode. (Softplus is
    taken as $\log(1 + e^{\beta t}) / \beta$; beyond its threshold PyTorch leaves a term below $3 \cdot 10^{-9} /
    \beta$ out. A parametrised weight is the one that float64 computes.) The product ignores how layers align, so
    that it may exceed the constant by orders of magnitude.

    Args:
        critic: An `MLPCritic` (whose scale cancels); `Cones`; or Sequentials of Linear, Conv1d and Conv2d with zero
            padding, average and max pooling, Identity, Flatten, Unflatten, Dropout, GroupSort, ReLU, LeakyReLU, ELU,
            Tanh, Sigmoid and Softplus. Anything else is unknown.

    Returns:
        The bound, in values of f per unit of length; infinite, with the reason, where a part is unknown.

    Source: Szegedy et al. (2014), Intriguing properties of neural networks, Sec. 4.3 (the product).
    """
    value = 1.0
    try:
        with torch.no_grad():
            for kind, layer, what in leaves(frozen(critic)):  # a copy: asking for a weight may change a layer's state
                factor = _factor(kind, layer, what)
                value = 0.0 if 0.0 in (value, factor) else _product(value, factor)
    except UnknownModuleError as error:
        return LipschitzBound(math.inf, METHOD, str(error))
    return LipschitzBound(value, METHOD, "" if math.isfinite(value) else "the product leaves float64")


def _product(value: float, factor: float) -> float:
    return value * factor if 1.0 in (value, factor) else math.nextafter(value * factor, math.inf)


def _factor(kind: type[nn.Module], layer: Any, what: str) -> float:
    """A proven Lipschitz constant of one layer."""
    if kind is nn.Linear:
        try:
            return spectral_norm_upper_bound(layer.weight)
        except InvalidValueError as error:
            raise UnknownModuleError(f"the weight of {what} is {error.value}") from error
    if kind in (nn.Conv1d, nn.Conv2d):
        if layer.padding_mode != "zeros":
            raise UnknownModuleError(f"{what} pads with other values than zeros")
        try:
            # Groups do not see each other: the largest norm counts.
            return max(convolution_norm_upper_bound(kernel) for kernel in layer.weight.chunk(layer.groups))
        except InvalidValueError as error:
            raise UnknownModuleError(f"the weight of {what} is {error.value}") from error
    if kind in KNOWN and math.isfinite(KNOWN[kind](layer)):
        return KNOWN[kind](layer)
    raise UnknownModuleError(f"no Lipschitz constant is known for {what}")
