"""Cell masses, hat integrals and error bounds of Gaussian mixtures, in closed form."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from otgan.beckmann.grid import Grid, NetMass
from otgan.checks import FloatArray
from otgan.errors import InvalidShapeError, InvalidTypeError, NotProvidedError
from otgan.measures import Gaussian, GaussianMixture
from otgan.measures.base import Measure

#: Half the box in standard deviations around each mean. What lies outside is moved to its edge, which costs 1.4e-5
#: standard deviations; twice as much room would cost four times as many cells.
REACH = 4.0

Component = tuple[float, FloatArray, FloatArray]


def components(name: str, measure: Measure) -> list[Component]:
    """Weight, mean (2,) and standard deviations (2,) of each component.

    Raises:
        InvalidTypeError: If it is no `Gaussian` or `GaussianMixture`.
        InvalidShapeError: If it is not in the plane.
        NotProvidedError: If a covariance is singular or not diagonal.
    """
    if isinstance(measure, GaussianMixture):
        parts = list(zip(measure.weights.tolist(), measure.components, strict=True))
    elif isinstance(measure, Gaussian):
        parts = [(1.0, measure)]
    else:
        raise InvalidTypeError(
            name,
            "be a Gaussian or a GaussianMixture, whose masses are known in closed form",
            repr(measure),
            "draw samples and use otgan.wasserstein, which then speaks of the samples",
        )
    if measure.dim != 2:
        raise InvalidShapeError(name, "be a measure in the plane", f"dimension {measure.dim}", "project it to two axes")
    found = []
    for weight, part in parts:
        variances = np.diag(part.cov)
        if part.cov[0, 1] != 0 or variances.min() <= 0:
            raise NotProvidedError(
                f"{name} has a covariance that is singular or not diagonal, and only diagonal ones have cell masses in "
                "closed form; rotate both measures by the same angle if that makes them diagonal"
            )
        found.append((weight, part.mean, np.sqrt(variances)))
    return found


def standardised(parts: list[Component], centre: FloatArray, unit: float) -> list[Component]:
    """The same components around the origin, in a unit of length of the size of their box."""
    return [(weight, (mean - centre) / unit, std / unit) for weight, mean, std in parts]


def box_around(parts: list[Component], cells: int) -> Grid:
    """A box with all components in reach, the longer side cut into a number of cells."""
    low = np.min([mean - REACH * std for _, mean, std in parts], axis=0)
    high = np.max([mean + REACH * std for _, mean, std in parts], axis=0)
    h = float((high - low).max()) / cells
    shape = np.maximum(1, np.ceil((high - low) / h - 1e-9).astype(int))
    middle = (low + high) / 2
    corner = middle - h * shape / 2
    return Grid((float(corner[0]), float(corner[1])), h, (int(shape[0]), int(shape[1])))


def net_mass(source: list[Component], target: list[Component], grid: Grid) -> NetMass:
    r"""Both mixtures on a grid.

    What the cells forget of a density ρ is moved within them, first along one axis, then along the other. On an
    interval of length h a density costs at most $\frac{h^2}{8} \int |\rho'|$ to level (it is a mixture of steps, and
    one step of height J at a distance s from an end costs J s (h − s) / 2), which by Fubini gives
    $\frac{h^2}{8} \int |\partial_x \rho| + |\partial_y \rho|$ for both axes.
    """
    nx, ny = grid.shape
    cells, hats, slope = np.zeros((nx, ny)), np.zeros((nx + 1, ny + 1)), np.zeros((nx, ny))
    smear = lost = 0.0
    for sign, parts in ((1.0, source), (-1.0, target)):
        for weight, mean, std in parts:
            axes = [_Axis(grid.edges(k), float(mean[k]), float(std[k])) for k in (0, 1)]
            cells += sign * weight * np.outer(axes[0].mass, axes[1].mass)
            hats += sign * weight * np.outer(axes[0].hats, axes[1].hats)
            steep = np.outer(axes[0].variation, axes[1].inside) + np.outer(axes[0].inside, axes[1].variation)
            inside = np.outer(axes[0].inside, axes[1].inside)
            # Narrow bumps: no cell costs more than its mass times its diagonal, nor is further from its mean than 2.
            slope += weight * np.minimum(steep, 4 * inside / grid.h)
            level = np.minimum(grid.h**2 / 8 * steep, math.sqrt(2) * grid.h * inside)
            outside = axes[0].outside + axes[1].outside
            lost += weight * outside
            moved = axes[0].overhang + axes[1].overhang
            smear += weight * (float(level.sum()) + moved + math.sqrt(2) * grid.h * outside)
    return NetMass(grid, cells, hats, cells / 12, slope, smear, lost)


class _Axis:
    """One coordinate of a normal law on the cells of an axis.

    Attributes:
        mass: Mass of each cell, the outer ones with the tails, (n,).
        inside: Mass of each cell without the tails, (n,).
        hats: Integral of each node's hat, the outer ones constant beyond the ends, (n + 1,).
        variation: Integral of |density'| over each cell, (n,).
        outside: Mass of the tails.
        overhang: Mean distance by which the law reaches out of the box.
    """

    def __init__(self, edges: FloatArray, mean: float, std: float) -> None:
        z = (edges - mean) / std
        below, density = ndtr(z), np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
        self.mass = np.diff(below)
        self.inside = self.mass + 4 * np.finfo(float).eps  # it bounds errors, so from above
        self.mass[0] += below[0]
        self.mass[-1] += ndtr(-z[-1])
        # The hat functions are second differences of the distribution function's antiderivative z Φ + φ.
        rise = np.diff(std * (z * below + density)) / np.diff(edges)
        self.hats = np.concatenate([rise[:1], np.diff(rise), 1 - rise[-1:]])
        # The density rises up to the mean and falls from there.
        peak = np.where((z[:-1] < 0) & (z[1:] > 0), 1 / math.sqrt(2 * math.pi), np.maximum(density[:-1], density[1:]))
        self.variation = (2 * peak - density[:-1] - density[1:]) / std
        self.outside = float(below[0] + ndtr(-z[-1]))
        self.overhang = std * float(density[0] + z[0] * below[0] + density[-1] - z[-1] * ndtr(-z[-1]))
