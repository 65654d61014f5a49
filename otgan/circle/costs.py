"""Points on a circle, and the costs between them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from otgan.checks import FloatArray
from otgan.costs import SMALLEST, Index
from otgan.errors import InvalidShapeError, InvalidValueError
from otgan.exact import sum_error
from otgan.metrics import UNIT


@dataclass(frozen=True, eq=False)
class CircleCosts:
    """Costs d(x_i, y_j)^p on a circle, d being the length of the shorter arc.

    Attributes:
        x: Source points, (n,), which with those of y lie in one half-open arc as long as the circle.
        y: Target points, (m,).
        period: Length of the circle.
        p: Exponent, p ≥ 1.
    """

    x: FloatArray
    y: FloatArray
    period: float
    p: float

    @property
    def shape(self) -> tuple[int, int]:
        """Number of source and of target points."""
        return len(self.x), len(self.y)

    @property
    def scale(self) -> float:
        """The cost of half the circle."""
        return float((self.period / 2) ** self.p)

    @property
    def relative_error(self) -> float:
        """|computed − true| ≤ relative_error · true + absolute_error."""
        return (3 * self.p + 8) * UNIT

    @property
    def absolute_error(self) -> float:
        """See `relative_error`; in units of the cost."""
        return SMALLEST

    def block(self, rows: Index, columns: Index) -> FloatArray:
        """Dense costs between some source and some target points, (len(rows), len(columns))."""
        return self._costs(self.x[rows][:, None], self.y[columns][None, :])

    def at(self, rows: Index, columns: Index) -> FloatArray:
        """Costs of single pairs, (k,)."""
        return self._costs(self.x[rows], self.y[columns])

    def _costs(self, x: FloatArray, y: FloatArray) -> FloatArray:
        way, lost = x - y, sum_error(x, -y)
        # Where the other way round is short, the first difference is exact, and what the second lost is put back.
        around = (self.period - abs(way)) - np.copysign(lost, lost * way)
        return np.asarray(np.minimum(abs(way), around) ** self.p)


def places(x: FloatArray, y: FloatArray, *, period: float, p: float) -> tuple[CircleCosts, float]:
    """Costs between points brought into one arc as long as the circle, and how far that has moved them at the most."""
    for name, points in (("x", x), ("y", y)):
        check_one_column(name, points)
    if abs(p * math.log10(period)) > 250:
        raise InvalidValueError(
            "period", f"have a power p = {p:g} that fits float64 (1e-250 to 1e250)", period, "change the unit of length"
        )
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    # Points that lie in one arc stay as they are; the difference is rounded, but to nearest, which is monotone.
    if high / 2 - low / 2 < period / 2 and high - low < period:
        return CircleCosts(x[:, 0], y[:, 0], period, p), 0.0
    (x, of_x), (y, of_y) = _reduced(x[:, 0], period), _reduced(y[:, 0], period)
    return CircleCosts(x, y, period, p), of_x + of_y


def _reduced(points: FloatArray, period: float) -> tuple[FloatArray, float]:
    """Points in [0, period), and how far rounding has moved one of them at the most."""
    rest = np.fmod(points, period)  # exact
    turned = np.where(rest < 0, rest + period, rest)
    lost = np.where(rest < 0, abs(sum_error(rest, np.full_like(rest, period))), 0.0)
    return np.where(turned < period, turned, 0.0), float(lost.max())


def check_one_column(name: str, points: FloatArray) -> None:
    """Refuse points with more than one coordinate.

    Raises:
        InvalidShapeError: Then.
    """
    if points.shape[1] != 1:
        raise InvalidShapeError(
            name, "have one coordinate, the length along the circle", f"shape {points.shape}", "give shape (n,)"
        )
