"""The front door for laws: what is known of them, and how their W1 is bracketed."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from otgan.beckmann.density_law import DensityLaw, PlacedLaw
from otgan.beckmann.grid import Grid
from otgan.beckmann.laws import Law, box_of, mixture, without_common_parts
from otgan.beckmann.refine import MAX_MEMORY, Limits, bracket, flat, read_limits
from otgan.beckmann.result import GridWitness, LineWitness, Placement, PopulationW1
from otgan.checks import FloatArray
from otgan.errors import NotProvidedError
from otgan.interval import Interval
from otgan.line_laws import LineLaw, line_w1
from otgan.measures import DiscreteMeasure, Measure, as_measure
from otgan.solution import Status

#: Cells along the longer side of the first grid; each further one has twice as many.
FIRST = 96
#: From the least to the most that one may promise.
KINDS = ("numerical", "proven if the law's own bounds hold", "proven")


def population_w1(
    source: Any, target: Any, *, rtol: float = 5e-3, max_seconds: float = 120.0, max_memory: float = MAX_MEMORY
) -> PopulationW1:
    r"""Bracket of W1 between two laws on the line or in the plane, proven for every law that is known in closed form.

    In the plane, a flux m with div m = ρ, ρ = source − target, proves W1 ≤ ∫|m| from above; a 1-Lipschitz function u
    proves W1 ≥ ∫ u dρ from below. What the grid forgets of the laws, the mass outside its box, and rounding are inside
    the bracket. On the line W1 = ∫|F − G| is integrated between sign changes, at once, to about 1e-12.

    Args:
        source: A `Gaussian`, `GaussianMixture` (any covariances), `Uniform` or `DiscreteMeasure`; in the plane also a
            toy distribution of `otgan.measures`, or a `DensityLaw` of your own.
        target: Likewise, on the same space.
        rtol: Relative width of the bracket at which to stop.
        max_seconds: Time after which to stop, whatever the width.
        max_memory: Bytes that the grid may take.

    Returns:
        The bracket, with an honest status, and a kind: "proven", or what a `DensityLaw` leaves of that.

    Raises:
        InvalidTypeError: If a law is known by samples alone.
        InvalidShapeError: If the laws do not live on the line or in the plane, both on the same.
        NotProvidedError: If both are finitely many points in the plane, which `otgan.wasserstein` solves exactly.
        InvalidValueError: If a limit is out of range, or a `DensityLaw` breaks its own bounds.
        Interrupted: After Ctrl-C; its `partial` is the bracket so far.

    Source: Beckmann (1952); Santambrogio (2015), Optimal Transport for Applied Mathematicians, Sec. 4.2.
    """
    limits = read_limits(rtol, max_seconds, max_memory)
    one, other = _read("source", source), _read("target", target)
    if isinstance(one, PlacedLaw) or isinstance(other, PlacedLaw):
        return _in_the_plane(_planar("source", one), _planar("target", other), limits)
    if one.dim == other.dim == 1:
        return _on_the_line(one, other, limits)
    if isinstance(one, DiscreteMeasure) and isinstance(other, DiscreteMeasure):
        raise NotProvidedError(
            "source and target must not both be points, which have no density; otgan.wasserstein solves them exactly"
        )
    left, right = without_common_parts(mixture("source", one), mixture("target", other))
    return _in_the_plane(left, right, limits) if left.parts else _nothing_to_move()


def _read(name: str, value: Any) -> Measure | PlacedLaw:
    return PlacedLaw(name, value) if isinstance(value, DensityLaw) else as_measure(name, value)


def _planar(name: str, law: Measure | PlacedLaw) -> Law:
    return law if isinstance(law, PlacedLaw) else mixture(name, law)


def _on_the_line(source: Measure, target: Measure, limits: Limits) -> PopulationW1:
    started = time.monotonic()
    interval, potential = line_w1(LineLaw.of("source", source), LineLaw.of("target", target))
    narrow = interval.relative_width <= limits.rtol
    status = Status.OPTIMAL if narrow else Status.RESOURCE_LIMIT
    return PopulationW1(interval, status, LineWitness(potential), time.monotonic() - started)


def _in_the_plane(one: Law, other: Law, limits: Limits) -> PopulationW1:
    low, high = box_of([one.extent(), other.extent()])
    if (low == high).all():  # one point on both sides
        return _nothing_to_move()
    box = _box(low, high)
    centre, unit = np.array(box.low) + box.h * np.array(box.shape) / 2, 2.0 ** math.frexp(box.side)[1]
    place = Placement(unit, (float(centre[0]), float(centre[1])))
    source, target = one.placed(centre, unit), other.placed(centre, unit)
    first = _box(*box_of([source.extent(), target.extent()]))
    kind = min(one.kind, other.kind, key=KINDS.index)
    return bracket(lambda grid: source.weigh(grid) - target.weigh(grid), first, place, limits, kind)


def _box(low: FloatArray, high: FloatArray) -> Grid:
    """A grid over a box, its longer side cut into `FIRST` cells."""
    h = float((high - low).max()) / FIRST
    shape = np.maximum(1, np.ceil((high - low) / h - 1e-9).astype(int))
    corner = (low + high) / 2 - h * shape / 2
    return Grid((float(corner[0]), float(corner[1])), h, (int(shape[0]), int(shape[1])))


def _nothing_to_move() -> PopulationW1:
    grid = Grid((0.0, 0.0), 1.0, (1, 1))
    witness = GridWitness(flat(grid), Placement(1.0), grid)
    return PopulationW1(Interval(0.0, 0.0), Status.OPTIMAL, witness, 0.0)
