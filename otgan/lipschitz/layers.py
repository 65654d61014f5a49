"""Lipschitz constants of the layers that have no weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from torch import nn

from otgan.critics.layers import Cones, GroupSort
from otgan.errors import InvalidTypeError, InvalidValueError
from otgan.lipschitz.walk import UnknownModuleError

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
    nn.AvgPool1d: lambda layer: _average(layer),
    nn.AvgPool2d: lambda layer: _average(layer),
    nn.MaxPool1d: lambda layer: _maximum(layer, 1),
    nn.MaxPool2d: lambda layer: _maximum(layer, 2),
    GroupSort: lambda _: 1.0,
    Cones: lambda layer: abs(float(layer.slope)),
}


def known_constant(kind: type[nn.Module], layer: Any, what: str) -> float:
    """The constant of a layer of a kind in `KNOWN`.

    Raises:
        UnknownModuleError: If there is none.
    """
    if kind in KNOWN and math.isfinite(KNOWN[kind](layer)):
        return KNOWN[kind](layer)
    raise UnknownModuleError(f"no Lipschitz constant is known for {what}")


@contextmanager
def finite_weight(what: str) -> Iterator[None]:
    """Say which layer's weight a norm has refused."""
    try:
        yield
    except (InvalidTypeError, InvalidValueError) as error:
        raise UnknownModuleError(f"the weight of {what} is {error.value}") from error


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
