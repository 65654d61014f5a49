"""Networks that look at a point and a time: velocities of flows, noise of diffusions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from otgan.gan.networks import mlp
from otgan.gan.system import Task
from otgan.gan.unet import image_velocity

#: Cosines by which a network is told the time.
FREQUENCIES = 8


class TimeMlp(nn.Module):
    """An mlp on a point and cos(πkt), k = 1, 2, …, of a time t in [0, 1], which tell both ends apart.

    Args:
        dim: Coordinates of a point.
        hidden: Widths of the hidden layers.
        seed: Of the weights.
    """

    waves: Tensor

    def __init__(self, dim: int, hidden: Sequence[int], seed: int) -> None:
        super().__init__()
        self.register_buffer("waves", math.pi * torch.arange(1.0, FREQUENCIES + 1), persistent=False)
        self.layers = mlp((dim + FREQUENCIES, *hidden, dim), seed, activation=nn.SiLU)

    def forward(self, points: Tensor, times: Tensor) -> Tensor:
        """(n, D) and (n,) -> (n, D)."""
        return self.layers(torch.cat([points, torch.cos(times[:, None] * self.waves)], dim=1))


def velocity_network(task: Task, seed: int) -> nn.Module:
    """A new network (n, D), (n,) -> (n, D) for what a task draws: an mlp on flat points, or a U-Net of images."""
    if task.net == "dcgan":
        return image_velocity(task, seed)
    return TimeMlp(task.dim, task.hidden, seed)
