"""A network as a chain of affine maps and activations, with its numbers as they are stored."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.parametrize import type_before_parametrizations

from otgan.checks import FloatArray
from otgan.critics import MLPCritic
from otgan.critics.layers import GroupSort
from otgan.lipschitz.walk import UnknownModuleError, frozen, leaves

#: Activations by the names that they have here, with the one number that they depend on (1 where there is none).
ACTIVATIONS: dict[type[nn.Module], tuple[str, Any]] = {
    nn.ReLU: ("leaky", lambda layer: 0.0),
    nn.LeakyReLU: ("leaky", lambda layer: float(layer.negative_slope)),
    nn.ELU: ("elu", lambda layer: float(layer.alpha)),
    nn.Tanh: ("tanh", lambda layer: 1.0),
    nn.Sigmoid: ("sigmoid", lambda layer: 1.0),
    nn.Softplus: ("softplus", lambda layer: float(layer.beta)),
}


@dataclass(frozen=True, eq=False)
class Stage:
    """One affine map, and the activation behind it.

    Attributes:
        weight: W, (m, n), float64.
        bias: b, (m,), float64.
        kind: "none", "leaky" (max(t, 0) + number · min(t, 0)), "sort" (within groups of `number` neighbours), "elu",
            "tanh", "sigmoid" or "softplus".
        number: The activation's number.
    """

    weight: FloatArray
    bias: FloatArray
    kind: str = "none"
    number: float = 1.0


@dataclass(frozen=True, eq=False)
class Chain:
    """f(x) = s h((x − c) / s), h a chain of stages, the last of which has one row and no activation.

    Attributes:
        stages: Of h.
        centre: c, (d,).
        scale: s > 0.
    """

    stages: tuple[Stage, ...]
    centre: FloatArray
    scale: float

    @property
    def dim(self) -> int:
        """Number of coordinates d."""
        return self.stages[0].weight.shape[1]

    @property
    def piecewise_linear(self) -> bool:
        """Whether all activations are, and do not care for the scale: activation(s t) = s activation(t)."""
        return all(stage.kind in ("none", "leaky", "sort") for stage in self.stages)

    def exact_biases(self) -> list[list[Fraction]]:
        """Biases of f itself for a piecewise linear h: as the activations pass a scale on, c and s go into them."""
        s = Fraction(self.scale)
        biases = [[s * Fraction(float(b)) for b in stage.bias] for stage in self.stages]
        if self.centre.any():
            c = [Fraction(float(value)) for value in self.centre]
            first = self.stages[0].weight
            for i, row in enumerate(first):
                biases[0][i] -= sum((Fraction(float(w)) * x for w, x in zip(row, c, strict=True)), Fraction(0))
        return biases


def read_chain(critic: Any) -> Chain:
    """Read a critic as a chain.

    Args:
        critic: An `MLPCritic`, or Sequentials of Linear, Identity, Flatten, Dropout, GroupSort, ReLU, LeakyReLU, ELU,
            Tanh, Sigmoid and Softplus, with a Linear first.

    Raises:
        UnknownModuleError: If it is anything else; the message says why.
    """
    module: Any = frozen(critic)
    centre, scale = None, 1.0
    if type_before_parametrizations(module) is MLPCritic:
        centre, scale = module.centre.detach().cpu().numpy().copy(), float(module.scale)
    elif any(type_before_parametrizations(part) is MLPCritic for part in module.modules()):
        raise UnknownModuleError("it holds an MLPCritic, whose centre and scale come between other layers")
    stages: list[Stage] = []
    with torch.no_grad():
        for kind, layer, what in leaves(module):
            if kind is nn.Linear:
                stages.append(_affine(layer, what))
            elif kind in (nn.Identity, nn.Dropout) or (
                kind is nn.Flatten and (layer.start_dim, layer.end_dim) == (1, -1)
            ):
                continue
            elif kind is GroupSort or kind in ACTIVATIONS:
                if not stages:
                    raise UnknownModuleError(f"{what} comes before the first Linear")
                _activate(stages, kind, layer, what)
            else:
                raise UnknownModuleError(f"{what} is no part of a chain of affine maps and activations")
    if not stages:
        raise UnknownModuleError("there is no Linear layer")
    if stages[-1].kind != "none":
        stages.append(_identity(len(stages[-1].weight)))
    for before, after in pairwise(stages):
        if len(before.weight) != after.weight.shape[1]:
            raise UnknownModuleError("the layers' widths do not fit together")
    if len(stages[-1].weight) != 1:
        raise UnknownModuleError(f"it has {len(stages[-1].weight)} outputs, not one")
    centre = np.zeros(stages[0].weight.shape[1]) if centre is None else centre
    if not (np.isfinite(centre).all() and math.isfinite(scale) and scale > 0):
        raise UnknownModuleError("its centre or scale is not finite")
    return Chain(tuple(stages), centre, scale)


def _affine(layer: Any, what: str) -> Stage:
    weight = layer.weight.cpu().numpy().copy()
    bias = np.zeros(len(weight)) if layer.bias is None else layer.bias.cpu().numpy().copy()
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise UnknownModuleError(f"{what} has weights that are not finite")
    return Stage(weight, bias)


def _activate(stages: list[Stage], kind: type[nn.Module], layer: Any, what: str) -> None:
    """Put an activation behind the last stage, or behind an identity where that one has its own already."""
    if stages[-1].kind != "none":
        stages.append(_identity(len(stages[-1].weight)))
    width = len(stages[-1].weight)
    if kind is GroupSort:
        size = layer.group_size or width
        if width % size:
            raise UnknownModuleError(f"{what} does not divide the width {width}")
        name, number = ("sort", float(size)) if size > 1 else ("none", 1.0)
    else:
        name, read = ACTIVATIONS[kind]
        number = read(layer)
        usable = math.isfinite(number)
        if name == "softplus":
            usable = number > 0 and layer.threshold >= 20
        elif name == "elu":
            usable = math.isfinite(number) and number >= 0
        if not usable:
            raise UnknownModuleError(f"{what} has parameters for which nothing is proven")
    stages[-1] = Stage(stages[-1].weight, stages[-1].bias, name, number)


def _identity(width: int) -> Stage:
    return Stage(np.eye(width), np.zeros(width))
