"""A grid of square cells, and what measures weigh on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from otgan.checks import FloatArray

#: Mean distance of a unit square's points from its corner, (√2 + arsinh 1) / 3, rounded up. From no other place in the
#: square are they further off on average, since the mean distance from a place is convex in it.
CORNER_DISTANCE = 0.76520


@dataclass(frozen=True, eq=False)
class Grid:
    """Square cells over a box.

    Attributes:
        low: Lower corner, (2,).
        h: Side of a cell, in units of length.
        shape: Number of cells along both axes.
    """

    low: tuple[float, float]
    h: float
    shape: tuple[int, int]

    def edges(self, axis: int) -> FloatArray:
        """Coordinates of the nodes along an axis, (shape[axis] + 1,)."""
        return np.asarray(self.low[axis] + self.h * np.arange(self.shape[axis] + 1), dtype=np.float64)

    @property
    def side(self) -> float:
        """The longer side of the box."""
        return self.h * max(self.shape)

    def finer(self) -> Grid:
        """Each cell cut into four."""
        return Grid(self.low, self.h / 2, (2 * self.shape[0], 2 * self.shape[1]))


@dataclass(frozen=True, eq=False)
class NetMass:
    """A law, or source minus target, on a grid, pushed onto the box by the nearest-point projection.

    The projection is 1-Lipschitz, so a potential on the box extends by it to the plane without growing steeper.

    Attributes:
        grid: The grid.
        cells: Net mass of each cell, (nx, ny).
        hats: Net integral of each node's bilinear hat function, (nx + 1, ny + 1).
        bubbles: Net integral over each cell of min(s, t) − s t, where (s, t) are coordinates from 0 to 1, (nx, ny);
            its error, and that of the mirror image, is bounded through `slope` (see `Potential`).
        slope: A bound of the integral of |∂ρ/∂x| + |∂ρ/∂y| over each cell, (nx, ny), where ρ is the net density
            inside the box.
        smear: A bound of W1 between the measures and what `cells` keeps of them: piecewise constant densities.
        outside: Mass that lay outside the box.
        blur: A bound of W1 between the measures meant and those weighed here, which both ends of a bracket pay.
    """

    grid: Grid
    cells: FloatArray
    hats: FloatArray
    bubbles: FloatArray
    slope: FloatArray
    smear: float
    outside: float = 0.0
    blur: float = 0.0

    def __sub__(self, other: NetMass) -> NetMass:
        """Source minus target; errors add up."""
        return NetMass(
            self.grid,
            self.cells - other.cells,
            self.hats - other.hats,
            self.bubbles - other.bubbles,
            self.slope + other.slope,
            self.smear + other.smear,
            self.outside + other.outside,
            self.blur + other.blur,
        )

    @property
    def rounding(self) -> float:
        """A generous bound of what float64 adds to either end of W1.

        A mass or hat integral is off by a few units in the last place of numbers of the size of side / h, there are
        (side / h)² of them, and each acts over at most the side of the box.
        """
        return 64 * 2.0**-53 * max(self.grid.shape) ** 2 * self.grid.side


def laplacian_eigenvalues(nx: int, ny: int, *, nodes: bool) -> FloatArray:
    """Of minus the second difference with reflecting ends, in the order of the cosine transform.

    Args:
        nx: Cells along the first axis.
        ny: Cells along the second axis.
        nodes: For values at the nodes (transform of type 1) rather than in the cells (type 2).

    Returns:
        (nx, ny), or (nx + 1, ny + 1) for nodes; the constant's eigenvalue is given as 1, so that one can divide.
    """
    x, y = (2 - 2 * np.cos(math.pi * np.arange(n + nodes) / n) for n in (nx, ny))
    eigenvalues = np.add.outer(x, y)
    eigenvalues[0, 0] = 1.0
    return np.asarray(eigenvalues)
