"""One coordinate of many simple laws on the cells of an axis, in closed form: normal, uniform, or a point."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from otgan.checks import FloatArray

#: Widths below this, in units of the box, count as none: they are far below what rounding moves.
TINY = 1e-100
#: Stands for the infinite slope of a point, in bounds that are cut off by its mass anyway; its products stay finite.
STEEP = 1e100


class Axis:
    """One coordinate of K laws, each N(low, std²), uniform on [low, high], or a point.

    Args:
        edges: Nodes of the axis, (n + 1,).
        low: Means of the normal laws, lower ends of the uniform ones, places of the points, (K,).
        high: Upper ends of the uniform laws, low for all others, (K,).
        std: Standard deviations of the normal laws, 0 for all others, (K,).

    Attributes:
        mass: Mass of each cell, the outer ones with the tails, (K, n).
        inside: Mass of each cell without the tails, from above, since it bounds errors, (K, n).
        hats: Integral of each node's hat, the outer ones constant beyond the ends, (K, n + 1).
        variation: Bound of the integral of |density'| over the inner of each cell, jumps counted, (K, n).
        outside: Mass of the tails, (K,).
        overhang: Mean distance by which a law reaches out of the box, (K,).
    """

    def __init__(self, edges: FloatArray, low: FloatArray, high: FloatArray, std: FloatArray) -> None:
        k, n = len(low), len(edges) - 1
        self.mass, self.inside, self.variation = np.empty((k, n)), np.empty((k, n)), np.empty((k, n))
        self.outside, self.overhang = np.empty(k), np.empty(k)
        self._integrated = np.empty((k, n + 1))  # E (t − X)⁺ at the nodes, an antiderivative of F
        normal = std > TINY
        uniform = ~normal & (high - low > TINY)
        self._normals(normal, edges, low[normal, None], std[normal, None])
        self._uniforms(uniform, edges, low[uniform, None], high[uniform, None])
        self._points(np.flatnonzero(~normal & ~uniform), edges, low[~normal & ~uniform])
        # The hat functions are second differences of that antiderivative.
        rise = np.diff(self._integrated, axis=1) / np.diff(edges)
        self.hats = np.concatenate([rise[:, :1], np.diff(rise, axis=1), 1 - rise[:, -1:]], axis=1)

    def _normals(self, rows: NDArray[np.bool_], edges: FloatArray, mean: FloatArray, std: FloatArray) -> None:
        with np.errstate(over="ignore", under="ignore"):  # far out in a narrow law
            z = (edges - mean) / std
            bell = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
        below, above = ndtr(z), ndtr(-z[:, -1])
        self._between(rows, below, above)
        self._integrated[rows] = std * (z * below + bell)
        # The density rises up to the mean and falls from there.
        over_mean = (z[:, :-1] < 0) & (z[:, 1:] > 0)
        peak = np.where(over_mean, 1 / math.sqrt(2 * math.pi), np.maximum(bell[:, :-1], bell[:, 1:]))
        self.variation[rows] = (2 * peak - bell[:, :-1] - bell[:, 1:]) / std
        self.overhang[rows] = std[:, 0] * (z[:, 0] * below[:, 0] + bell[:, 0] + bell[:, -1] - z[:, -1] * above)

    def _uniforms(self, rows: NDArray[np.bool_], edges: FloatArray, low: FloatArray, high: FloatArray) -> None:
        width = high - low
        with np.errstate(over="ignore"):
            below = np.clip((edges - low) / width, 0.0, 1.0)
        self._between(rows, below, 1 - below[:, -1])
        self._integrated[rows] = width * below**2 / 2 + np.maximum(edges - high, 0.0)
        jumps = [(edges[:-1] < end) & (end < edges[1:]) for end in (low, high)]
        self.variation[rows] = (jumps[0].astype(float) + jumps[1]) / width
        under = width * below[:, :1] ** 2 / 2 + np.maximum(edges[0] - high, 0.0)
        over = width * (1 - below[:, -1:]) ** 2 / 2 + np.maximum(low - edges[-1], 0.0)
        self.overhang[rows] = (under + over)[:, 0]

    def _points(self, rows: NDArray[np.intp], edges: FloatArray, place: FloatArray) -> None:
        cell = np.clip(np.searchsorted(edges, place, side="right") - 1, 0, len(edges) - 2)
        for table in (self.mass, self.inside, self.variation):
            table[rows] = 0.0
        self._integrated[rows] = np.maximum(edges - place[:, None], 0.0)
        self.overhang[rows] = np.maximum(edges[0] - place, 0.0) + np.maximum(place - edges[-1], 0.0)
        self.outside[rows] = (self.overhang[rows] > 0).astype(float)
        self.mass[rows, cell] = self.inside[rows, cell] = 1.0
        self.variation[rows, cell] = STEEP

    def _between(self, rows: NDArray[np.bool_], below: FloatArray, above: FloatArray) -> None:
        """Masses of cells from distribution functions at the nodes, (k, n + 1), and the upper tails, (k,)."""
        mass = np.diff(below, axis=1)
        self.inside[rows] = mass + 4 * np.finfo(float).eps
        mass[:, 0] += below[:, 0]
        mass[:, -1] += above
        self.mass[rows] = mass
        self.outside[rows] = below[:, 0] + above
