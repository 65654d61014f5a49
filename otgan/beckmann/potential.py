"""The lower end: Kantorovich's dual, max ∫ u dρ over 1-Lipschitz u, on continuous piecewise affine functions.

Any such u, divided by its largest slope, proves a lower bound (Santambrogio 2015, Sec. 4.2), so again the iteration
need not converge to be right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

from otgan.beckmann.grid import Grid, NetMass, laplacian_eigenvalues
from otgan.checks import FloatArray


@dataclass(frozen=True, eq=False)
class Surface:
    """A continuous function that is affine on triangles, and constant outward from its box.

    Attributes:
        grid: The grid.
        u: Values at the nodes, (nx + 1, ny + 1).
        rising: Whether a cell is cut along the diagonal from its lower left to its upper right corner, (nx, ny).
    """

    grid: Grid
    u: FloatArray
    rising: NDArray[np.bool_]

    def __call__(self, points: FloatArray) -> FloatArray:
        """Evaluate at points (k, 2), in units of the grid; (k,)."""
        place = np.clip((points - self.grid.low) / self.grid.h, 0, self.grid.shape)
        cell = np.minimum(place.astype(np.intp), np.array(self.grid.shape) - 1)
        s, t = (place - cell).T
        i, j = cell.T
        lower, right, left, upper = self.u[i, j], self.u[i + 1, j], self.u[i, j + 1], self.u[i + 1, j + 1]
        # By its nodes, with barycentric coordinates: the cut's two ends and the corner on the point's side of it.
        on_rising = lower * (1 - np.maximum(s, t)) + upper * np.minimum(s, t) + np.where(
            t <= s, right * (s - t), left * (t - s)
        )  # fmt: skip
        beyond = s + t > 1
        on_falling = np.where(
            beyond, upper * (s + t - 1) + left * (1 - s) + right * (1 - t), lower * (1 - s - t) + right * s + left * t
        )
        return np.asarray(np.where(self.rising[i, j], on_rising, on_falling))


class Potential:
    r"""A piecewise affine potential on the nodes of a grid, improved step by step.

    Each cell is cut into two triangles, on which the gradient is constant, so |∇u| ≤ 1 is one condition a triangle.
    Which diagonal cuts it matters: across a curved ray the gradients of the two triangles differ from the middle one by
    $\frac{h}{2} |u_{xy}|\, |u_x \pm u_y|$, so the cut along which $u_x u_y > 0$ loses least. Steps are those of the
    alternating direction method of multipliers (Benamou and Carlier 2015, Augmented Lagrangian methods for transport
    optimization, mean field games and degenerate elliptic equations), each a Poisson problem, the same for either cut.

    Attributes:
        u: Values at the nodes, (nx + 1, ny + 1).
        best: The best lower bound so far.
        proof: The 1-Lipschitz function that proved it.
    """

    def __init__(self, net: NetMass, size: float, start: Potential | None = None) -> None:
        nx, ny = net.grid.shape
        self.net = net
        self._penalty = 8 * size / net.grid.side**2  # of the size of a flux density, W1 over the area
        self._eigenvalues = laplacian_eigenvalues(nx, ny, nodes=True)
        ends_x, ends_y = np.ones(nx + 1), np.ones(ny + 1)
        ends_x[[0, -1]] = ends_y[[0, -1]] = 0.5
        self._share = np.outer(ends_x, ends_y)
        self.u = np.zeros((nx + 1, ny + 1))
        self._slopes, self._flux = np.zeros((2, 2, nx, ny)), np.zeros((2, 2, nx, ny))
        self._rising: NDArray[np.bool_] = np.ones((nx, ny), dtype=bool)
        self.best = 0.0
        self.proof = Surface(net.grid, np.zeros_like(self.u), self._rising)
        self._hats = net.hats - net.hats.sum() * self._share / self._share.sum()
        if start is not None:
            self._refine(start)

    def choose_diagonals(self) -> None:
        """Cut each cell along the diagonal that suits the present gradient."""
        x, y = np.diff(self.u, axis=0), np.diff(self.u, axis=1)
        rising = (x[:, :-1] + x[:, 1:]) * (y[:-1] + y[1:]) > 0
        swap = rising != self._rising
        for field in (self._slopes, self._flux):  # bottom belongs to right in one cut and to left in the other
            field[:, 1] = np.where(swap, field[::-1, 1], field[:, 1])
        self._rising = rising

    def step(self) -> None:
        """One iteration."""
        r, h = self._penalty, self.net.grid.h
        pull = (r * self._slopes - self._flux) * (h / 2)
        right, left = self._sides(pull[0, 1], pull[1, 1])
        out = self._hats.copy()
        out[1:, :-1] += pull[0, 0]
        out[:-1, :-1] -= pull[0, 0]
        out[1:, 1:] += pull[1, 0]
        out[:-1, 1:] -= pull[1, 0]
        out[1:, 1:] += right
        out[1:, :-1] -= right
        out[:-1, 1:] += left
        out[:-1, :-1] -= left
        spectrum = dctn(out / (r * self._share), type=1) / self._eigenvalues
        spectrum[0, 0] = 0.0
        self.u = idctn(spectrum, type=1)
        gradient = self._gradient()
        self._slopes = gradient + self._flux / r
        self._slopes /= np.maximum(1.0, np.hypot(self._slopes[:, 0], self._slopes[:, 1]))[:, None]
        self._flux += r * (gradient - self._slopes)

    def look(self) -> float:
        """Evaluate the present function, keep it if it is the best so far, and return the best bound."""
        steepest = float(np.hypot(*np.moveaxis(self._gradient(), 1, 0)).max()) * (1 + 1e-14)
        doubt = self.net.rounding + self.net.blur
        if steepest > 0 and (bound := self._integral() / steepest - doubt) > self.best:
            # In this order: whoever interrupts between the two lines finds a bound that its proof keeps.
            self.proof = Surface(self.net.grid, self.u / steepest, self._rising)
            self.best = bound
        return self.best

    def _integral(self) -> float:
        r"""∫ u dρ from below.

        The hat integrals give it for the bilinear function with the same nodes. In a cell that function differs by
        $\pm\delta b$, δ the mixed difference of the four nodes and $b = \min(s, t) - s t$ (or its mirror image), whose
        mean is 1/12 and which leaves that mean by at most 1/6. And over a cell $\int |\rho - \bar\rho| \le \frac{h}{2}
        \int |\partial_x \rho| + |\partial_y \rho|$, levelling along one axis after the other: on an interval a density
        is a mixture of steps, and a step of height J at a distance s from an end leaves its mean by 2 J s (h − s) / h
        in total.
        """
        u, net = self.u - self.u.mean(), self.net
        mixed = u[:-1, :-1] - u[1:, :-1] - u[:-1, 1:] + u[1:, 1:]
        bend = np.where(self._rising, mixed, -mixed)
        doubt = float((abs(mixed) * net.slope).sum()) / 6 * net.grid.h / 2
        doubt += float(abs(mixed).max()) * net.outside / 12  # b vanishes on the edges, where that mass now lies
        return float((u * net.hats).sum()) + float((bend * net.bubbles).sum()) - doubt

    def _gradient(self) -> FloatArray:
        """Gradients on the lower and the upper triangle of each cell, (2 triangles, 2 coordinates, nx, ny)."""
        x, y = np.diff(self.u, axis=0) / self.net.grid.h, np.diff(self.u, axis=1) / self.net.grid.h
        lower, upper = self._sides(y[1:], y[:-1])
        return np.stack([np.stack([x[:, :-1], lower]), np.stack([x[:, 1:], upper])])

    def _sides(self, one: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Between (lower, upper) triangle and (right, left) edge: in a rising cut the lower one has the right edge."""
        return np.where(self._rising, one, other), np.where(self._rising, other, one)

    def _refine(self, coarse: Potential) -> None:
        self.u[::2, ::2] = coarse.u
        self.u[1::2, ::2] = (coarse.u[1:] + coarse.u[:-1]) / 2
        self.u[:, 1::2] = (self.u[:, 2::2] + self.u[:, :-2:2]) / 2
        self._rising = np.repeat(np.repeat(coarse._rising, 2, axis=0), 2, axis=1)
        self._flux = np.repeat(np.repeat(coarse._flux, 2, axis=2), 2, axis=3)
        self._slopes = self._gradient()
        self._slopes /= np.maximum(1.0, np.hypot(self._slopes[:, 0], self._slopes[:, 1]))[:, None]
        self.best, self.proof = coarse.best, coarse.proof
