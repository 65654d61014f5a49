r"""Path lengths: how far a generator's points move when its noise does, $\|J^T y\|$ for directions y of the output.

y is uniform on the unit sphere of the output here. StyleGAN2 takes normal y divided by the root of the number of
pixels, whose squared length is the number of channels in the mean; the lengths differ by that factor, and by the chance
in the length of y, which is small for images and would not be for points of the plane.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import torch
from torch import Tensor, nn

from otgan.checks import as_count
from otgan.critics.penalties import gradient_norms
from otgan.errors import NotProvidedError
from otgan.gan.descent import Forward
from otgan.gan.generated import CHUNK, Generated
from otgan.gan.system import normal

#: Steps of the generator between two looks at path lengths; each then counts as many times.
PATH_EVERY = 4
#: How far the running mean goes towards a batch's mean.
DECAY = 0.01
#: Where the running mean is kept among the numbers of a run.
MEAN = "path_length"


def path_lengths(generator: Forward, noise: Tensor, directions: Tensor) -> Tensor:
    r"""$\|J(z_i)^T y_i\|$, with J the generator's derivative, differentiable in its weights.

    Where batch normalisation couples points, the other points' share of the derivative is counted too.

    Args:
        generator: (n, noise_dim) -> (n, ...).
        noise: z, (n, noise_dim).
        directions: y, (n, D), one unit vector for each.

    Returns:
        Lengths, (n,), in units of the output for each unit of noise.
    """
    return gradient_norms(lambda z: (generator(z).flatten(1) * directions).sum(1), noise)


def unit_vectors(shape: tuple[int, int], rng: torch.Generator, like: Tensor) -> Tensor:
    """Uniform on the sphere, (n, D), drawn on the generator's device, of the dtype and on the device of `like`."""
    return nn.functional.normalize(normal(shape, rng, like), dim=1)


def path_length_penalty(
    generator: Forward, noise: Tensor, directions: Tensor, numbers: MutableMapping[str, Any]
) -> Tensor:
    r"""$E\,(\|J^T y\| - a)^2$, with a the running mean of the lengths, which this moves first.

    It is 0 only if noise that moves by one unit moves the point by a, in every direction and everywhere.

    Args:
        generator: (n, noise_dim) -> (n, ...).
        noise: (n, noise_dim).
        directions: Unit vectors, (n, D).
        numbers: Holds a by the name `MEAN`; the first mean, where it does not yet.

    Returns:
        A scalar, differentiable in the weights.

    Source: Karras et al. (2020), Analyzing and improving the image quality of StyleGAN, where a starts at 0.
    """
    lengths = path_lengths(generator, noise, directions)
    now = float(lengths.detach().mean())
    mean = numbers.get(MEAN, now)
    numbers[MEAN] = mean + DECAY * (now - mean)
    return (lengths - numbers[MEAN]).square().mean()


def path_length_variation(learnt: Generated, *, n: int = 10_000, seed: int = 0) -> float:
    r"""Coefficient of variation of $\|J^T y\|$, its standard deviation over its mean, for normal z and uniform y.

    Args:
        learnt: By a system with a generator.
        n: Pairs of z and y that are drawn.
        seed: Of both.

    Returns:
        A number without units, 0 for a generator that is the same scaled isometry everywhere; NaN for one that is
        constant.

    Raises:
        NotProvidedError: If it draws by other means than one generator.
    """
    generator = learnt.networks.get("generator")
    if generator is None:
        raise NotProvidedError(f"{learnt!r} has no generator; measure one that was trained by wgan-gp or the like")
    rng = torch.Generator().manual_seed(as_count("seed", seed, low=0))
    like = next(generator.parameters())
    parts = []
    for size in [CHUNK] * (as_count("n", n, low=2) // CHUNK) + [n % CHUNK]:
        with torch.inference_mode(False), torch.enable_grad():  # whatever the caller is in the middle of
            noise = normal((size, learnt.task.noise_dim), rng, like)
            directions = unit_vectors((size, learnt.dim), rng, like)
            parts.append(path_lengths(generator, noise, directions).detach())
    lengths = torch.cat(parts).double()
    return float(lengths.std() / lengths.mean())
