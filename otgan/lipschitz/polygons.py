"""Convex polygons in the plane that are cut by lines, with every doubt about rounding settled by integers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray

U = 2.0**-53
#: A coordinate that is not exactly 0 is held to be this far off at least, so that no bound made of it underflows.
LEAST_ERROR = 1e-100
#: Corners less certain than this share of their size are computed in integers.
ROUGH = 1e-10

Triple = tuple[float, float, float]


class Line:
    """The line a x + b y + c = 0.

    Args:
        coefficients: a, b, c as floats.
        errors: How far each is off at most; 0 where it is exact.
        exact: Gives them exactly, all times the same positive number.
    """

    __slots__ = ("_exact", "_make", "coefficients", "errors")

    def __init__(self, coefficients: Triple, errors: Triple, exact: Callable[[], Sequence[int]]) -> None:
        self.coefficients, self.errors, self._make = coefficients, errors, exact
        self._exact: Sequence[int] | None = None

    def exact(self) -> Sequence[int]:
        """The coefficients in integers."""
        if self._exact is None:
            self._exact = self._make()
        return self._exact


class Corner:
    """Where two lines cross.

    Attributes:
        x, y: As floats.
        dx, dy: How far each is off at most; 0 where it is exact.
    """

    __slots__ = ("_exact", "_lines", "dx", "dy", "x", "y")

    def __init__(self, one: Line, other: Line) -> None:
        self._lines = (one, other)
        self._exact: tuple[int, int, int] | None = None
        (a, b, c), (ea, eb, ec) = one.coefficients, one.errors
        (p, q, r), (ep, eq, er) = other.coefficients, other.errors
        det, e_det = _minor(a, b, p, q, ea, eb, ep, eq)
        if abs(det) > 1e-250 and e_det < 1e-3 * abs(det):
            top, e_top = _minor(b, c, q, r, eb, ec, eq, er)
            self.x, self.dx = _quotient(top, e_top, det, e_det)
            top, e_top = _minor(c, a, r, p, ec, ea, er, ep)
            self.y, self.dy = _quotient(top, e_top, det, e_det)
            if max(self.dx, self.dy) <= ROUGH * max(abs(self.x), abs(self.y)):
                return
        X, Y, D = self.exact()
        self.x, self.dx = _rounded(X, D)
        self.y, self.dy = _rounded(Y, D)

    def exact(self) -> tuple[int, int, int]:
        """X, Y and D > 0 with x = X / D and y = Y / D."""
        if self._exact is None:
            (a, b, c), (p, q, r) = self._lines[0].exact(), self._lines[1].exact()
            X, Y, D = b * r - q * c, c * p - r * a, a * q - p * b
            self._exact = (X, Y, D) if D > 0 else (-X, -Y, -D)
        return self._exact

    def side(self, line: Sequence[int]) -> int:
        """On which side of a line it is, exactly: the sign of a x + b y + c."""
        X, Y, D = self.exact()
        value = line[0] * X + line[1] * Y + line[2] * D
        return (value > 0) - (value < 0)


def _minor(a: float, b: float, p: float, q: float, ea: float, eb: float, ep: float, eq: float) -> tuple[float, float]:
    """A q − p b and how far off that is; the roundings of the bound itself are in its constants."""
    error = abs(a) * eq + abs(q) * ea + ea * eq + abs(p) * eb + abs(b) * ep + ep * eb
    return a * q - p * b, 1.001 * error + 4 * U * (abs(a * q) + abs(p * b))


def _quotient(top: float, e_top: float, det: float, e_det: float) -> tuple[float, float]:
    value = top / det
    error = 1.01 * (e_top + abs(value) * e_det) / (abs(det) - e_det) + 2 * U * abs(value)
    return value, max(error, LEAST_ERROR) if value or error else 0.0


def _rounded(top: int, bottom: int) -> tuple[float, float]:
    value = float(Fraction(top, bottom))
    return value, max(2 * U * abs(value), LEAST_ERROR) if top else 0.0


class Polygon:
    """A convex polygon: its corners in turn, and the line from each to the next."""

    __slots__ = ("corners", "edges")

    def __init__(self, corners: list[Corner], edges: list[Line]) -> None:
        self.corners, self.edges = corners, edges

    def split(
        self, signs: Sequence[int], line: Line
    ) -> tuple[tuple[Polygon, list[int]], tuple[Polygon, list[int]], list[tuple[Corner, int]]]:
        """Cut along a line that has corners strictly on both sides.

        Args:
            signs: On which side of the line each corner is.
            line: The line.

        Returns:
            The part on its positive side, then that on its negative side, each with the index of its corners among
            the old ones followed by the new ones; and the new corners, each with the edge on which it lies.
        """
        n = len(self.corners)
        parts: dict[int, tuple[list[int], list[Line]]] = {1: ([], []), -1: ([], [])}
        new: list[tuple[Corner, int]] = []
        for k, here in enumerate(signs):
            there = signs[(k + 1) % n]
            for side, (indices, edges) in parts.items():
                if here != -side:
                    indices.append(k)
                    # From a corner on the line into the other part: this part goes on along the line.
                    edges.append(line if here == 0 and there == -side else self.edges[k])
            if here * there < 0:
                for side, (indices, edges) in parts.items():
                    indices.append(n + len(new))
                    edges.append(line if here == side else self.edges[k])
                new.append((Corner(self.edges[k], line), k))
        corners = [*self.corners, *(corner for corner, _ in new)]
        (above, above_edges), (below, below_edges) = parts[1], parts[-1]
        return (
            (Polygon([corners[k] for k in above], above_edges), above),
            (Polygon([corners[k] for k in below], below_edges), below),
            new,
        )

    def points(self) -> FloatArray:
        """The corners as floats, (k, 2)."""
        return np.array([(corner.x, corner.y) for corner in self.corners])

    def tableau(self, share: float) -> tuple[FloatArray, FloatArray]:
        """Columns (x, y, 1) of the corners, (3, k), and what makes a bound of the rounding in a x + b y + c.

        For coefficients that are off by `share` of their sizes |a|, |b|, |c| at most, the second array times those
        sizes bounds what the computed value is off by, all roundings and the corners' own error included.
        """
        values = np.array([(c.x, c.y, 1.0) for c in self.corners]).T
        errors = np.array([(c.dx, c.dy, 0.0) for c in self.corners]).T
        return values, 1.02 * (share * np.abs(values) + (1 + share) * errors)


def box_polygon(box: FloatArray) -> Polygon:
    """The box, (2, 2), lows and highs."""
    edges = [
        _axis_line(1, box[0, 1]),  # below, from left to right
        _axis_line(0, box[1, 0]),
        _axis_line(1, box[1, 1]),
        _axis_line(0, box[0, 0]),
    ]
    corners = [Corner(edges[k - 1], edges[k]) for k in range(4)]
    return Polygon(corners, edges)


def _axis_line(axis: int, value: float) -> Line:
    numerator, denominator = float(value).as_integer_ratio()
    exact = (denominator, 0, -numerator) if axis == 0 else (0, denominator, -numerator)
    coefficients = (1.0, 0.0, -float(value)) if axis == 0 else (0.0, 1.0, -float(value))
    return Line(coefficients, (0.0, 0.0, 0.0), lambda: exact)


def chord(points: FloatArray, direction: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """The piece of the line through the middle of a convex polygon, (k, 2), that lies inside; None for none."""
    middle = points.mean(axis=0)
    following = np.roll(points, -1, axis=0)
    sides = following - points
    normals = np.stack([-sides[:, 1], sides[:, 0]], axis=1)  # inward, since corners run counter-clockwise
    rates, room = normals @ direction, np.einsum("ij,ij->i", normals, middle - points)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = -room / rates
    ahead, behind = steps[rates < 0], steps[rates > 0]
    if not (len(ahead) and len(behind)):
        return None
    far, near = float(ahead.min()), float(behind.max())
    if not (math.isfinite(far) and math.isfinite(near) and far > near):
        return None
    return middle + far * direction, middle + near * direction


Signs = NDArray[np.int8]
