"""Networks whose weights are running means of others': samples from them are steadier."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


class Averages:
    r"""Exponential means of networks' weights, $\bar w \leftarrow β_k \bar w + (1 - β_k) w$.

    β_k = min(β, (1 + k)/(10 + k)), so that the mean does not remember how it began. Running statistics of batch
    normalisation become means as weights do: those of the last batches belong to the weights as they are, and would
    stand beside mean weights that never made them. Other buffers are copied.

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
            for layer, as_trained in zip(mean.modules(), trained.modules(), strict=True):
                for buffer, now in zip(layer.buffers(recurse=False), as_trained.buffers(recurse=False), strict=True):
                    if isinstance(layer, _BatchNorm) and buffer.is_floating_point():
                        buffer.lerp_(now, 1 - decay)
                    else:
                        buffer.copy_(now)
