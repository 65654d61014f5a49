"""Convolutional networks for images: noise is brought up to an image by doublings, and an image down to a number."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from otgan.errors import InvalidShapeError
from otgan.gan.system import Task
from otgan.gan.weights import drawn

#: Channels beside the image; they double where sides are halved, up to the second number.
WIDTH, WIDEST = 32, 256
#: Sides are halved until the longer one is at most this, so that 8 comes to 4, 28 to 7, and 64 to 4.
COARSE = 7
#: Longest side that a linear layer is put on.
LONGEST = 16
#: How much of what is negative the critic lets pass.
SLOPE = 0.2


def generator(task: Task, seed: int) -> nn.Sequential:
    """Noise to images: a linear map to small images of many channels, transposed convolutions that double them, tanh.

    It departs from the paper where small images ask for it: a convolution of stride 1 ends it, so that images of
    8 × 8 have two layers behind the linear one, and weights are drawn as in `drawn`. In training mode batch
    normalisation couples the points of a batch; in eval mode each is a function of its own noise.

    Args:
        task: Of images, (c, h, w), in units in which pixels lie in [−1, 1].
        seed: Of the weights.

    Returns:
        (n, noise_dim) -> (n, D), flat.

    Raises:
        InvalidShapeError: If the points are no images, or of a size that halving does not make small; see `halvings`.

    Source: Radford, Metz and Chintala (2015), Unsupervised representation learning with deep convolutional generative
    adversarial networks, Sec. 3 and 4.
    """
    levels = halvings(task.shape)
    channels, height, width = task.shape
    small = (height >> levels, width >> levels)
    widths = [_width(level) for level in range(levels, -1, -1)]

    def make() -> nn.Sequential:
        layers: list[nn.Module] = [
            # No bias before a batch normalisation, which would take it away again.
            nn.Linear(task.noise_dim, widths[0] * small[0] * small[1], bias=False),
            nn.Unflatten(1, (widths[0], *small)),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        ]
        for fan_in, fan_out in pairwise(widths):
            layers += [
                nn.ConvTranspose2d(fan_in, fan_out, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(fan_out),
                nn.ReLU(),
            ]
        return nn.Sequential(*layers, nn.Conv2d(widths[-1], channels, 3, padding=1), nn.Tanh(), nn.Flatten())

    network = drawn(make, seed)
    _halve_variance(network[-3])
    return network


def critic(task: Task, seed: int) -> nn.Sequential:
    """Images to numbers: convolutions that halve, LeakyReLU, and a linear map at the end.

    No batch normalisation, since it couples the points of a batch (see `otgan.critics.check_critic`), and a plain
    chain of layers, so that the product of their norms bounds its slope (see `otgan.critics.SpectralNorm`).

    Args:
        task: Of images, (c, h, w).
        seed: Of the weights.

    Returns:
        (n, D), flat -> (n, 1).

    Raises:
        InvalidShapeError: As in `generator`.

    Source: Radford, Metz and Chintala (2015), as for `generator`; Gulrajani et al. (2017), Improved Training of
    Wasserstein GANs, Sec. 4, "No critic batch normalization".
    """
    network = drawn(lambda: nn.Sequential(*trunk(task.shape, SLOPE), nn.Linear(trunk_size(task.shape), 1)), seed)
    _halve_variance(network[-1])
    return network


def trunk(shape: tuple[int, ...], slope: float) -> list[nn.Module]:
    """Layers from flat images, (n, D), to `trunk_size` numbers for each.

    Args:
        shape: Of one image, (c, h, w).
        slope: Of the activations, where they are given what is negative.
    """
    layers: list[nn.Module] = [
        nn.Unflatten(1, shape),
        nn.Conv2d(shape[0], _width(0), 3, padding=1),
        nn.LeakyReLU(slope),
    ]
    for level in range(halvings(shape)):
        layers += [nn.Conv2d(_width(level), _width(level + 1), 4, stride=2, padding=1), nn.LeakyReLU(slope)]
    return [*layers, nn.Flatten()]


def trunk_size(shape: tuple[int, ...]) -> int:
    """How many numbers `trunk` makes of an image."""
    levels = halvings(shape)
    return _width(levels) * (shape[1] >> levels) * (shape[2] >> levels)


def halvings(shape: tuple[int, ...]) -> int:
    """How often the sides of an image are halved, until the longer one is at most `COARSE` or one of them is odd.

    Raises:
        InvalidShapeError: If the shape is not (c, h, w), no side can be halved, or one remains above `LONGEST`.
    """
    if len(shape) != 3:
        raise InvalidShapeError("shape", "be (channels, height, width)", shape, "choose net='mlp' for other points")
    _, height, width = shape
    levels = 0
    while max(height, width) > COARSE and height % 2 == width % 2 == 0:
        height, width, levels = height // 2, width // 2, levels + 1
    if not levels or max(height, width) > LONGEST:
        raise InvalidShapeError(
            "shape", f"have sides that halving brings from 8 or more to at most {LONGEST}", shape,
            "crop or pad the images to 8, 16, 28, 32 or 64, or choose net='mlp'",
        )  # fmt: skip
    return levels


def _width(level: int) -> int:
    return min(WIDTH << level, WIDEST)


def _halve_variance(last: nn.Module) -> None:
    # The last layer has no ReLU behind it, which would let pass half of what it is given.
    with torch.no_grad():
        last.get_parameter("weight").mul_(0.5**0.5)
