"""Networks written out in numbers, so that a failing example can be pasted into a test."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from otgan.checks import as_number, as_points, as_real_array
from otgan.critics.layers import Cones, GroupSort
from otgan.errors import InvalidShapeError

Layers = list[tuple[list[list[float]], list[float]]]


def relu_network(layers: Layers) -> nn.Sequential:
    """Linear layers with ReLUs between them.

    Args:
        layers: Weight, (out, in), and bias, (out,), of each layer as lists; the last has one output.

    Returns:
        The network, (n, d) -> (n, 1), in float32.

    Raises:
        InvalidShapeError, InvalidTypeError, InvalidValueError: If the layers do not fit, or hold other than numbers.

    >>> relu_network([([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])])(torch.tensor([[-3.0]])).item()
    3.0
    """
    return _network(layers, nn.ReLU)


def max_min_network(layers: Layers) -> nn.Sequential:
    """Linear layers with MaxMin between them, `GroupSort(2)`; inner widths must be even. See `relu_network`."""
    return _network(layers, GroupSort)


def cones(centres: list[list[float]], heights: list[float]) -> Cones:
    """The upper envelope of cones, 1-Lipschitz whatever its numbers are; see `otgan.critics.layers.Cones`."""
    return Cones(centres, heights)


class Bump(nn.Module):
    """A critic with a cone on top of it in one ball; see `with_bump`."""

    def __init__(self, critic: nn.Module, centre: Tensor, radius: float, slope: float) -> None:
        super().__init__()
        self.critic, self.radius, self.slope = critic, radius, slope
        self.register_buffer("centre", centre)

    centre: Tensor

    def forward(self, points: Tensor) -> Tensor:
        """Evaluate at (n, d); the result has the shape (n,)."""
        inside = (self.radius - torch.linalg.vector_norm(points - self.centre, dim=1)).relu()
        return self.critic(points).reshape(len(points)) + self.slope * inside


def with_bump(critic: nn.Module, centre: list[float], *, radius: float = 0.05, slope: float = 3.0) -> Bump:
    r"""The critic plus $s \max(0, r - \|x - c\|)$: what breaks its constraint, it breaks in one small ball alone.

    Args:
        critic: (n, d) -> (n,) or (n, 1).
        centre: c, (d,), in units of length.
        radius: r > 0, in units of length.
        slope: s; the steepest slope in the ball is at least s less the critic's own.

    Raises:
        InvalidTypeError, InvalidValueError: If an argument breaks its rule.
    """
    place = as_real_array("centre", centre).reshape(-1)
    return Bump(
        critic,
        torch.as_tensor(place, dtype=torch.float32),
        as_number("radius", radius, low=0, open_low=True),
        as_number("slope", slope),
    )


def _network(layers: Any, activation: type[nn.Module]) -> nn.Sequential:
    parts: list[nn.Module] = []
    for number, (weight, bias) in enumerate(layers):
        w, b = as_points(f"weight {number}", weight), as_real_array(f"bias {number}", bias)
        if b.shape != (len(w),):
            raise InvalidShapeError(f"bias {number}", f"have shape ({len(w)},)", f"shape {b.shape}", "fit the weight")
        if parts and w.shape[1] != parts[-1].out_features:
            raise InvalidShapeError(
                f"weight {number}", f"have {parts[-1].out_features} columns", f"shape {w.shape}", "fit the layer before"
            )
        linear = nn.utils.skip_init(nn.Linear, w.shape[1], w.shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(np.asarray(w)))
            linear.bias.copy_(torch.from_numpy(b))
        parts += [activation()] * bool(parts) + [linear]
    if not parts or parts[-1].out_features != 1:
        raise InvalidShapeError("layers", "end in one output", f"{len(parts)} layers", "give the last weight one row")
    return nn.Sequential(*parts)
