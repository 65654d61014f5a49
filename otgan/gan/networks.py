"""Networks that draw: noise in, points out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn


def mlp(sizes: Sequence[int], seed: int, *, activation: type[nn.Module] = nn.ReLU, gain: float = 1.0) -> nn.Sequential:
    """Linear layers of these sizes with activations between them, with weights that the seed alone decides.

    Weights have variance 2 / fan-in, those before an activation times gain², biases are 0.

    Source: He et al. (2015), Delving deep into rectifiers, Sec. 2.2.
    """
    generator = torch.Generator().manual_seed(seed)
    layers: list[nn.Module] = []
    weights: list[Tensor] = []
    for fan_in, fan_out in pairwise(sizes):
        linear = nn.utils.skip_init(nn.Linear, fan_in, fan_out, dtype=torch.float32)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu", generator=generator)
        nn.init.zeros_(linear.bias)
        layers += [linear, activation()]
        weights.append(linear.weight)
    with torch.no_grad():
        for weight in weights[:-1]:
            weight.mul_(gain)
    return nn.Sequential(*layers[:-1])


@contextmanager
def seeded(seed: int | Sequence[int], device: torch.device) -> Iterator[None]:
    """PyTorch's global generators, seeded meanwhile and afterwards as they were found.

    Networks of a user's own may draw from them, and what they draw is to depend on our seeds alone.

    Args:
        seed: For `numpy.random.SeedSequence`.
        device: Where the networks are.
    """
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> np.uint64(1)))
        yield


@contextmanager
def modes_kept(networks: Iterable[nn.Module]) -> Iterator[None]:
    """Every module of these networks afterwards in training or eval mode as it was found."""
    modes = [(part, part.training) for network in networks for part in network.modules()]
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


class Flat(nn.Module):
    """A network on points of some shape, as a network on flat ones.

    Args:
        network: (n, *shape) -> anything, or noise -> (n, *shape).
        shape: What rows of the input are made into; None leaves them as they are.
    """

    def __init__(self, network: nn.Module, shape: tuple[int, ...] | None) -> None:
        super().__init__()
        self.network, self.shape = network, shape

    def forward(self, points: Tensor) -> Tensor:
        """(n, D) -> (n, …), flat."""
        if self.shape is not None:
            points = points.reshape(len(points), *self.shape)
        return self.network(points).flatten(1)
