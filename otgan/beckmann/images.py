"""W1 between images.

Pixels that are points make a transport between points, which the exact solver ends within seconds where images are
small; on a grid they are the hardest case, since the flux has to spread each of them over the cells around it, and its
cost then falls to W1 only as fast as the cells shrink.
"""

from __future__ import annotations

import math
import time
from functools import partial
from typing import Any

import numpy as np

from otgan.beckmann.density_law import evenly
from otgan.beckmann.grid import CORNER_DISTANCE, Grid, NetMass
from otgan.beckmann.refine import MAX_MEMORY, Limits, bracket, read_limits
from otgan.beckmann.result import PixelWitness, Placement, PopulationW1
from otgan.checks import FloatArray, as_number, as_real_array
from otgan.costs import point_costs
from otgan.errors import Interrupted, InvalidShapeError, InvalidValueError
from otgan.exact import down, up
from otgan.interval import Interval
from otgan.masses import WeightMasses
from otgan.problem import OTProblem
from otgan.solution import OTSolution
from otgan.solve import solve

#: Pixels with mass up to which those of an image are left to the exact solver.
EXACT = 2**14


def image_w1(
    image_a: Any,
    image_b: Any,
    *,
    pixel_size: float = 1.0,
    pixels: str = "points",
    rtol: float = 5e-3,
    max_seconds: float = 120.0,
    max_memory: float = MAX_MEMORY,
) -> PopulationW1:
    """Proven bracket of W1 between two images.

    Pixels that are points go to the exact solver of `otgan.wasserstein` as long as there are no more than `EXACT` of
    them with mass in an image; other images to the grids of `otgan.population_w1`.

    Args:
        image_a: Grey values, (r, c), not negative, not all zero; normalised to mass one. The first axis is the first
            coordinate.
        image_b: Likewise, of the same shape.
        pixel_size: Distance between neighbouring pixels, in units of length.
        pixels: "points", all mass of a pixel in its centre, or "squares", spread evenly over it.
        rtol: Relative width of the bracket at which to stop.
        max_seconds: Time after which to stop.
        max_memory: Bytes that the grid, or the solver, may take.

    Returns:
        The bracket, in units of length.

    Raises:
        MemoryLimitError: If not even the first grid fits, or the solver does not.
        Interrupted: After Ctrl-C, with the bracket so far.
        InvalidShapeError: If an image is not two-dimensional, or their shapes differ.
        InvalidValueError: If a grey value is negative or not finite, all are zero, or a setting is out of range.
    """
    limits = read_limits(rtol, max_seconds, max_memory)
    greys = [_greys("image_a", image_a), _greys("image_b", image_b)]
    if greys[0].shape != greys[1].shape:
        raise InvalidShapeError(
            "image_b", f"have the shape of image_a, {greys[0].shape}", f"{greys[1].shape}", "crop or resize one"
        )
    if pixels not in ("points", "squares"):
        raise InvalidValueError("pixels", "be 'points' or 'squares'", repr(pixels), "choose what a pixel stands for")
    size = as_number("pixel_size", pixel_size, low=1e-100, high=1e100)
    if pixels == "points" and max(np.count_nonzero(grey) for grey in greys) <= EXACT:
        return _exactly(greys, Placement(size), limits)
    difference = np.subtract(*(grey / grey.sum() for grey in greys))
    rows, columns = difference.shape
    if pixels == "squares":
        first = Grid((0.0, 0.0), 1.0, (rows, columns))
        return bracket(partial(_squares, difference), first, Placement(size), limits)
    # The centres are the nodes; an image of one row gets a second, empty one, which no optimal transport visits.
    padded = np.pad(difference, ((0, int(rows == 1)), (0, int(columns == 1))))
    first = Grid((0.0, 0.0), 1.0, (padded.shape[0] - 1, padded.shape[1] - 1))
    return bracket(partial(_points, padded), first, Placement(size), limits)


def _greys(name: str, values: Any) -> FloatArray:
    image = as_real_array(name, values)
    if image.ndim != 2:
        raise InvalidShapeError(name, "have shape (r, c)", f"shape {image.shape}", "convert it to grey values")
    if image.min() < 0 or not image.any():
        raise InvalidValueError(
            name, "hold grey values >= 0, not all 0", f"values from {image.min():g} to {image.max():g}", "shift it"
        )
    # In exact proportion, but for less than 2^-1022 of the largest, which any bound's allowance for underflow covers.
    return np.asarray(np.ldexp(image, -math.frexp(image.max())[1]))


def _exactly(greys: list[FloatArray], place: Placement, limits: Limits) -> PopulationW1:
    """The bracket of the exact solver, between the pixels' centres, which in units of the grid are integers."""
    started = time.monotonic()
    sides = [np.argwhere(grey).astype(np.float64) for grey in greys]
    problem = OTProblem(point_costs(*sides), WeightMasses(*(grey[grey > 0] for grey in greys)))

    def result(solution: OTSolution) -> PopulationW1:
        lower, upper = (end * place.unit for end in (solution.lower_bound, solution.upper_bound))
        interval = Interval(max(0.0, down(lower)), up(upper) if solution.upper_bound else 0.0)
        witness = PixelWitness(solution.potentials, place)
        return PopulationW1(interval, solution.status, witness, time.monotonic() - started)

    try:
        solution = solve(
            problem, method="auto", tol=limits.rtol, max_iter=10**8, max_seconds=limits.max_seconds,
            max_memory=limits.max_memory,
        )  # fmt: skip
    except Interrupted as stop:
        raise Interrupted("the bracket", result(stop.partial)) from None
    return result(solution)


def _squares(difference: FloatArray, grid: Grid) -> NetMass:
    times = grid.shape[0] // difference.shape[0]
    return evenly(grid, np.repeat(np.repeat(difference, times, axis=0), times, axis=1) / times**2)


def _points(difference: FloatArray, grid: Grid) -> NetMass:
    """Masses at some of the nodes; for the flux they are spread over the cells around, evenly in each."""
    times = grid.shape[0] // (difference.shape[0] - 1)
    hats = np.zeros((grid.shape[0] + 1, grid.shape[1] + 1))
    hats[::times, ::times] = difference
    around = np.ones_like(hats) * 4
    around[[0, -1]] /= 2
    around[:, [0, -1]] /= 2
    share = hats / around
    cells = share[1:, 1:] + share[:-1, 1:] + share[1:, :-1] + share[:-1, :-1]
    smear = CORNER_DISTANCE * grid.h * float(abs(difference).sum())  # each share has its node at a corner of its cell
    nothing = np.zeros_like(cells)  # nodes lie on the edges of the cells, where bubbles vanish
    return NetMass(grid, cells, hats, nothing, nothing, smear)
