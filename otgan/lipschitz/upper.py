"""Proven upper bounds of Lipschitz constants, from the layers of a network."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from otgan.critics import ConesCritic, MLPCritic
from otgan.critics.layers import Cones, GroupSort
from otgan.errors import InvalidValueError
from otgan.lipschitz.row_norms import SAME_IN_MAXIMUM_NORM, RowNorms
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


class _UnknownError(Exception):
    """No bound is known for a module; the message says which and why."""


#: Lipschitz constants in eval mode: for elementwise layers, proven bounds of the derivative; infinite where none is.
KNOWN: dict[type[nn.Module], Callable[[Any], float]] = {
    nn.Identity: lambda _: 1.0,
    nn.Dropout: lambda _: 1.0,
    nn.Flatten: lambda layer: 1.0 if (layer.start_dim, layer.end_dim) == (1, -1) else math.inf,
    GroupSort: lambda _: 1.0,
    Cones: lambda layer: layer.slope,
    nn.ReLU: lambda _: 1.0,
    nn.LeakyReLU: lambda layer: max(abs(layer.negative_slope), 1.0),
    nn.ELU: lambda layer: max(abs(layer.alpha), 1.0),
    nn.Tanh: lambda _: 1.0,
    nn.Sigmoid: lambda _: 0.25,
    nn.Softplus: lambda layer: 1.0 if layer.beta > 0 and layer.threshold >= 20 else math.inf,
}

METHOD = "product of spectral norms"
ROWS = "product of row norms"


def certified_upper_bound(critic: Any) -> LipschitzBound:
    r"""Product of the layers' Lipschitz constants, each rounded upward: at least the Lipschitz constant of f.

    It holds on all of R^d, for the function that the weights define in real arithmetic in eval mode. (Softplus is
    taken as $\log(1 + e^{\beta t}) / \beta$; beyond its threshold PyTorch leaves a term below $3 \cdot 10^{-9} /
    \beta$ out. A parametrised weight is the one that float64 computes.) The product ignores how layers align, so
    that it may exceed the constant by orders of magnitude. Taken twice, with spectral norms and with those of
    `RowNorms`; the smaller product counts, and `method` names it.

    Args:
        critic: An `MLPCritic` (whose scale cancels), or Sequentials of Linear, Identity, Flatten, Dropout, ReLU,
            LeakyReLU, ELU, Tanh, Sigmoid and Softplus. Anything else is unknown.

    Returns:
        The bound, in values of f per unit of length; infinite, with the reason, where a part is unknown.

    Source: Szegedy et al. (2014), Intriguing properties of neural networks, Sec. 4.3 (the product).
    """
    if not isinstance(critic, nn.Module):
        return LipschitzBound(math.inf, METHOD, f"{type(critic).__name__} is no torch module, its layers are unknown")
    try:
        # A copy, since asking a parametrised layer for its weight may change its state.
        module = copy.deepcopy(critic).double().eval()
    except Exception as error:
        return LipschitzBound(math.inf, METHOD, f"{type(critic).__name__} cannot be copied ({type(error).__name__})")
    bounds = [_product(module, spectral_norm_upper_bound, METHOD), _product(module, RowNorms(), ROWS)]
    return min(bounds, key=lambda bound: bound.value)


def _product(module: nn.Module, norm: Callable[[Any], float], method: str) -> LipschitzBound:
    """The bound with this norm for weights."""
    value = 1.0
    try:
        with torch.no_grad():
            for factor in _factors(module, "", norm):
                value = 0.0 if 0.0 in (value, factor) else math.nextafter(value * factor, math.inf)
    except _UnknownError as error:
        return LipschitzBound(math.inf, method, str(error))
    return LipschitzBound(value, method, "" if math.isfinite(value) else "the product leaves float64")


def _factors(module: nn.Module, name: str, norm: Callable[[Any], float]) -> Iterator[float]:
    """Lipschitz constants whose product bounds the module's."""
    kind = parametrize.type_before_parametrizations(module)
    what = f"{kind.__name__} at '{name}'" if name else kind.__name__
    if module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module):
        raise _UnknownError(f"{what} has hooks or a replaced forward, which may compute anything")
    if kind in (MLPCritic, ConesCritic):
        yield from _factors(module.get_submodule("layers"), f"{name}.layers".lstrip("."), norm)
    elif kind is nn.Sequential:
        for key, child in module.named_children():
            yield from _factors(child, f"{name}.{key}".lstrip("."), norm)
    elif kind is nn.Linear:
        try:
            yield norm(module.weight)
        except InvalidValueError as error:
            raise _UnknownError(f"the weight of {what} is {error.value}") from error
    elif isinstance(norm, RowNorms) and kind in KNOWN and kind not in SAME_IN_MAXIMUM_NORM:
        raise _UnknownError(f"no Lipschitz constant in the maximum norm is known for {what}")
    elif kind in KNOWN and math.isfinite(KNOWN[kind](module)):
        yield KNOWN[kind](module)
    else:
        raise _UnknownError(f"no Lipschitz constant is known for {what}")
