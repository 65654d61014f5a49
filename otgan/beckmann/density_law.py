"""A law of the user's own, by the masses of cells or by its density."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from otgan.beckmann.grid import CORNER_DISTANCE, Grid, NetMass
from otgan.checks import FloatArray, as_number, as_real_array
from otgan.errors import InvalidInputError, InvalidShapeError, InvalidTypeError, InvalidValueError

#: Masses of cells may add up to one within this, for rounding; the difference is paid for.
ROUNDING = 1e-9
#: A density may miss mass one by this much on the first grid, where its quadrature is coarse; likewise paid for.
COARSE = 0.02
#: Nodes of the quadrature along each side of a cell.
NODES = 3

CellMasses = Callable[[FloatArray, FloatArray], Any]
Density = Callable[[FloatArray], Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class DensityLaw:
    r"""A law in the plane that you describe yourself, for `otgan.population_w1`.

    Give the masses of cells, and the bracket is "proven if the law's own bounds hold"; or its density alone, which is
    integrated numerically, and the bracket is "numerical": it proves nothing, since no finite number of values tells
    what a density does between them.

    Args:
        low: Lower corner of a box that holds nearly all mass, (2,), in units of length.
        high: Upper corner, (2,).
        cell_masses: Function of x, (nx + 1,), and y, (ny + 1,), both rising, that returns the mass of each cell
            [x_i, x_i+1] × [y_j, y_j+1], (nx, ny), with an error far below 1e-9. The cells may reach beyond the box.
        density: Function of points, (k, 2), that returns densities, (k,); instead of `cell_masses`.
        variation: A bound of ∫ |∂ρ/∂x| + |∂ρ/∂y|, jumps counted, in 1 / length. With it the bracket narrows by the
            square of a cell's side; without, by the side. For a density it is estimated where it is not given.
        outside: A bound of ∫ |x − c| dρ over all x outside the box, c its centre, in units of length; 0 for a law in
            the box. For a density it is taken at its word.

    Raises:
        InvalidInputError: If not exactly one of `cell_masses` and `density` is given.
        InvalidShapeError, InvalidTypeError, InvalidValueError: If an argument breaks these rules; what the functions
            return is checked on every grid.
    """

    low: Any
    high: Any
    cell_masses: CellMasses | None = None
    density: Density | None = None
    variation: float | None = None
    outside: float = 0.0

    def __post_init__(self) -> None:
        ends = [as_real_array(name, getattr(self, name)) for name in ("low", "high")]
        for name, end in zip(("low", "high"), ends, strict=True):
            if end.shape != (2,):
                raise InvalidShapeError(name, "have shape (2,)", f"shape {end.shape}", "give a corner in the plane")
            object.__setattr__(self, name, end)
        if not (ends[0] < ends[1]).all():
            raise InvalidValueError("high", "be above low", f"{ends[1]} over {ends[0]}", "swap the ends")
        if (self.cell_masses is None) == (self.density is None):
            raise InvalidInputError(
                "cell_masses", "be given or density, one of the two", "both or none", "keep the masses if you know them"
            )
        for name in ("cell_masses", "density"):
            if not (getattr(self, name) is None or callable(getattr(self, name))):
                raise InvalidTypeError(name, "be a function", repr(getattr(self, name)), "see the docstring")
        if self.variation is not None:
            as_number("variation", self.variation, low=0)
        as_number("outside", self.outside, low=0)

    def _weighed(self, name: str, x: FloatArray, y: FloatArray) -> FloatArray:
        """Masses of cells, (nx, ny), as the user's function gives them, or by quadrature."""
        shape = len(x) - 1, len(y) - 1
        if self.cell_masses is not None:
            return _checked(f"{name}.cell_masses(x, y)", self.cell_masses(x, y), shape)
        assert self.density is not None
        place, share = np.polynomial.legendre.leggauss(NODES)
        place, share = (place + 1) / 2, share / 2
        points = [(e[:-1, None] + np.diff(e)[:, None] * place).ravel() for e in (x, y)]
        area = np.outer(np.diff(x), np.diff(y))
        both = np.stack(np.meshgrid(*points, indexing="ij"), axis=-1).reshape(-1, 2)
        values = _checked(f"{name}.density(points)", self.density(both), (len(both),))
        return np.asarray(
            np.einsum("iajb,a,b->ij", values.reshape(shape[0], NODES, shape[1], NODES), share, share) * area
        )


