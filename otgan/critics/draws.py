"""Random numbers: one stream for a critic alone, one for each critic of a stack."""

from __future__ import annotations

import torch
from torch import Tensor


class Draws:
    """Random numbers in [0, 1), from one stream for each critic.

    Args:
        *generators: One for each critic; on the CPU, they give the same numbers to every device.
        stacked: Whether batches have an axis of critics before that of samples.

    Attributes:
        batch_axes: Axes of a batch before those of a point: 1 for (n, ...), 2 for a stack, (s, n, ...).
    """

    def __init__(self, *generators: torch.Generator, stacked: bool = False) -> None:
        self.generators, self.batch_axes = generators, 2 if stacked else 1

    def uniform(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Numbers of this shape, of the dtype and on the device of `like`."""

        def draw(generator: torch.Generator, part: tuple[int, ...]) -> Tensor:
            return torch.rand(part, generator=generator, dtype=like.dtype, device=generator.device).to(like.device)

        if self.batch_axes == 1:
            return draw(self.generators[0], shape)
        return torch.stack([draw(generator, shape[1:]) for generator in self.generators])
