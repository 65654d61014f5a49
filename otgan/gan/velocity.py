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
#: Waves, in radians per unit of training, by which it is told each coordinate beside the number itself. An mlp learns
#: slow functions first; with these it tells modes apart that are a twentieth of the data's deviation wide.
WAVES = (1.0, 2.0, 4.0, 8.0, 16.0)


class TimeMlp(nn.Module):
    """An mlp on a point, sines and cosines of its coordinates, and cos(πkt), k = 1, 2, …, of a time t in [0, 1].

    Args:
        dim: Coordinates of a point.
        hidden: Widths of the hidden layers.
        seed: Of the weights.
    """

    ticks: Tensor
    waves: Tensor

    def __init__(self, dim: int, hidden: Sequence[int], seed: int) -> None:
        super().__init__()
        self.register_buffer(
            "ticks", math.pi * torch.arange(1.0, FREQUENCIES + 1, dtype=torch.float32), persistent=False
        )
        self.register_buffer("waves", torch.tensor(WAVES, dtype=torch.float32), persistent=False)
        size = dim * (1 + 2 * len(WAVES)) + FREQUENCIES
        self.layers = mlp((size, *hidden, dim), seed, activation=nn.SiLU)

    def forward(self, points: Tensor, times: Tensor) -> Tensor:
        """(n, D) and (n,) -> (n, D)."""
        angles = (points[:, :, None] * self.waves).flatten(1)
        clock = torch.cos(times[:, None] * self.ticks)
        return self.layers(torch.cat([points, angles.sin(), angles.cos(), clock], dim=1))


def velocity_network(task: Task, seed: int) -> nn.Module:
    """A new network (n, D), (n,) -> (n, D) for what a task draws: an mlp on flat points, or a U-Net of images."""
    if task.net == "dcgan":
        return image_velocity(task, seed)
    return TimeMlp(task.dim, task.hidden, seed)
