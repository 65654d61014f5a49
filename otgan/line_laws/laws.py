r"""Laws on the line as mixtures of points, segments and normal laws, with everything about them in closed form.

Distribution functions are called F and G, upper tails 1 − F are computed for themselves (they would cancel), and the
integrated distribution function is $H(t) = \int_{-\infty}^t F = E (t - X)^+$: for a normal law
$\sigma (z \Phi(z) + \varphi(z))$ with z = (t − μ)/σ, for a segment a parabola, for a point a ramp.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from scipy.special import ndtr

from otgan.checks import FloatArray
from otgan.costs import rows_per_chunk
from otgan.errors import InvalidShapeError, InvalidTypeError
from otgan.measures import DiscreteMeasure, Gaussian, GaussianMixture, Measure, Uniform

#: Relative error allowed for Φ, and for H relative to σ + |t − μ|. Cephes, whose code scipy runs, reports 3.4e-14 at
#: most for Φ on [−13, 0]; rounding of z adds z² 2⁻⁵², below 2e-14 within `REACH`; sums add a few 2⁻⁵³.
ACCURACY = 1e-13
#: Standard deviations to each side of a normal law that are looked at; the mass beyond is below 3e-19.
REACH = 9.0
#: Cells between the mean and `REACH` to begin with; more are made where they are needed.
STEPS = 18


class LineLaw:
    """A mixture of points, segments (uniform laws) and normal laws on the line.

    Args:
        points: Places and masses of the points, (2, k).
        segments: Lower ends, upper ends and masses of the segments, (3, k).
        normals: Means, standard deviations and masses of the normal laws, (3, k).
    """

    def __init__(self, points: FloatArray, segments: FloatArray, normals: FloatArray) -> None:
        order = np.argsort(points[0], kind="stable")
        self._middle = float(np.median(points[0])) if points.size else 0.0
        self.places, self.masses = points[0][order], points[1][order]
        self.low, self.high, self.segment_masses = segments
        self.means, self.stds, self.normal_masses = normals
        self.smooth = len(self.low) + len(self.means)

    @classmethod
    def of(cls, name: str, measure: Measure) -> LineLaw:
        """Read a measure on the line.

        Raises:
            InvalidTypeError: If its kind has no distribution function that is known in closed form.
            InvalidShapeError: If it does not live on the line.
        """
        if measure.dim != 1:
            raise InvalidShapeError(name, "live on the line (dim 1)", f"dim {measure.dim}", "project it first")
        nothing2, nothing3 = np.empty((2, 0)), np.empty((3, 0))
        if isinstance(measure, DiscreteMeasure):
            kept = measure.weights > 0
            return cls(np.array([measure.points[kept, 0], measure.weights[kept]]), nothing3, nothing3)
        if isinstance(measure, Uniform):
            return cls(nothing2, np.array([measure.low, measure.high, [1.0]]), nothing3)
        if isinstance(measure, Gaussian | GaussianMixture):
            parts = measure.components if isinstance(measure, GaussianMixture) else (measure,)
            masses = measure.weights if isinstance(measure, GaussianMixture) else np.ones(1)
            table = np.array([[part.mean[0], math.sqrt(max(0.0, part.cov[0, 0])), w]
                              for part, w in zip(parts, masses, strict=True) if w > 0]).T  # fmt: skip
            degenerate = table[1] == 0
            return cls(table[::2, degenerate], nothing3, table[:, ~degenerate])
        raise InvalidTypeError(
            name, "be a Gaussian, GaussianMixture, Uniform or DiscreteMeasure", repr(measure),
            "draw points from it and pass otgan.measures.empirical(points)",
        )  # fmt: skip

    @property
    def least(self) -> float:
        """Lower end of the support."""
        if len(self.means):
            return -math.inf
        return float(min(np.append(self.places, self.low)))

    @property
    def components(self) -> int:
        """Number of components."""
        return len(self.places) + self.smooth

    @property
    def only_points(self) -> bool:
        """Whether the law is discrete."""
        return not self.smooth

    def nodes(self) -> FloatArray:
        """Points between which the law is smooth, sorted, from one end of what is looked at to the other."""
        grid = self.means[:, None] + self.stds[:, None] * np.linspace(-REACH, REACH, 2 * STEPS + 1)
        return np.unique(np.concatenate([self.places, self.low, self.high, grid.ravel()]))

    @cached_property
    def _mass_below(self) -> FloatArray:
        return running_sums(self.masses)

    @cached_property
    def _mass_above(self) -> FloatArray:
        return running_sums(self.masses[::-1])[::-1]

    def cdf(self, t: FloatArray, *, left: bool = False) -> FloatArray:
        """F(t), (n,); with `left` the limit F(t−)."""
        total = self._mass_below[np.searchsorted(self.places, t, side="left" if left else "right")]
        return self._add(total, t, upper=False)

    def tail(self, t: FloatArray, *, left: bool = False) -> FloatArray:
        """1 − F(t), (n,); with `left` the limit 1 − F(t−)."""
        total = self._mass_above[np.searchsorted(self.places, t, side="left" if left else "right")]
        return self._add(total, t, upper=True)

    def _add(self, total: FloatArray, t: FloatArray, *, upper: bool) -> FloatArray:
        total = total.copy()
        if not self.smooth:
            return total
        sign = -1.0 if upper else 1.0
        step = rows_per_chunk(self.smooth)
        for k in range(0, len(t), step):
            rows = slice(k, k + step)
            at = t[rows, None]
            total[rows] += ndtr(sign * (at - self.means) / self.stds) @ self.normal_masses
            gone = (self.high - at if upper else at - self.low) / (self.high - self.low)
            total[rows] += np.clip(gone, 0.0, 1.0) @ self.segment_masses
        return total

    def curvature(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """F''(t) where no point or end of a segment lies, (n,), and a bound of its rounding error."""
        value, size = np.zeros(len(t)), np.zeros(len(t))
        for rows in self._chunks(len(t)):
            z = (t[rows, None] - self.means) / self.stds
            bell = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
            value[rows] = -(z * bell) @ (self.normal_masses / self.stds**2)
            size[rows] = ((1 + np.abs(z)) * bell) @ (self.normal_masses / self.stds**2)
        return value, ACCURACY * size

    def most_jerk(self, lo: FloatArray, hi: FloatArray) -> FloatArray:
        r"""Upper bound of the size of F's third derivative inside cells without points or ends of segments, (n,).

        $|\varphi''(z)| = |z^2 - 1| \varphi(z)$ is at most φ(0) everywhere, and falls from |z| = √3 on.
        """
        total = np.zeros(len(lo))
        for rows in self._chunks(len(lo)):
            first, last = ((end[rows, None] - self.means) / self.stds for end in (lo, hi))
            nearest = np.where(first * last <= 0, 0.0, np.minimum(np.abs(first), np.abs(last)))
            steepest = np.where(nearest < math.sqrt(3), 1.0, (nearest**2 - 1) * np.exp(-(nearest**2) / 2))
            total[rows] = steepest @ (self.normal_masses / self.stds**3) / math.sqrt(2 * math.pi)
        return total * (1 + ACCURACY)

    def _chunks(self, n: int) -> Iterator[slice]:
        """Slices of n rows for tables with a column for each normal law; none without such laws."""
        step = rows_per_chunk(len(self.means))
        return (slice(k, k + step) for k in range(0, n if len(self.means) else 0, step))

    def integral(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """H(t) = E (t − X)⁺, and a bound of its rounding error; both (n,)."""
        value, scale = np.zeros(len(t)), np.zeros(len(t))
        step = rows_per_chunk(self.smooth)
        for k in range(0, len(t) if self.smooth else 0, step):
            rows = slice(k, k + step)
            at = t[rows, None]
            z = (at - self.means) / self.stds
            bell = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
            value[rows] += (z * ndtr(z) + bell) @ (self.normal_masses * self.stds)
            scale[rows] += (1 + np.abs(z)) @ (self.normal_masses * self.stds)
            inside = np.clip(at, self.low, self.high)
            ramps = (inside - self.low) ** 2 / (2 * (self.high - self.low)) + np.maximum(at - self.high, 0.0)
            value[rows] += ramps @ self.segment_masses
            scale[rows] += ramps @ self.segment_masses
        if len(self.places):  # sums of ramps by cumulated moments: there may be as many places as points asked for
            moments = (self.places - self._middle) * self.masses
            below = np.searchsorted(self.places, t, side="right")
            arm = t - self._middle
            value += arm * self._mass_below[below] - running_sums(moments)[below]
            scale += np.abs(arm) * self._mass_below[below] + running_sums(np.abs(moments))[below]
        return value, (ACCURACY + 2 * self.smooth * 2.0**-53) * scale

    def mean(self, centre: float) -> tuple[float, float]:
        """E X − centre, and a bound of its rounding error."""
        middles = (self.low - centre) / 2 + (self.high - centre) / 2
        terms = np.concatenate(
            [
                (self.places - centre) * self.masses,
                middles * self.segment_masses,
                (self.means - centre) * self.normal_masses,
            ]
        )
        return math.fsum(terms), ACCURACY * math.fsum(np.abs(terms))

    def quantile(self, below: FloatArray, above: FloatArray) -> FloatArray:
        """The smallest t with F(t) ≥ u, (n,), by bisection down to neighbouring floats.

        Args:
            below: u in (0, 1), (n,).
            above: 1 − u, (n,), which is what counts in the upper half, where u has lost its digits.
        """
        if self.only_points:
            first = np.searchsorted(self._mass_below[1:], below)
            return self.places[np.minimum(first, len(self.places) - 1)]
        ends = self.nodes()
        width = ends[-1] - ends[0]
        lo, hi = np.full(len(below), ends[0] - width), np.full(len(below), ends[-1] + width)
        lower_half = below < 0.5
        while True:
            middle = lo + (hi - lo) / 2
            open_ = (middle > lo) & (middle < hi)
            if not open_.any():
                return hi
            reached = np.where(lower_half, self.cdf(middle) >= below, self.tail(middle) <= above)
            hi = np.where(open_ & reached, middle, hi)
            lo = np.where(open_ & ~reached, middle, lo)


def running_sums(values: FloatArray) -> FloatArray:
    """0 and the sums of the first 1, 2, … values, (n + 1,), each rounded about once (Neumaier's compensation)."""
    sums, total, lost = [0.0], 0.0, 0.0
    for value in values.tolist():
        following = total + value
        lost += (total - following) + value if abs(total) >= abs(value) else (value - following) + total
        total = following
        sums.append(total + lost)
    return np.array(sums)


def cancelled(one: LineLaw, other: LineLaw) -> tuple[LineLaw, LineLaw]:
    """The two laws without the parts that they share: F − G stays what it is, and loses no digits to them.

    Only parts of equal mass go: the difference of two masses would carry the rounding errors of both.
    """
    kept: tuple[list[FloatArray], list[FloatArray]] = [], []
    for names in (("places", "masses"), ("low", "high", "segment_masses"), ("means", "stds", "normal_masses")):
        rows = [Counter(zip(*(getattr(law, name).tolist() for name in names), strict=True)) for law in (one, other)]
        for side, rest in zip(kept, (rows[0] - rows[1], rows[1] - rows[0]), strict=True):
            side.append(np.array(list(rest.elements())).reshape(-1, len(names)).T)
    return LineLaw(*kept[0]), LineLaw(*kept[1])
