r"""Laws in the plane as parts, each close to a mixture of simple products, by a proven distance.

A law with a leaning covariance, and a curve with noise, are mixtures of simple products with a continuum of terms:
points moved along a line, or along the curve, each with the same normal noise. Cut into K pieces, each collapsed to one
place, they differ in W1 by at most

$$ \sum_k p_k E_k |\gamma(t) - \gamma_k| \quad\text{and}\quad
   \sum_k p_k \tfrac12 \sup |h''| \, \mathrm{Var}_k(t), \qquad h(t) = E f(\gamma(t) + Z), $$

with the worst 1-Lipschitz f: the first by moving all there is, the second by Taylor's formula, where the linear term
vanishes since a piece is collapsed to the mean of its t. With Z normal of covariance D, the second derivative of a
smoothed f in a direction r is at most $|r| \sqrt{2/\pi}\, |D^{-1/2} r|$: one derivative falls on f, which gives |r|,
the other on the normal density, whose derivative along r has that integral.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from scipy.special import ndtr

from otgan.beckmann.axes import TINY
from otgan.beckmann.products import Products
from otgan.checks import FloatArray
from otgan.measures.shapes import Spiral

#: Half the box in standard deviations around each mean. What lies outside is moved to its edge, which costs 1.4e-5
#: standard deviations; twice as much room would cost four times as many cells.
REACH = 4.0
#: Where the pieces of a leaning normal law end and its two tails begin, each collapsed as a whole.
CUT = 5.0
#: No more pieces than this of one part; a coarser cut costs a wider bracket.
MOST_PIECES = 4096

Point = tuple[float, float]


class Part(Protocol):
    """One term of a mixture in the plane; equal parts compare equal, so that what two laws share can be cancelled."""

    def extent(self) -> tuple[FloatArray, FloatArray]:
        """Lower and upper corner of a box worth looking at, (2,) each."""

    def placed(self, centre: FloatArray, unit: float) -> Part:
        """The same part around another origin, in another unit of length."""

    def pieces(self, h: float) -> tuple[Products, float]:
        """Products close to this part, fine enough for cells of side h, and a bound of their W1 to it."""


@dataclass(frozen=True)
class Normal:
    """A normal law as mean + T lean + std Z, with T and the coordinates of Z independent and standard normal.

    Attributes:
        weight: Its mass.
        mean: Its mean.
        std: Standard deviations of the upright part; 0 for a law that is singular.
        lean: What is common to both coordinates; (0, 0) where they are independent.
        doubt: A bound of W1 to the law meant, where rounding has left no better one.
    """

    weight: float
    mean: Point
    std: Point
    lean: Point = (0.0, 0.0)
    doubt: float = 0.0

    @classmethod
    def of(cls, weight: float, mean: FloatArray, cov: FloatArray) -> Normal:
        """From a covariance, (2, 2), singular or not: with the correlation c, the lean takes its share √|c| of both."""
        place = float(mean[0]), float(mean[1])
        sx, sy = (math.sqrt(max(0.0, cov[k, k])) for k in (0, 1))
        if cov[0, 1] == 0:
            return cls(weight, place, (sx, sy))
        correlation = abs(cov[0, 1]) / sx / sy if sx > 0 < sy else math.inf
        if correlation >= 1:  # singular up to rounding, as `Gaussian` reads it: what is negative counts as 0
            values, vectors = np.linalg.eigh(cov)
            along = math.sqrt(values[1]) * vectors[:, 1]
            # An eigenvalue is off by a few units in the last place of the largest, and so is what counted as 0.
            doubt = math.sqrt(16 * 2.0**-53 * values[1])
            return cls(weight, place, (0.0, 0.0), (float(along[0]), float(along[1])), doubt)
        left, sign = 1 - correlation, math.copysign(1.0, cov[0, 1])
        # √left is off by the rounding of the correlation, 8 units of 2⁻⁵³, over its own size; so are both coordinates.
        doubt = (sx + sy) * 8 * 2.0**-53 / math.sqrt(max(left, 8 * 2.0**-53))
        upright, common = math.sqrt(left), math.sqrt(correlation)
        return cls(weight, place, (upright * sx, upright * sy), (common * sx, sign * common * sy), doubt)

    def extent(self) -> tuple[FloatArray, FloatArray]:
        """`REACH` standard deviations to each side."""
        reach = REACH * np.hypot(self.std, self.lean)
        return self.mean - reach, self.mean + reach

    def placed(self, centre: FloatArray, unit: float) -> Normal:
        """See `Part`."""
        return Normal(
            self.weight,
            _moved(self.mean, centre, unit),
            _scaled(self.std, unit),
            _scaled(self.lean, unit),
            self.doubt / unit,
        )

    def pieces(self, h: float) -> tuple[Products, float]:
        """Cut along the lean into intervals of T, each collapsed to its mean."""
        length, std = math.hypot(*self.lean), np.array(self.std)
        if length <= TINY:
            return _normals(np.array([self.weight]), np.array([self.mean]), std), self.weight * self.doubt
        count = min(MOST_PIECES, max(1, math.ceil(2 * CUT * length / h)))
        ends = np.concatenate([[-math.inf], np.linspace(-CUT, CUT, count + 1)[1:-1], [math.inf]])
        bell = np.exp(-(ends**2) / 2) / math.sqrt(2 * math.pi)
        # From the tails on the right, where distribution functions would cancel.
        mass = np.where(ends[:-1] >= 0, ndtr(-ends[:-1]) - ndtr(-ends[1:]), ndtr(ends[1:]) - ndtr(ends[:-1]))
        means = np.clip(-np.diff(bell) / mass, ends[:-1], ends[1:])
        # The variances within the intervals add up to that of T less that between them; each term is rounded.
        variance = max(0.0, 1 - float((mass * means**2).sum())) + (count + 4) * 2.0**-50
        along = np.array(self.lean)
        share = np.divide(along, std, out=np.where(along == 0, 0.0, math.inf), where=std > TINY)
        bend = length * math.sqrt(2 / math.pi) * math.hypot(*share)
        blur = min(length * math.sqrt(variance), bend * variance / 2)
        products = _normals(self.weight * mass, np.array(self.mean) + np.outer(means, self.lean), std)
        return products, self.weight * (blur + self.doubt)


@dataclass(frozen=True)
class Box:
    """The uniform law on a box, a segment along an axis, or a point.

    Attributes:
        weight: Its mass.
        low: Lower corner.
        high: Upper corner.
    """

    weight: float
    low: Point
    high: Point

    def extent(self) -> tuple[FloatArray, FloatArray]:
        """The box itself."""
        return np.array(self.low), np.array(self.high)

    def placed(self, centre: FloatArray, unit: float) -> Box:
        """See `Part`."""
        return Box(self.weight, _moved(self.low, centre, unit), _moved(self.high, centre, unit))

    def pieces(self, h: float) -> tuple[Products, float]:
        """It is a product by itself."""
        low, high = np.array([self.low]), np.array([self.high])
        return Products(np.array([self.weight]), low, high, np.zeros((1, 2))), 0.0


@dataclass(frozen=True)
class Curve:
    """A curve, its parameter t uniform in its interval, plus normal noise.

    Attributes:
        weight: Its mass.
        spiral: The curve.
        noise: Standard deviation of the noise in each coordinate; 0 for none.
    """

    weight: float
    spiral: Spiral
    noise: float

    def extent(self) -> tuple[FloatArray, FloatArray]:
        """Around points of the curve, with room for the noise."""
        curve, reach = self.spiral.at(np.linspace(self.spiral.first, self.spiral.last, 1000)), REACH * self.noise
        return curve.min(axis=0) - reach, curve.max(axis=0) + reach

    def placed(self, centre: FloatArray, unit: float) -> Curve:
        """See `Part`."""
        old = self.spiral
        place = _moved(old.centre, centre, unit)
        spiral = replace(old, centre=place, start=old.start / unit, growth=old.growth / unit)
        return Curve(self.weight, spiral, self.noise / unit)

    def pieces(self, h: float) -> tuple[Products, float]:
        """Cut into equal intervals of t, each collapsed to its middle."""
        curve = self.spiral
        radius = max(abs(curve.start + curve.growth * t) for t in (curve.first, curve.last))
        speed, turn = math.hypot(curve.growth, radius), math.hypot(2 * curve.growth, radius)  # bounds of |γ'|, |γ''|
        count = min(MOST_PIECES, max(1, math.ceil((curve.last - curve.first) * speed / h)))
        width = (curve.last - curve.first) / count
        bend = turn + (speed**2 * math.sqrt(2 / math.pi) / self.noise if self.noise > TINY else math.inf)
        blur = min(speed * width / 4, bend * width**2 / 24)
        middles = curve.at(curve.first + width * (np.arange(count, dtype=np.float64) + 0.5))
        products = _normals(np.full(count, self.weight / count), middles, np.array([self.noise, self.noise]))
        return products, self.weight * blur


def _normals(weights: FloatArray, means: FloatArray, std: FloatArray) -> Products:
    """Normal laws with independent coordinates and the same standard deviations, (2,)."""
    return Products(weights, means, means, np.broadcast_to(std, means.shape))


def _moved(place: Point, centre: FloatArray, unit: float) -> Point:
    return float((place[0] - centre[0]) / unit), float((place[1] - centre[1]) / unit)


def _scaled(lengths: Point, unit: float) -> Point:
    return lengths[0] / unit, lengths[1] / unit
