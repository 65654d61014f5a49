"""Slopes of a critic all over a box of two variables: the numbers behind a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_count
from otgan.errors import InvalidShapeError
from otgan.lipschitz.domain import as_domain
from otgan.lipschitz.evaluate import as_function


@dataclass(frozen=True, eq=False)
class SlopeMap:
    """‖∇f‖ on a grid, by autograd or central differences: for the eye, no proof.

    Attributes:
        axes: Coordinates of the grid along both axes, (2, r).
        slopes: ‖∇f‖, (r, r), the second axis first.
    """

    axes: FloatArray
    slopes: FloatArray


def slope_map(critic: Any, *, domain: Any, resolution: int = 241) -> SlopeMap:
    """Evaluate ‖∇f‖ at the middles of the cells of a grid over a box.

    Args:
        critic: Anything that `as_function` reads, of two variables.
        domain: [(low, high), (low, high)].
        resolution: Points r along each axis.

    Returns:
        The map.

    Raises:
        InvalidShapeError: If the domain is no box of two variables.
        CriticError: If the critic is not a function of one point; see `as_function`.
    """
    box = as_domain(domain)
    if box is None or box.shape[1] != 2:
        raise InvalidShapeError("domain", "be a box of two variables", repr(domain), "give two pairs (low, high)")
    r = as_count("resolution", resolution, low=2, high=4096)
    low, high = box
    axes = low[:, None] + (high - low)[:, None] * (np.arange(r) + 0.5) / r
    points = np.stack(np.meshgrid(axes[0], axes[1]), axis=-1).reshape(-1, 2)
    gradients = as_function(critic, 2, probes=points).gradients(points)
    return SlopeMap(axes, np.linalg.norm(gradients, axis=1).reshape(r, r))
