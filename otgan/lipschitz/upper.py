"""Proven upper bounds of Lipschitz constants, from the layers of a network."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from otgan.lipschitz.layers import finite_weight, known_constant
from otgan.lipschitz.row_norms import RowNorms
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


METHOD = "product of operator norms"
ROWS = "product of row norms"


def certified_upper_bound(critic: Any) -> LipschitzBound:
    r"""Product of the layers' Lipschitz constants, each rounded upward: at least the Lipschitz constant of f.

    A convolution counts with the norm of the operator (`convolution_norm_upper_bound`), not of its kernel.
    It holds on all of R^d, for the function that the weights define in real arithmetic in eval mode. (Softplus is
    taken as $\log(1 + e^{\beta t}) / \beta$; beyond its threshold PyTorch leaves a term below $3 \cdot 10^{-9} /
    \beta$ out. A parametrised weight is the one that float64 computes.) The product ignores how layers align, so
    that it may exceed the constant by orders of magnitude. Taken twice, with operator norms and with those of
    `RowNorms`; the smaller product counts, and `method` names it.

    Args:
        critic: An `MLPCritic` (whose scale cancels); `Cones`; or Sequentials of Linear, Conv1d and Conv2d with zero
            padding, average and max pooling, Identity, Flatten, Unflatten, Dropout, GroupSort, ReLU, LeakyReLU, ELU,
            Tanh, Sigmoid and Softplus. Anything else is unknown.

    Returns:
        The bound, in values of f per unit of length; infinite, with the reason, where a part is unknown.

    Source: Szegedy et al. (2014), Intriguing properties of neural networks, Sec. 4.3 (the product).
    """
    try:
        module = frozen(critic)  # a copy: asking for a weight may change a layer's state
    except UnknownModuleError as error:
        return LipschitzBound(math.inf, METHOD, str(error))
    by_operators, rows = _bound(module, METHOD, _operator_norm), RowNorms()
    by_rows = _bound(module, ROWS, rows)
    return by_rows if rows.outputs == 1 and by_rows.value < by_operators.value else by_operators


Factor = Callable[[type[nn.Module], Any, str], float]


def _bound(module: nn.Module, method: str, factor: Factor) -> LipschitzBound:
    """The product of these factors of the layers."""
    value = 1.0
    try:
        with torch.no_grad():
            for layer in leaves(module):
                value = _product(value, factor(*layer))
    except UnknownModuleError as error:
        return LipschitzBound(math.inf, method, str(error))
    return LipschitzBound(value, method, "" if math.isfinite(value) else "the product leaves float64")


def _product(value: float, factor: float) -> float:
    if 0.0 in (value, factor):
        return 0.0
    return value * factor if 1.0 in (value, factor) else math.nextafter(value * factor, math.inf)


def _operator_norm(kind: type[nn.Module], layer: Any, what: str) -> float:
    """A proven Lipschitz constant of one layer, in the Euclidean norm."""
    if kind is nn.Linear:
        with finite_weight(what):
            return spectral_norm_upper_bound(layer.weight)
    if kind in (nn.Conv1d, nn.Conv2d):
        if layer.padding_mode != "zeros":
            raise UnknownModuleError(f"{what} pads with other values than zeros")
        with finite_weight(what):
            # Groups do not see each other: the largest norm counts.
            return max(convolution_norm_upper_bound(kernel) for kernel in layer.weight.chunk(layer.groups))
    return known_constant(kind, layer, what)
