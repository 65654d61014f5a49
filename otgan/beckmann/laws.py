"""What a grid needs of a law in the plane, and how the laws of this package give it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np

from otgan.beckmann.grid import Grid, NetMass
from otgan.beckmann.parts import Box, Curve, Normal, Part
from otgan.beckmann.products import Products, weigh
from otgan.checks import FloatArray
from otgan.errors import InvalidShapeError, InvalidTypeError
from otgan.measures import DiscreteMeasure, Gaussian, GaussianMixture, Measure, Uniform
from otgan.measures.shapes import Block, ShapeMeasure, Spiral


class Law(Protocol):
    """A law in the plane that can be weighed on any grid."""

    @property
    def kind(self) -> str:
        """What a bracket that rests on its weights may call itself; see `otgan.Interval`."""

    def extent(self) -> tuple[FloatArray, FloatArray]:
        """Lower and upper corner of a box worth looking at, (2,) each."""

    def placed(self, centre: FloatArray, unit: float) -> Self:
        """The same law around another origin, in another unit of length."""

    def weigh(self, grid: Grid) -> NetMass:
        """What it weighs on a grid, and bounds of what the grid forgets of it."""


@dataclass(frozen=True)
class Mixture:
    """A mixture of parts that are known in closed form.

    Attributes:
        parts: The parts; their masses sum to one, or to less where what two laws share was taken out of both.
        kind: "proven".
    """

    parts: tuple[Part, ...]
    kind: str = "proven"

    def extent(self) -> tuple[FloatArray, FloatArray]:
        """A box with every part in reach."""
        return box_of([part.extent() for part in self.parts])

    def placed(self, centre: FloatArray, unit: float) -> Mixture:
        """See `Law`."""
        return Mixture(tuple(part.placed(centre, unit) for part in self.parts))

    def weigh(self, grid: Grid) -> NetMass:
        """See `Law`."""
        groups, blurs = zip(*(part.pieces(grid.h) for part in self.parts), strict=True)
        net = weigh(Products.joined(list(groups)), grid)
        return replace(net, blur=net.blur + math.fsum(blurs))


def mixture(name: str, measure: Measure) -> Mixture:
    """Read a measure in the plane.

    Raises:
        InvalidShapeError: If it is not in the plane.
        InvalidTypeError: If nothing but samples is known of it.
    """
    if measure.dim != 2:
        raise InvalidShapeError(
            name,
            "be a measure on the line or in the plane, like the other",
            f"dimension {measure.dim}",
            "project both to two axes, or take one of otgan.pairs, whose W1 is known in any dimension",
        )
    if isinstance(measure, GaussianMixture):
        parts = zip(measure.weights.tolist(), measure.components, strict=True)
        return Mixture(tuple(Normal.of(weight, part.mean, part.cov) for weight, part in parts if weight > 0))
    if isinstance(measure, Gaussian):
        return Mixture((Normal.of(1.0, measure.mean, measure.cov),))
    if isinstance(measure, Uniform):
        return Mixture((Box(1.0, _point(measure.low), _point(measure.high)),))
    if isinstance(measure, DiscreteMeasure):
        points = zip(measure.weights.tolist(), measure.points, strict=True)
        return Mixture(tuple(Box(weight, _point(place), _point(place)) for weight, place in points if weight > 0))
    if isinstance(measure, ShapeMeasure):
        return Mixture(tuple(_shape(shape, 1 / len(measure.shapes), measure.noise) for shape in measure.shapes))
    raise InvalidTypeError(
        name,
        "be a law whose masses are known: a Gaussian, GaussianMixture, Uniform or DiscreteMeasure, a toy "
        "distribution of otgan.measures, or an otgan.DensityLaw",
        repr(measure),
        "describe it by a DensityLaw, or draw samples and use otgan.wasserstein, which then speaks of the samples",
    )


def without_common_parts(source: Mixture, target: Mixture) -> tuple[Mixture, Mixture]:
    """Both without the parts that they share: W1 stays what it is, being a norm of the difference."""
    one, other = Counter(source.parts), Counter(target.parts)
    left, right = tuple((one - other).elements()), tuple((other - one).elements())
    if bool(left) != bool(right):  # one is the other and something of no mass, as far as float64 can tell
        return source, target
    return Mixture(left), Mixture(right)


def box_of(extents: list[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
    """The smallest box around several, by lower and upper corner."""
    return np.min([low for low, _ in extents], axis=0), np.max([high for _, high in extents], axis=0)


def _shape(shape: Block | Spiral, weight: float, noise: float) -> Part:
    if isinstance(shape, Block):
        return Box(weight, shape.low, shape.high)
    return Curve(weight, shape, noise)


def _point(place: FloatArray) -> tuple[float, float]:
    return float(place[0]), float(place[1])
