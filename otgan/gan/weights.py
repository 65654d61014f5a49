"""Initial weights that a seed alone decides, for a network of any make."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

Network = TypeVar("Network", bound=nn.Module)

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def drawn(make: Callable[[], Network], seed: int) -> Network:
    """Build a network, and draw its weights without a look at PyTorch's global generator.

    Weights have variance 2 / fan-in, biases are 0, normalisations begin as the identity. The fan-in of a transposed
    convolution is that of one of its outputs, to which only every stride-th entry of the kernel comes.

    Args:
        make: Builds it, of linear layers, convolutions and normalisations of batches or groups.
        seed: Of the weights.

    Source: He et al. (2015), Delving deep into rectifiers, Sec. 2.2.
    """
    with torch.device("meta"):  # no memory, and no draw, for weights that are drawn again below
        network = make().float()  # whatever PyTorch's default is
    network.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, (nn.Linear, *_CONVOLUTIONS, *_TRANSPOSED)):
                layer.weight.normal_(0.0, float(np.sqrt(2 / _fan_in(layer))), generator=generator)
                if layer.bias is not None:
                    layer.bias.zero_()
            elif isinstance(layer, nn.GroupNorm | _BatchNorm):
                layer.reset_parameters()
    return network


def _fan_in(layer: nn.Module) -> float:
    weight = layer.get_parameter("weight")
    if isinstance(layer, _TRANSPOSED):
        return len(weight) / layer.groups * float(np.prod(np.divide(layer.kernel_size, layer.stride)))
    return float(weight[0].numel())
