"""A convolutional network for velocities and noises of images, which knows the time."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from otgan.errors import InvalidShapeError
from otgan.gan.system import Task
from otgan.gan.weights import drawn

#: Channels beside the image; twice as many where sides have been halved.
WIDTH = 32
#: How often sides are halved at most, and up to which length.
LEVELS, COARSE = 3, 7
#: Channels that share their mean and variance.
GROUP = 8
#: Waves of time, of frequencies from 1 to `FASTEST`, and widths of the layers that read them.
WAVES, FASTEST, TIME_WIDTH = 16, 1000.0, 64


def image_velocity(task: Task, seed: int) -> ImageVelocity:
    """A new network v(x, t), 0 everywhere at first.

    Args:
        task: Of images, (c, h, w), of any size; sides are halved while both are even.
        seed: Of the weights.

    Returns:
        A module, called as ``v(points, t)``; see `ImageVelocity`.

    Raises:
        InvalidShapeError: If the points are no images.
    """
    if len(task.shape) != 3:
        raise InvalidShapeError(
            "shape", "be (channels, height, width)", task.shape, "choose net='mlp' for points that are no images"
        )
    network = drawn(lambda: ImageVelocity(task.shape), seed)
    nn.init.zeros_(network.last.weight)
    return network


class ImageVelocity(nn.Module):
    r"""A U-Net: down to small images and up again, with what is passed on the way down joined on the way up.

    Time enters every block as a scale and a shift of its channels, $h (1 + a(t)) + b(t)$. Means and variances are those
    of one image's channels, so that the points of a batch do not see each other.

    Args:
        shape: Of one image, (c, h, w).

    Source: Ronneberger, Fischer and Brox (2015), U-Net; Perez et al. (2018), FiLM.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        channels, height, width = shape
        levels = 0
        while levels < LEVELS and max(height, width) > COARSE and height % 2 == width % 2 == 0:
            height, width, levels = height // 2, width // 2, levels + 1
        widths = [WIDTH if level == 0 else 2 * WIDTH for level in range(levels + 1)]
        self.time = nn.Sequential(
            nn.Linear(2 * WAVES, TIME_WIDTH), nn.SiLU(), nn.Linear(TIME_WIDTH, TIME_WIDTH), nn.SiLU()
        )
        self.first = nn.Conv2d(channels, WIDTH, 3, padding=1)
        self.down = nn.ModuleList(Block(width, width) for width in widths[:-1])
        self.halve = nn.ModuleList(nn.Conv2d(width, wider, 3, stride=2, padding=1) for width, wider in pairwise(widths))
        self.middle = Block(widths[-1], widths[-1])
        self.up = nn.ModuleList(Block(width + wider, width) for width, wider in reversed(list(pairwise(widths))))
        self.norm = nn.GroupNorm(WIDTH // GROUP, WIDTH)
        self.last = nn.Conv2d(WIDTH, channels, 3, padding=1)

    def forward(self, points: Tensor, t: Tensor) -> Tensor:
        """Evaluate v.

        Args:
            points: (n, D), flat images.
            t: Times in [0, 1], (n,).

        Returns:
            (n, D).
        """
        time = self.time(waves(t))
        h = self.first(points.unflatten(1, self.shape))
        passed = []
        for block, halve in zip(self.down, self.halve, strict=True):
            h = block(h, time)
            passed.append(h)
            h = halve(h)
        h = self.middle(h, time)
        for block, beside in zip(self.up, reversed(passed), strict=True):
            h = nn.functional.interpolate(h, scale_factor=2.0, mode="nearest")
            h = block(torch.cat([h, beside], dim=1), time)
        return self.last(nn.functional.silu(self.norm(h))).flatten(1)


class Block(nn.Module):
    """Two convolutions beside a way around them, with scale and shift by time between the two.

    Args:
        channels: Of the images that come in.
        width: Of those that go out.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(channels // GROUP, channels), nn.GroupNorm(width // GROUP, width)])
        self.convolutions = nn.ModuleList(
            [nn.Conv2d(channels, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)]
        )
        self.film = nn.Linear(TIME_WIDTH, 2 * width)
        self.around = nn.Identity() if channels == width else nn.Conv2d(channels, width, 1)

    def forward(self, images: Tensor, time: Tensor) -> Tensor:
        """(n, channels, h, w) and (n, TIME_WIDTH) -> (n, width, h, w)."""
        h = self.convolutions[0](nn.functional.silu(self.norms[0](images)))
        scale, shift = self.film(time)[:, :, None, None].chunk(2, dim=1)
        h = self.convolutions[1](nn.functional.silu(self.norms[1](h) * (1 + scale) + shift))
        return self.around(images) + h


def waves(t: Tensor) -> Tensor:
    r"""Sines and cosines of ω t, with `WAVES` frequencies ω from 1 to `FASTEST`, evenly spaced in their logarithm.

    Args:
        t: (n,).

    Returns:
        (n, 2 WAVES).
    """
    places = torch.arange(WAVES, dtype=t.dtype, device=t.device) / (WAVES - 1)
    angles = t[:, None] * torch.exp(math.log(FASTEST) * places)
    return torch.cat([angles.sin(), angles.cos()], dim=1)
