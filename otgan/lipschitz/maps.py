"""Slopes of a critic all over a box of two variables: the numbers behind a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray, as_count, as_real_array
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


@dataclass(frozen=True, eq=False)
class Section:
    """A critic along a segment.

    Attributes:
        distances: From the start, (r,), in units of length.
        values: f there, (r,).
    """

    distances: FloatArray
    values: FloatArray

    def outside(self, apex: NDArray[np.intp], k: float) -> NDArray[np.bool_]:
        """Whether values are outside the two cones of slope k through a point, by more than a hair of rounding.

        Args:
            apex: Index of the point, or several, (s, 1).
            k: In values of f per unit of length.

        Returns:
            (r,), or (s, r).
        """
        slack = 1e-9 * (np.abs(self.values).max() + k * self.distances[-1])
        reach = k * np.abs(self.distances - self.distances[apex])
        return np.asarray(np.abs(self.values - self.values[apex]) > reach + slack)


def section(critic: Any, start: Any, end: Any, *, resolution: int = 401) -> Section:
    """Evaluate f along a segment, such as one through the witness of an audit.

    Args:
        critic: Anything that `as_function` reads.
        start: One end, (d,).
        end: The other, (d,).
        resolution: Points r, both ends among them.

    Returns:
        The values.

    Raises:
        InvalidShapeError: If the ends are not two points of one dimension.
        CriticError: If the critic is not a function of one point; see `as_function`.
    """
    ends = [as_real_array(name, point) for name, point in (("start", start), ("end", end))]
    if ends[0].ndim != 1 or ends[0].shape != ends[1].shape:
        shapes = f"shapes {ends[0].shape} and {ends[1].shape}"
        raise InvalidShapeError("start and end", "be two points, (d,) each", shapes, "write (0.0, 0.0) and (1.0, 0.0)")
    share = np.linspace(0, 1, as_count("resolution", resolution, low=2, high=10**6))
    points = ends[0] + share[:, None] * (ends[1] - ends[0])
    values = as_function(critic, len(ends[0]), probes=points).values(points)
    return Section(share * float(np.linalg.norm(ends[1] - ends[0])), values)
