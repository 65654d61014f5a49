"""The upper end: Beckmann's problem, min ∫|m| over fluxes with div m = ρ, on lowest-order Raviart-Thomas elements.

A flux with exactly the right divergence moves the source to the target, and ∫|m| is what that costs: an upper bound
whatever the flux (Santambrogio 2015, Sec. 4.2). So the iteration need not converge to be right.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import dctn, idctn

from otgan.beckmann.grid import NetMass, laplacian_eigenvalues
from otgan.checks import FloatArray


class Flux:
    """A flux through the edges of a grid, improved step by step, always with the right divergence.

    Each step is one of the primal-dual hybrid gradient method (Chambolle and Pock 2011), preconditioned by the
    projection on the fluxes with the right divergence, a Poisson problem that a cosine transform solves (as in
    Jacobs, Léger, Li, Osher 2019, Solving large-scale optimization problems with a convergence rate independent of
    grid size).

    Attributes:
        mx: Mass per unit of time through the edges across the first axis, (nx + 1, ny), outward at the ends 0.
        my: The same across the second axis, (nx, ny + 1).
    """

    def __init__(self, net: NetMass, start: Flux | None = None) -> None:
        nx, ny = net.grid.shape
        self.net = net
        self._eigenvalues = laplacian_eigenvalues(nx, ny, nodes=False)
        self.mx, self.my = np.zeros((nx + 1, ny)), np.zeros((nx, ny + 1))
        if start is not None:
            self._refine(start)
        self._project()
        self._ahead = self.mx.copy(), self.my.copy()
        self._dual = np.zeros((2, 2, 2, nx, ny))
        # Balances primal and dual: the sizes of a flux and of the dual, whose entries lie in unit balls.
        self._sigma = 0.25 / max(float(abs(self.mx).mean() + abs(self.my).mean()) / 2, np.finfo(float).tiny)

    def upper_bound(self) -> float:
        """A bound of ∫|m|, plus what the cells forget of the measures and what rounding left of the divergence."""
        net = self.net
        left = float(abs(net.cells - self._divergence()).sum())
        return self._cost() + net.smear + net.blur + 2 * net.grid.side * left + net.rounding

    def step(self) -> None:
        """One iteration."""
        nx, ny = self.net.grid.shape
        slope_x, slope_y = np.zeros_like(self.mx), np.zeros_like(self.my)
        for i in (0, 1):
            for j in (0, 1):
                corner = self._dual[i, j]
                corner[0] += self._sigma * self._ahead[0][i : nx + i]
                corner[1] += self._sigma * self._ahead[1][:, j : ny + j]
                corner /= np.maximum(1.0, np.hypot(corner[0], corner[1]))
                slope_x[i : nx + i] += corner[0]
                slope_y[:, j : ny + j] += corner[1]
        before = self.mx, self.my
        tau = 0.99 / (4 * self._sigma)  # an edge belongs to four corners, so the operator's norm is 2
        self.mx, self.my = self.mx - tau * slope_x, self.my - tau * slope_y
        self._project()
        self._ahead = 2 * self.mx - before[0], 2 * self.my - before[1]

    def _cost(self) -> float:
        """∫|m| from above: the flux is affine in each cell, |m| convex, so its mean is below that of the corners."""
        total = sum(
            float(np.hypot(x, y).sum()) for x in (self.mx[:-1], self.mx[1:]) for y in (self.my[:, :-1], self.my[:, 1:])
        )
        return self.net.grid.h / 4 * total

    def _divergence(self) -> FloatArray:
        return np.asarray(np.diff(self.mx, axis=0) + np.diff(self.my, axis=1))

    def _project(self) -> None:
        """Subtract the gradient that brings the divergence right, and close the box."""
        self.mx[0] = self.mx[-1] = self.my[:, 0] = self.my[:, -1] = 0.0
        wrong = self.net.cells - self._divergence()
        spectrum = dctn(wrong, type=2, norm="ortho") / self._eigenvalues
        spectrum[0, 0] = 0.0
        height = idctn(spectrum, type=2, norm="ortho")
        self.mx[1:-1] -= np.diff(height, axis=0)
        self.my[:, 1:-1] -= np.diff(height, axis=1)

    def _refine(self, coarse: Flux) -> None:
        """Half of each edge's flux through either half of it; the edges within a cell, the mean of its two sides."""
        for fine, old in ((self.mx, coarse.mx), (self.my.T, coarse.my.T)):
            halves = np.repeat(old, 2, axis=1) / 2
            fine[::2], fine[1::2] = halves, (halves[1:] + halves[:-1]) / 2
