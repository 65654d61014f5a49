"""Proven upper bounds of Lipschitz constants, from the layers of a network."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from otgan.critics.layers import Cones, GroupSort
from otgan.errors import InvalidValueError
from otgan.lipschitz.walk import UnknownModuleError, frozen, leaves
from otgan.operator_norms import spectral_norm_upper_bound


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
    GroupSort: lambda _: 1.0,
    Cones: lambda _: 1.0,
}

METHOD = "product of spectral norms"


def certified_upper_bound(critic: Any) -> LipschitzBound:
    r"""Product of the layers' Lipschitz constants, each rounded upward: at least the Lipschitz constant of f.

    It holds on all of R^d, for the function that the weights define in real arithmetic in eval mode. (Softplus is
    taken as $\log(1 + e^{\beta t}) / \beta$; beyond its threshold PyTorch leaves a term below $3 \cdot 10^{-9} /
    \beta$ out. A parametrised weight is the one that float64 computes.) The product ignores how layers align, so
    that it may exceed the constant by orders of magnitude.

    Args:
        critic: An `MLPCritic` (whose scale cancels), or Sequentials of Linear, Identity, Flatten, Dropout,
            GroupSort, ReLU, LeakyReLU, ELU, Tanh, Sigmoid and Softplus, or `Cones`. Anything else is unknown.

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
    if kind in KNOWN and math.isfinite(KNOWN[kind](layer)):
        return KNOWN[kind](layer)
    raise UnknownModuleError(f"no Lipschitz constant is known for {what}")
