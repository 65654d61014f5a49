"""Mixtures of laws whose two coordinates are independent and simple: their cell masses are sums of products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from otgan.beckmann.axes import Axis
from otgan.beckmann.grid import CORNER_DISTANCE, Grid, NetMass
from otgan.checks import FloatArray
from otgan.costs import rows_per_chunk


@dataclass(frozen=True, eq=False)
class Products:
    """K products of two laws on the line, each normal, uniform or a point; see `Axis`.

    Attributes:
        weights: Their masses, (K,).
        low: Means, lower ends or places, (K, 2).
        high: Upper ends, (K, 2).
        std: Standard deviations, (K, 2).
    """

    weights: FloatArray
    low: FloatArray
    high: FloatArray
    std: FloatArray

    @staticmethod
    def joined(groups: list[Products]) -> Products:
        """All of several mixtures together."""
        return Products(*(np.concatenate([getattr(g, n) for g in groups]) for n in Products.__dataclass_fields__))


def weigh(products: Products, grid: Grid) -> NetMass:
    r"""The mixture on a grid.

    What the cells forget of a density ρ is moved within them, first along one axis, then along the other. On an
    interval of length h a density costs at most $\frac{h^2}{8} \int |\rho'|$ to level (it is a mixture of steps, and
    one step of height J at a distance s from an end costs J s (h − s) / 2), which by Fubini gives
    $\frac{h^2}{8} \int |\partial_x \rho| + |\partial_y \rho|$ for both axes. Narrow bumps and points cost no more
    than their mass times the mean distance of a cell from its corner.
    """
    nx, ny = grid.shape
    cells, hats = np.zeros((nx, ny)), np.zeros((nx + 1, ny + 1))
    steep, inside = np.zeros((nx, ny)), np.zeros((nx, ny))
    moved = lost = 0.0
    step = rows_per_chunk(max(nx, ny))
    for k in range(0, len(products.weights), step):
        rows = slice(k, k + step)
        weights = products.weights[rows]
        x, y = (
            Axis(grid.edges(a), products.low[rows, a], products.high[rows, a], products.std[rows, a]) for a in (0, 1)
        )

        def total(one: FloatArray, other: FloatArray, weights: FloatArray = weights) -> FloatArray:
            return np.asarray((one.T * weights) @ other)

        cells += total(x.mass, y.mass)
        hats += total(x.hats, y.hats)
        steep += total(x.variation, y.inside) + total(x.inside, y.variation)
        inside += total(x.inside, y.inside)
        moved += float(weights @ (x.overhang + y.overhang))
        lost += float(weights @ (x.outside + y.outside))
    level = np.minimum(grid.h**2 / 8 * steep, CORNER_DISTANCE * grid.h * inside)
    smear = float(level.sum()) + moved + CORNER_DISTANCE * grid.h * lost
    slope = np.minimum(steep, 2 * inside / grid.h)  # `bubbles` are never off by more than a sixth of the mass
    rounding = len(products.weights) * 2.0**-52 * grid.side  # of sums of K terms, beside what `NetMass.rounding` holds
    return NetMass(grid, cells, hats, cells / 12, slope, smear, lost, rounding)
