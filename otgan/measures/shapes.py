"""Shapes in the plane that a law can be made of, so that more is known of it than its samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from otgan.checks import FloatArray
from otgan.measures.sampler import Sampler, SamplerMeasure


@dataclass(frozen=True)
class Block:
    """The box [low_1, high_1] × [low_2, high_2], a segment along an axis, or a point.

    Attributes:
        low: Lower corner.
        high: Upper corner.
    """

    low: tuple[float, float]
    high: tuple[float, float]


@dataclass(frozen=True)
class Spiral:
    """The curve centre + (start + growth t)(cos t, sin t), t in an interval: circles, arcs, Archimedes' spirals.

    Attributes:
        centre: Its centre.
        start: Radius at t = 0, in units of length.
        growth: Growth of the radius with t.
        first: Where t begins.
        last: Where t ends.
    """

    centre: tuple[float, float]
    start: float
    growth: float
    first: float
    last: float

    def at(self, t: FloatArray) -> FloatArray:
        """Points of the curve, (k, 2), at t, (k,)."""
        radius = self.start + self.growth * t
        return np.asarray(self.centre + np.column_stack([radius * np.cos(t), radius * np.sin(t)]))


class ShapeMeasure(SamplerMeasure):
    """Shapes in the plane of equal weight, t or the place in a box uniform, with normal noise in each coordinate.

    Args:
        sampler: Function of (n, rng) that draws from this law; the shapes and it must agree.
        shapes: The shapes.
        noise: Standard deviation of the noise; boxes take none.
    """

    def __init__(self, sampler: Sampler, shapes: tuple[Block | Spiral, ...], noise: float = 0.0) -> None:
        super().__init__(sampler, dim=2)
        self.shapes, self.noise = shapes, noise