@dataclass(frozen=True)
class PlacedLaw:
    """A user's law around another origin, in another unit of length, as a `Law`.

    Attributes:
        name: How error messages call it.
        law: The user's law.
        centre: Where the origin lies, (2,), in the user's units.
        unit: Length of one unit, in the user's units.
    """

    name: str
    law: DensityLaw
    centre: tuple[float, float] = (0.0, 0.0)
    unit: float = 1.0

    @property
    def kind(self) -> str:
        """A bracket's promise can be no better than the user's."""
        return "numerical" if self.law.cell_masses is None else "proven if the law's own bounds hold"

    def extent(self) -> tuple[FloatArray, FloatArray]:
        """The user's box."""
        return (self.law.low - self.centre) / self.unit, (self.law.high - self.centre) / self.unit

    def placed(self, centre: FloatArray, unit: float) -> PlacedLaw:
        """See `Law`; from the user's own units."""
        return PlacedLaw(self.name, self.law, (float(centre[0]), float(centre[1])), unit)

    def weigh(self, grid: Grid) -> NetMass:
        r"""Constant densities in the cells, normalised; what that changes is a blur that both ends pay.

        Levelling costs at most $\frac{h^2}{8} \int |\partial_x \rho| + |\partial_y \rho|$ (see
        `otgan.beckmann.products.weigh`), or the mass times the mean distance of a cell from its corner. The mass q
        that the grid misses is moved to the centre of the user's box, which costs what `outside` bounds, and from
        there to all the rest in proportion, which costs q times the furthest that a point of the grid may be.
        """
        law = self.law
        x, y = (self.centre[k] + self.unit * grid.edges(k) for k in (0, 1))
        cells = law._weighed(self.name, x, y)
        outside, (low, high) = law.outside / self.unit, self.extent()
        total = float(cells.sum())
        missed = abs(1 - total)
        # Mass outside the box is at least half its shorter side from the centre.
        allowed = outside / (float((high - low).min()) / 2) + (COARSE if law.cell_masses is None else ROUNDING)
        if not (total > 0 and missed <= allowed):
            what = "density" if law.cell_masses is None else "cell_masses"
            raise InvalidValueError(
                f"{self.name}.{what}",
                f"give mass one within {allowed:.3g}, for which `outside` and rounding allow",
                f"a total of {total:.9g}",
                "normalise it, or enlarge the box and bound the moment of what lies outside it",
            )
        cells = cells / total
        centre, ends = (low + high) / 2, [grid.edges(k)[[0, -1]] for k in (0, 1)]
        furthest = math.hypot(*(abs(ends[k] - centre[k]).max() for k in (0, 1)))
        level = CORNER_DISTANCE * grid.h
        variation = law.variation * self.unit if law.variation is not None else None
        if variation is None and law.cell_masses is None:
            variation = float(sum(abs(np.diff(np.pad(cells, 1), axis=k)).sum() for k in (0, 1))) / grid.h
        if variation is not None:
            level = min(level, grid.h**2 / 8 * variation)
        return evenly(grid, cells, level + outside + missed * furthest)


def evenly(grid: Grid, cells: FloatArray, blur: float = 0.0) -> NetMass:
    """Densities that are constant on each cell: nothing is smeared."""
    quarter = np.pad(cells, 1) / 4
    hats = quarter[1:, 1:] + quarter[:-1, 1:] + quarter[1:, :-1] + quarter[:-1, :-1]
    return NetMass(grid, cells, hats, cells / 12, np.zeros_like(cells), 0.0, blur=blur)


def _checked(name: str, values: Any, shape: tuple[int, ...]) -> FloatArray:
    array = as_real_array(name, values)
    if array.shape != shape:
        raise InvalidShapeError(name, f"return shape {shape}", f"shape {array.shape}", "return one number for each")
    if array.min() < 0:
        raise InvalidValueError(name, "not be negative", f"{array.min():g}", "a measure has no negative mass")
    return array
