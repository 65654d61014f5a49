"""The front door: refine the grid until the bracket of W1 is as narrow as asked, or a limit is reached."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from otgan.beckmann.flux import Flux
from otgan.beckmann.gaussians import box_around, components, net_mass, standardised
from otgan.beckmann.grid import Grid, NetMass
from otgan.beckmann.potential import Potential, Surface
from otgan.checks import FloatArray, as_number, as_points
from otgan.costs import check_memory
from otgan.errors import CertificateError, InvalidShapeError
from otgan.exact import down, up
from otgan.interval import Interval
from otgan.measures import as_measure
from otgan.solution import Status

#: Cells along the longer side of the first grid; each further one has twice as many.
FIRST = 96
#: Bytes per cell that a step holds at its peak: about fifty arrays of float64.
BYTES_PER_CELL = 400
#: Bytes that the grid may take unless told otherwise.
MAX_MEMORY = 4 * 2**30
#: Steps between two evaluations of the bounds.
ROUND = 20
#: Steps on one grid after which a finer one promises more.
MOST_STEPS = 600
#: A round that closes less than this share of the gap is the sign to refine.
STALL = 0.02


#: Relative width, seconds, bytes.
Limits = tuple[float, float, float]


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


@dataclass(frozen=True, eq=False)
class PopulationW1:
    """A bracket of W1 between two laws, as opposed to two samples.

    There is no finite plan behind it, but a flux and a potential on a grid; hence it is no `OTSolution`, though the
    properties that it shares have the same names.

    Attributes:
        interval: The bracket, kind "proven".
        status: How the refinement ended.
        grid: The finest grid, in its own units.
        placement: Where it lies.
        surface: The 1-Lipschitz function that proves the lower bound, in the units of its grid.
        seconds: Wall-clock time.
    """

    interval: Interval
    status: Status
    grid: Grid
    placement: Placement
    surface: Surface
    seconds: float

    def potential(self, points: Any) -> FloatArray:
        """The 1-Lipschitz function that proves the lower bound; it falls along the transport.

        Args:
            points: (k, 2), in units of length.

        Returns:
            (k,), in units of length.

        Raises:
            InvalidShapeError: If the points are not in the plane.
        """
        where = as_points("points", points)
        if where.shape[1] != 2:
            raise InvalidShapeError("points", "have shape (k, 2)", f"shape {where.shape}", "give points in the plane")
        unit = self.placement.unit
        return unit * self.surface((where - self.placement.centre) / unit)

    @property
    def lower_bound(self) -> float:
        """Proven lower bound of W1, in units of length."""
        return self.interval.lower

    @property
    def upper_bound(self) -> float:
        """Proven upper bound of W1, in units of length."""
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


def population_w1(
    source: Any, target: Any, *, rtol: float = 5e-3, max_seconds: float = 120.0, max_memory: float = MAX_MEMORY
) -> PopulationW1:
    r"""Proven bracket of W1 between two Gaussian mixtures in the plane.

    Above, a flux m with div m = ρ, ρ = source − target, proves W1 ≤ ∫|m|; below, a 1-Lipschitz function u proves
    W1 ≥ ∫ u dρ. What the grid forgets of the densities, the mass outside its box, and rounding are inside the bracket.

    Args:
        source: A `Gaussian` or `GaussianMixture` in the plane with diagonal covariances.
        target: Likewise.
        rtol: Relative width of the bracket at which to stop.
        max_seconds: Time after which to stop, whatever the width.
        max_memory: Bytes that the grid may take.

    Returns:
        The bracket, with an honest status.

    Raises:
        InvalidTypeError: If a measure is of another kind.
        InvalidShapeError: If a measure is not in the plane.
        NotProvidedError: If a covariance is not diagonal, or singular.
        InvalidValueError: If a limit is out of range.

    Source: Beckmann (1952); Santambrogio (2015), Optimal Transport for Applied Mathematicians, Sec. 4.2.
    """
    limits = read_limits(rtol, max_seconds, max_memory)
    parts = components("source", as_measure("source", source)), components("target", as_measure("target", target))
    box = box_around([*parts[0], *parts[1]], FIRST)
    centre, unit = np.array(box.low) + box.h * np.array(box.shape) / 2, 2.0 ** math.frexp(box.side)[1]
    place = Placement(unit, (float(centre[0]), float(centre[1])))
    source_parts, target_parts = (standardised(side, centre, unit) for side in parts)
    first = box_around([*source_parts, *target_parts], FIRST)
    same = len(parts[0]) == len(parts[1]) and all(
        one[0] == other[0] and (one[1] == other[1]).all() and (one[2] == other[2]).all()
        for one, other in zip(*parts, strict=True)
    )
    if same:
        nothing = np.zeros((first.shape[0] + 1, first.shape[1] + 1))
        flat = Surface(first, nothing, np.ones(first.shape, dtype=bool))
        return PopulationW1(Interval(0.0, 0.0), Status.OPTIMAL, first, place, flat, 0.0)
    return bracket(partial(net_mass, source_parts, target_parts), first, place, limits)


def read_limits(rtol: Any, max_seconds: Any, max_memory: Any) -> Limits:
    """Relative width, seconds and bytes, as users give them.

    Raises:
        InvalidValueError: If a limit is out of range.
        InvalidTypeError: If it is no number.
    """
    return (
        as_number("rtol", rtol, low=0),
        as_number("max_seconds", max_seconds, low=0, open_low=True),
        as_number("max_memory", max_memory, low=0, open_low=True),
    )


def bracket(
    weigh: Callable[[Grid], NetMass],
    grid: Grid,
    place: Placement,
    limits: Limits,
) -> PopulationW1:
    """Refine from a first grid until the bracket is narrow enough.

    Args:
        weigh: What the two measures weigh on a grid.
        grid: The first grid.
        place: Its unit of length and its place.
        limits: When to stop.

    Raises:
        MemoryLimitError: If not even the first grid fits.
        CertificateError: If the ends contradict each other.
    """
    rtol, max_seconds, max_memory = limits
    check_memory(BYTES_PER_CELL * grid.shape[0] * grid.shape[1], max_memory, "the first grid")
    started = time.monotonic()

    def late() -> bool:
        return time.monotonic() - started > max_seconds

    flux: Flux | None = None
    potential: Potential | None = None
    upper = math.inf
    while True:
        begun = time.monotonic()
        net = weigh(grid)
        flux = Flux(net, flux)
        upper = min(upper, flux.upper_bound())
        upper = _improve_flux(flux, upper, potential.best if potential else 0.0, late)
        potential = Potential(net, upper, potential)
        _improve_potential(potential, upper, late)
        narrow = upper - potential.best <= max(rtol * upper, 4 * net.rounding)
        if narrow or late():
            break
        finer = grid.finer()
        # A finer grid takes four times as long a step; begun too late, it would not even come to the same bounds.
        soon = 2 * time.monotonic() - begun - started > max_seconds
        if soon or BYTES_PER_CELL * finer.shape[0] * finer.shape[1] > max_memory:
            break
        grid = finer
    lower = max(0.0, down(potential.best * place.unit - place.error))
    upper = up(upper * place.unit + place.error)
    if lower > upper:
        raise CertificateError(f"lower bound {lower!r} above upper bound {upper!r}; please report this problem")
    status = Status.OPTIMAL if narrow else Status.RESOURCE_LIMIT
    return PopulationW1(Interval(lower, upper), status, grid, place, potential.proof, time.monotonic() - started)


def _improve_flux(flux: Flux, upper: float, lower: float, late: Callable[[], bool]) -> float:
    for _ in range(0, MOST_STEPS, ROUND):
        _some_steps(flux.step, late)
        before, upper = upper, min(upper, flux.upper_bound())
        if before - upper < STALL * (upper - lower) / 4 or late():
            break
    return upper


def _improve_potential(potential: Potential, upper: float, late: Callable[[], bool]) -> None:
    for k in range(0, MOST_STEPS, ROUND):
        _some_steps(potential.step, late)
        if k in (ROUND, 4 * ROUND):
            potential.choose_diagonals()
        before, after = potential.best, potential.look()
        if late() or (k > 6 * ROUND and after - before < STALL * (upper - after)):
            break


def _some_steps(step: Callable[[], None], late: Callable[[], bool]) -> None:
    for _ in range(ROUND):
        step()
        if late():
            break
