"""Refine the grid until the bracket of W1 is as narrow as asked, or a limit is reached."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from otgan.beckmann.flux import Flux
from otgan.beckmann.grid import Grid, NetMass
from otgan.beckmann.potential import Potential, Surface
from otgan.beckmann.result import GridWitness, Placement, PopulationW1
from otgan.checks import as_number, as_seconds
from otgan.costs import check_memory
from otgan.errors import CertificateError, Interrupted
from otgan.exact import down, up
from otgan.interval import Interval
from otgan.progress import Show, progress
from otgan.solution import Status

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


class Limits(NamedTuple):
    """When to stop: relative width, seconds, bytes."""

    rtol: float
    max_seconds: float
    max_memory: float


def read_limits(rtol: Any, max_seconds: Any, max_memory: Any) -> Limits:
    """Limits as users give them.

    Raises:
        InvalidValueError: If a limit is out of range.
        InvalidTypeError: If it is no number.
    """
    return Limits(
        as_number("rtol", rtol, low=0),
        as_seconds("max_seconds", max_seconds),
        as_number("max_memory", max_memory, low=0, open_low=True),
    )


def bracket(
    weigh: Callable[[Grid], NetMass], grid: Grid, place: Placement, limits: Limits, kind: str = "proven"
) -> PopulationW1:
    """Refine from a first grid until the bracket is narrow enough.

    Args:
        weigh: What the two measures weigh on a grid.
        grid: The first grid.
        place: Its unit of length and its place.
        limits: When to stop.
        kind: What the bracket may call itself, which the weights decide.

    Raises:
        MemoryLimitError: If not even the first grid fits.
        CertificateError: If the ends contradict each other.
        Interrupted: After Ctrl-C, with the bracket so far.
    """
    check_memory(BYTES_PER_CELL * grid.shape[0] * grid.shape[1], limits.max_memory, "the first grid")
    with progress("bracketing W1") as show:
        work = _Refinement(weigh, grid, place, limits, kind, show)
        try:
            work.run()
        except KeyboardInterrupt:
            if math.isinf(work.upper):  # nothing is known yet
                raise
            raise Interrupted("the bracket", work.result()) from None
    return work.result()


class _Refinement:
    """The state of the work; `upper` and `lower` are bounds at any time, in the units of the grid."""

    def __init__(
        self,
        weigh: Callable[[Grid], NetMass],
        grid: Grid,
        place: Placement,
        limits: Limits,
        kind: str,
        show: Show,
    ) -> None:
        self._weigh, self._grid, self._place, self._limits, self._kind = weigh, grid, place, limits, kind
        self._show, self._started = show, time.monotonic()
        self._potential: Potential | None = None
        self._narrow = False
        self.upper = math.inf

    @property
    def lower(self) -> float:
        """The best lower bound so far."""
        return self._potential.best if self._potential else 0.0

    def run(self) -> None:
        """Work until a limit is reached."""
        limits, flux = self._limits, None
        while True:
            begun = time.monotonic()
            net = self._weigh(self._grid)
            flux = Flux(net, flux)
            self._improve_flux(flux)
            self._potential = Potential(net, self.upper, self._potential)
            self._improve_potential(self._potential)
            self._narrow = self.upper - self.lower <= max(limits.rtol * self.upper, 4 * net.rounding)
            if self._narrow or self._late():
                return
            finer = self._grid.finer()
            # A finer grid takes four times as long a step; begun too late, it would not even come to the same bounds.
            soon = 2 * time.monotonic() - begun - self._started > limits.max_seconds
            if soon or BYTES_PER_CELL * finer.shape[0] * finer.shape[1] > limits.max_memory:
                return
            self._grid = finer

    def result(self) -> PopulationW1:
        """The bracket so far, in units of length."""
        place = self._place
        lower, upper = self._ends()
        if lower > upper:
            raise CertificateError(f"lower bound {lower!r} above upper bound {upper!r}; please report this problem")
        status = Status.OPTIMAL if self._narrow else Status.RESOURCE_LIMIT
        surface = self._potential.proof if self._potential else flat(self._grid)
        seconds = time.monotonic() - self._started
        witness = GridWitness(surface, place, self._grid)
        return PopulationW1(Interval(lower, upper, self._kind), status, witness, seconds)

    def _ends(self) -> tuple[float, float]:
        unit, error = self._place.unit, self._place.error
        return max(0.0, down(self.lower * unit - error)), up(self.upper * unit + error)

    def _late(self) -> bool:
        return time.monotonic() - self._started > self._limits.max_seconds

    def _improve_flux(self, flux: Flux) -> None:
        self.upper = min(self.upper, flux.upper_bound())
        for _ in range(0, MOST_STEPS, ROUND):
            self._some_steps(flux.step)
            before, self.upper = self.upper, min(self.upper, flux.upper_bound())
            if before - self.upper < STALL * (self.upper - self.lower) / 4 or self._late():
                break

    def _improve_potential(self, potential: Potential) -> None:
        for k in range(0, MOST_STEPS, ROUND):
            self._some_steps(potential.step)
            if k in (ROUND, 4 * ROUND):
                potential.choose_diagonals()
            before, after = potential.best, potential.look()
            if self._late() or (k > 6 * ROUND and after - before < STALL * (self.upper - after)):
                break

    def _some_steps(self, step: Callable[[], None]) -> None:
        lower, upper = self._ends()
        nx, ny = self._grid.shape
        self._show(f"[{lower:.6g}, {upper:.6g}] on {nx} x {ny} cells")
        for _ in range(ROUND):
            step()
            if self._late():
                break


def flat(grid: Grid) -> Surface:
    """The function 0, which proves the lower bound 0."""
    nx, ny = grid.shape
    return Surface(grid, np.zeros((nx + 1, ny + 1)), np.ones(grid.shape, dtype=bool))
