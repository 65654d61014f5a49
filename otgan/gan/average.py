"""Networks whose weights are running means of others': samples from them are steadier."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import nn


class Averages:
    r"""Exponential means of networks' weights, $\bar w \leftarrow β_k \bar w + (1 - β_k) w$.

    β_k = min(β, (1 + k)/(10 + k)), so that the mean does not remember how it began. Buffers are copied.

    Args:
        networks: Those that are trained.
        decay: β in [0, 1); 0 for the weights as they are.

    Attributes:
        networks: The means, in eval mode.
    """

    def __init__(self, networks: Mapping[str, nn.Module], decay: float) -> None:
        self.decay, self._trained = decay, dict(networks)
        self.networks = {name: copy.deepcopy(network).eval() for name, network in networks.items()}
        for network in self.networks.values():
            network.requires_grad_(False)

    @torch.no_grad()
    def update(self, k: int) -> None:
        """Take step k into the means."""
        decay = min(self.decay, (1 + k) / (10 + k))
        for name, mean in self.networks.items():
            trained = self._trained[name]
            for weight, of_step in zip(mean.parameters(), trained.parameters(), strict=True):
                weight.lerp_(of_step, 1 - decay)
            for buffer, now in zip(mean.buffers(), trained.buffers(), strict=True):
                buffer.copy_(now)
