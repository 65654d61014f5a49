"""What can be learnt: toy laws and points of one's own, with what is held out and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from otgan.checks import FloatArray
from otgan.errors import InvalidValueError
from otgan.measures import (
    DiscreteMeasure,
    GaussianMixture,
    Measure,
    as_measure,
    checkerboard,
    circles,
    eight_gaussians,
    swiss_roll,
    twenty_five_gaussians,
    two_moons,
)

#: Share of a finite data set that is held out.
HELD_OUT = 0.25


@dataclass(frozen=True, eq=False)
class Data:
    """A law to learn.

    Attributes:
        name: For run folders and titles.
        train: What is trained on.
        held_out: What is judged on: other points, or the same law where it can be drawn from.
        shape: Of one point: (d,), or (channels, height, width).
        labels: Classes of the points of `train` and of `held_out`, where there are any.
    """

    name: str
    train: Measure
    held_out: Measure
    shape: tuple[int, ...]
    labels: tuple[FloatArray, FloatArray] | None = None

    @property
    def is_image(self) -> bool:
        """Whether points are images."""
        return len(self.shape) == 3

    @property
    def modes(self) -> GaussianMixture | None:
        """The mixture that the law is, if its modes can be counted."""
        return self.train if isinstance(self.train, GaussianMixture) else None


TOYS: Mapping[str, Callable[..., Measure]] = {
    "8gaussians": eight_gaussians,
    "25gaussians": lambda std=0.1: twenty_five_gaussians(std=std),
    "swissroll": swiss_roll,
    "moons": two_moons,
    "circles": circles,
    "checkerboard": checkerboard,
}


def get_data(data: Any, *, shape: tuple[int, ...] | None = None, seed: int = 0, **options: Any) -> Data:
    """Read what is to be learnt.

    Args:
        data: A name in `TOYS`; points (n, d) or images (n, c, h, w), a `Measure`, or `Data`, which is returned
            as it is.
        shape: Of one point, where rows are flat images.
        seed: Of the split of a finite data set.
        **options: Of a toy law, such as std.

    Raises:
        InvalidValueError: If the name is unknown.
    """
    if isinstance(data, Data):
        return data
    if isinstance(data, str):
        if data not in TOYS:
            raise InvalidValueError("data", f"be one of {', '.join(TOYS)}", repr(data), "choose one of these names")
        law = TOYS[data](**options)
        return Data(data, law, law, (law.dim,))
    if isinstance(data, np.ndarray) and data.ndim == 4:
        shape, data = data.shape[1:], data.reshape(len(data), -1)
    law = as_measure("data", data)
    parts = law.split(HELD_OUT, np.random.default_rng(seed)) if isinstance(law, DiscreteMeasure) else (law, law)
    return Data("points", parts[1], parts[0], shape or (law.dim,))
