"""Ground costs: what it costs to move a unit of mass from a source point to a target point, and how exactly we know it.

A ground cost is $c(x, y) = d(x, y)^p$ for a metric d; d is in units of length, c in units of length^p. For p = 1 the
optimal cost is the Wasserstein-1 distance. Every cost here comes with a bound on the relative error of its floating
point evaluation, so that certificates can be proven in the presence of rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray, as_number, as_real_array
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, MemoryLimitError, NotProvidedError
from otgan.metrics import METRICS, UNIT, Metric

Index = NDArray[np.intp] | slice

#: Underflow may cost this share of the largest cost: squares underflow from 1e-154 downward, and the share leaves
#: room for the sum, the root and the power.
TINY = 1e-140
#: And at least this much, where the largest cost is tiny itself.
SMALLEST = 1e-300


class Costs(Protocol):
    """Costs between n source and m target points, as solvers and certificates see them."""

    @property
    def p(self) -> float:
        """Exponent of the distance in the cost."""
        ...

    @property
    def shape(self) -> tuple[int, int]:
        """Number of source and of target points."""
        ...

    @property
    def scale(self) -> float:
        """An upper estimate of the largest cost."""
        ...

    @property
    def relative_error(self) -> float:
        """|computed − true| ≤ relative_error · true + absolute_error."""
        ...

    @property
    def absolute_error(self) -> float:
        """See `relative_error`; in units of the cost. Pairs at the same point cost exactly 0."""
        ...

    def block(self, rows: Index, columns: Index) -> FloatArray:
        """Dense costs between some source and some target points."""
        ...

    def at(self, rows: Index, columns: Index) -> FloatArray:
        """Costs of single pairs, (k,)."""
        ...


@dataclass(frozen=True, eq=False)
class PointCosts:
    """Costs $d(x_i, y_j)^p$ between points.

    Attributes:
        x: Source points, (n, d).
        y: Target points, (m, d).
        metric: The metric d.
        p: Exponent, p ≥ 1.
    """

    x: FloatArray
    y: FloatArray
    metric: Metric
    p: float = 1.0

    def checked(self) -> PointCosts:
        """The same, once it is known that these are points of the metric's domain whose costs fit float64.

        Raises:
            InvalidShapeError: If x and y differ in d.
            InvalidValueError: If a point lies outside the domain, or the largest cost outside float64's range.
        """
        if self.x.shape[1] != self.y.shape[1]:
            raise InvalidShapeError(
                "y",
                f"have the dimension of x, {self.x.shape[1]}",
                f"dimension {self.y.shape[1]}",
                "give both samples the same columns",
            )
        for name, points in (("x", self.x), ("y", self.y)):
            self.metric.check(name, points)
            largest = max(points.max(), -points.min())
            if largest > 1e300:
                raise InvalidValueError(name, "stay below 1e300 in size", f"{largest:g}", "change the unit of length")
        span = self._span
        if span and not -250 < self.p * math.log10(span) < 250:
            raise InvalidValueError(
                "x and y",
                f"span a length whose power p = {self.p:g} fits float64 (1e-250 to 1e250)",
                f"a span of {span:g}",
                "change the unit of length; W_p changes with it in proportion",
            )
        return self

    @cached_property
    def _span(self) -> float:
        low, high = (
            np.minimum(self.x.min(axis=0), self.y.min(axis=0)),
            np.maximum(self.x.max(axis=0), self.y.max(axis=0)),
        )
        return self.metric.diameter(np.stack([low, high]))

    @cached_property
    def scaled(self) -> tuple[FloatArray, FloatArray, int]:
        """Both samples with differences of ordinary size, so that their squares stay in float64, and the exponent of 2.

        Exact: columns in which all points agree are dropped, and in the others no coordinate is 2^53 times as large
        as the span.
        """
        exponent = math.frexp(self._span)[1]
        if abs(exponent) <= 30 or self.metric.name == "haversine":
            return self.x, self.y, 0
        varies = np.ptp(np.concatenate([self.x, self.y]), axis=0) > 0
        return np.ldexp(self.x * varies, -exponent), np.ldexp(self.y * varies, -exponent), exponent

    @property
    def shape(self) -> tuple[int, int]:
        """Number of source and of target points."""
        return len(self.x), len(self.y)

    @property
    def scale(self) -> float:
        """The diameter of a box around all points, to the power p."""
        return self._span**self.p

    @property
    def relative_error(self) -> float:
        """|computed − true| ≤ relative_error · true + absolute_error."""
        single = self.metric.relative_error(self.x.shape[1])
        return single if self.p == 1 else self.p * single + 8 * UNIT  # the power itself is good to a few ulp

    @cached_property
    def absolute_error(self) -> float:
        """See `relative_error`; in units of the cost."""
        # The derivative of t -> t^p is at most p · span^(p - 1).
        if not self._span:
            return 0.0
        of_metric = self.metric.absolute_error(np.concatenate([self.x, self.y]))
        return self.p * (max(TINY * self.scale, SMALLEST) + self._span ** (self.p - 1) * of_metric)

    def block(self, rows: Index, columns: Index) -> FloatArray:
        """Dense costs between some source and some target points, (len(rows), len(columns))."""
        return self._power(self.metric.pairwise(self.scaled[0][rows], self.scaled[1][columns]))

    def at(self, rows: Index, columns: Index) -> FloatArray:
        """Costs of single pairs, (k,)."""
        return self._power(self.metric.paired(self.scaled[0][rows], self.scaled[1][columns]))

    def coincide(self, rows: Index, columns: Index) -> NDArray[np.bool_]:
        """Whether the points of single pairs are the same, (k,)."""
        return np.asarray((self.x[rows] == self.y[columns]).all(axis=1))

    @property
    def on_line(self) -> bool:
        """Whether the points lie on the real line, where sorting replaces the search over pairs."""
        return self.x.shape[1] == 1

    def to_targets(self, points: FloatArray) -> PointCosts:
        """The costs from other points to the same targets; raises what `checked` does."""
        return PointCosts(points, self.y, self.metric, self.p).checked()

    def _power(self, distances: FloatArray) -> FloatArray:
        if self.scaled[2]:
            distances = np.ldexp(distances, self.scaled[2])
        return distances if self.p == 1 else distances**self.p


@dataclass(frozen=True, eq=False)
class MatrixCosts:
    """Costs from a matrix of the user's own, taken as exact.

    Attributes:
        matrix: Costs, (n, m), finite and not negative.
        p: Always 1: the distance reported is the cost itself.
    """

    matrix: FloatArray
    p: float = 1.0

    def __post_init__(self) -> None:
        if self.matrix.ndim != 2:
            raise InvalidShapeError(
                "cost_matrix", "have shape (n, m)", f"shape {self.matrix.shape}", "give one row per source point"
            )
        if self.matrix.min() < 0:
            raise InvalidValueError(
                "cost_matrix",
                "not be negative",
                f"{self.matrix.min():g}",
                "subtract its minimum; the optimal cost falls by the same constant",
            )
        if self.matrix.max() > 1e250:
            raise InvalidValueError("cost_matrix", "stay below 1e250", f"{self.matrix.max():g}", "change its unit")

    @property
    def shape(self) -> tuple[int, int]:
        """Number of source and of target points."""
        return self.matrix.shape[0], self.matrix.shape[1]

    @cached_property
    def scale(self) -> float:
        """The largest cost."""
        return float(self.matrix.max())

    relative_error = 0.0
    absolute_error = 0.0

    def block(self, rows: Index, columns: Index) -> FloatArray:
        """Costs between some source and some target points."""
        if isinstance(rows, slice) or isinstance(columns, slice):
            return np.array(self.matrix[rows, columns])
        return np.asarray(self.matrix[np.ix_(rows, columns)])

    def at(self, rows: Index, columns: Index) -> FloatArray:
        """Costs of single pairs, (k,)."""
        return np.asarray(self.matrix[rows, columns])


def as_metric(metric: Any) -> Metric:
    """The metric of a name.

    Raises:
        InvalidTypeError: If it is not a name.
        InvalidValueError: If there is none of this name.
    """
    if not isinstance(metric, str):
        raise InvalidTypeError("metric", "be a name", repr(metric), f"choose one of {', '.join(METRICS)}")
    if metric not in METRICS:
        raise InvalidValueError(
            "metric",
            f"be one of {', '.join(METRICS)}",
            repr(metric),
            "for a cost of your own, compute the matrix and call otgan.transport(cost_matrix, a, b)",
        )
    return METRICS[metric]


def point_costs(x: FloatArray, y: FloatArray, *, metric: str = "euclidean", p: float = 1.0) -> PointCosts:
    """Costs between points, from the names users give.

    Raises:
        InvalidTypeError: If the metric is not a name.
        InvalidValueError: If the metric is unknown, p is not in [1, 64], a point lies outside the metric's domain, or
            the largest cost outside float64's range.
        InvalidShapeError: If x and y differ in d.
    """
    return PointCosts(x, y, as_metric(metric), as_number("p", p, low=1, high=64)).checked()


def matrix_costs(cost_matrix: Any) -> MatrixCosts:
    """Costs from a user's matrix.

    Raises:
        InvalidShapeError: If it is not two-dimensional.
        InvalidValueError: If an entry is negative or not finite.
        InvalidTypeError: If entries are not real numbers.
    """
    return MatrixCosts(as_real_array("cost_matrix", cost_matrix))


def need_points(costs: Costs, what: str) -> PointCosts:
    """The costs, if they are between points.

    Raises:
        NotProvidedError: If they come from a matrix, which says nothing about other points.
    """
    if isinstance(costs, PointCosts):
        return costs
    raise NotProvidedError(
        f"{what} needs points, which a cost matrix does not have; use otgan.wasserstein(x, y, metric=...)"
    )


def check_memory(needed: float, limit: float, what: str) -> None:
    """Refuse an allocation before it is made.

    Args:
        needed: Bytes.
        limit: Bytes.
        what: What needs them, for the message.

    Raises:
        MemoryLimitError: If needed > limit.
    """
    if needed > limit:
        raise MemoryLimitError(
            f"{what} needs about {needed / 2**30:.3g} GiB and max_memory is {limit / 2**30:.3g} GiB; "
            f"raise max_memory to {math.ceil(needed)} bytes if you have them (on the command line, in GiB), "
            "or take random sub-samples of the points"
        )


def coordinate_bytes(costs: Costs) -> int:
    """Bytes that a solver's copies of the points take at their peak: some eight floats for each coordinate."""
    return 64 * (costs.x.size + costs.y.size) if isinstance(costs, PointCosts) else 0


def rows_per_chunk(width: int) -> int:
    """How many rows of that width are worked on at once: 2²¹ numbers, 16 MiB, for each temporary array."""
    return max(1, 2**21 // max(1, width))
