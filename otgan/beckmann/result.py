"""What `population_w1` and `image_w1` return: a bracket, and the function that proves its lower end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from otgan.beckmann.grid import Grid
from otgan.beckmann.potential import Surface
from otgan.checks import FloatArray, as_points
from otgan.dual.potentials import Potentials
from otgan.errors import InvalidShapeError, NotProvidedError
from otgan.interval import Interval
from otgan.line_laws import LinePotential
from otgan.solution import Status


@dataclass(frozen=True)
class Placement:
    """Where a grid in units of its own lies: all is computed around the origin, with lengths of the size of one.

    Attributes:
        unit: Length of one unit of the grid.
        centre: Where the grid's origin lies.
    """

    unit: float
    centre: tuple[float, float] = (0.0, 0.0)

    @property
    def error(self) -> float:
        """By how much taking the centre out may have moved the means, in units of length."""
        return 8 * 2.0**-53 * max(abs(coordinate) for coordinate in self.centre)


class Witness(Protocol):
    """A 1-Lipschitz function, in units of length."""

    @property
    def dim(self) -> int:
        """Dimension d of the space."""

    def __call__(self, points: FloatArray) -> FloatArray:
        """Evaluate at points (k, d); (k,)."""


@dataclass(frozen=True, eq=False)
class GridWitness:
    """A function on a grid in the plane.

    Attributes:
        surface: The function, in the units of its grid.
        placement: Where the grid lies.
        grid: The finest grid that the bracket was computed on, in the same units.
    """

    surface: Surface
    placement: Placement
    grid: Grid

    @property
    def dim(self) -> int:
        """2."""
        return 2

    def __call__(self, points: FloatArray) -> FloatArray:
        """Evaluate at points (k, 2); (k,)."""
        unit = self.placement.unit
        return unit * self.surface((points - self.placement.centre) / unit)


@dataclass(frozen=True, eq=False)
class PixelWitness:
    """The extension of dual potentials between the pixels of two images.

    Attributes:
        potentials: Between the pixels, in units of a grid on which their centres are integers.
        placement: Where the grid lies.
    """

    potentials: Potentials
    placement: Placement

    @property
    def dim(self) -> int:
        """2."""
        return 2

    def __call__(self, points: FloatArray) -> FloatArray:
        """Evaluate at points (k, 2); (k,)."""
        unit = self.placement.unit
        return unit * self.potentials((points - self.placement.centre) / unit)


@dataclass(frozen=True, eq=False)
class LineWitness:
    """A broken line.

    Attributes:
        potential: The function.
    """

    potential: LinePotential

    @property
    def dim(self) -> int:
        """1."""
        return 1

    def __call__(self, points: FloatArray) -> FloatArray:
        """Evaluate at points (k, 1); (k,)."""
        return self.potential(points[:, 0])


@dataclass(frozen=True, eq=False)
class PopulationW1:
    """A bracket of W1 between two laws, as opposed to two samples.

    There is mostly no finite plan behind it, but a flux and a potential; hence it is no `OTSolution`, though the
    properties that it shares have the same names.

    Attributes:
        interval: The bracket; its kind is "proven" unless a law of the user's own says less.
        status: How the refinement ended.
        witness: The 1-Lipschitz function that proves the lower bound.
        seconds: Wall-clock time.
    """

    interval: Interval
    status: Status
    witness: Witness
    seconds: float

    def potential(self, points: Any) -> FloatArray:
        """The 1-Lipschitz function that proves the lower bound; it falls along the transport.

        Args:
            points: (k, d), or (k,) on the line, in units of length.

        Returns:
            (k,), in units of length.

        Raises:
            InvalidShapeError: If the points have another dimension than the laws.
        """
        where, dim = as_points("points", points), self.witness.dim
        if where.shape[1] != dim:
            raise InvalidShapeError(
                "points", f"have shape (k, {dim})", f"shape {where.shape}", "give points of the laws' own dimension"
            )
        return np.asarray(self.witness(where))

    @property
    def grid(self) -> Grid:
        """The finest grid, in its own units.

        Raises:
            NotProvidedError: For laws on the line, and for pixels that the exact solver took, which need none.
        """
        if isinstance(self.witness, GridWitness):
            return self.witness.grid
        raise NotProvidedError("laws on the line need no grid, and pixels that the exact solver took need none either")

    @property
    def lower_bound(self) -> float:
        """Lower bound of W1, in units of length."""
        return self.interval.lower

    @property
    def upper_bound(self) -> float:
        """Upper bound of W1, in units of length."""
        return self.interval.upper

    @property
    def distance(self) -> float:
        """The middle of the bracket."""
        return (self.lower_bound + self.upper_bound) / 2

    @property
    def gap(self) -> float:
        """Upper − lower bound."""
        return self.interval.width

    @property
    def relative_gap(self) -> float:
        """Gap / upper bound."""
        return self.interval.relative_width

    @property
    def converged(self) -> bool:
        """Whether the bracket is as narrow as asked."""
        return self.status is Status.OPTIMAL

    def __repr__(self) -> str:
        interval = f"[{self.lower_bound:.6g}, {self.upper_bound:.6g}]"
        return f"PopulationW1({interval}, {self.interval.kind}, {self.status.name}, {self.seconds:.1f} s)"
