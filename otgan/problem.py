"""The transport problem: validated once, so that nothing below it checks again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray, as_points, as_weights
from otgan.costs import Costs, PointCosts, matrix_costs, need_points, point_costs
from otgan.coupling import northwest
from otgan.masses import Masses, WeightMasses
from otgan.measures.discrete import DiscreteMeasure


@dataclass(frozen=True, eq=False)
class OTProblem:
    """Move the source's mass to the target at the smallest cost.

    Attributes:
        costs: Costs between source and target points.
        masses: The two measures exactly, as integers over a common denominator.
    """

    costs: Costs
    masses: Masses

    @property
    def shape(self) -> tuple[int, int]:
        """Number of source and of target points."""
        return self.costs.shape

    @cached_property
    def a(self) -> FloatArray:
        """Source weights, (n,), summing to one."""
        return self.masses.floats(self.masses.a)

    @cached_property
    def b(self) -> FloatArray:
        """Target weights, (m,), summing to one."""
        return self.masses.floats(self.masses.b)

    @property
    def is_w1(self) -> bool:
        """Whether this is W1 for a metric: then only the difference of the two measures matters."""
        return isinstance(self.costs, PointCosts) and self.costs.p == 1

    @cached_property
    def common_mass(self) -> Cancelled:
        """The mass that both sides have at the same places, and what is left without it; see `cancel_common_mass`."""
        return cancel_common_mass(self)

    @property
    def on_line(self) -> bool:
        """Whether the points lie on the real line."""
        return isinstance(self.costs, PointCosts) and self.costs.on_line


def problem_from_points(
    x: Any, y: Any, a: Any = None, b: Any = None, *, p: float = 1.0, metric: str = "euclidean"
) -> OTProblem:
    """Read points and weights as users give them.

    Args:
        x: Source points, (n, d) or (n,), or a `DiscreteMeasure`, which brings its weights.
        y: Target points, (m, d) or (m,), or a `DiscreteMeasure`.
        a: Source weights, (n,); None for equal ones.
        b: Target weights, (m,); None for equal ones.
        p: Exponent of the distance in the cost.
        metric: Name of the metric.

    Raises:
        InvalidInputError: One of its kinds, naming the argument and the rule that it breaks.
    """
    source, raw_a = read_side("x", x, "a", a)
    target, raw_b = read_side("y", y, "b", b)
    return OTProblem(point_costs(source, target, metric=metric, p=p), WeightMasses(raw_a, raw_b))


def read_side(name: str, points: Any, weights_name: str, weights: Any) -> tuple[FloatArray, FloatArray]:
    """Read one side: its points, (n, d), and its weights as given, (n,); both are the caller's no more.

    Raises:
        InvalidInputError: One of its kinds, naming the argument and the rule that it breaks.
    """
    if isinstance(points, DiscreteMeasure):
        if weights is None:
            return points.points, points.raw_weights
        points = points.points
    array = as_points(name, points).copy()  # a caller who reuses the buffer must not change the problem
    if weights is None:  # a view of one number, which says by itself that they are equal
        return array, np.broadcast_to(1.0, len(array))
    return array, as_weights(weights_name, weights, len(array), points=f"rows of {name}").copy()


def problem_from_matrix(cost_matrix: Any, a: Any = None, b: Any = None) -> OTProblem:
    """Read a cost matrix and weights as users give them.

    Raises:
        InvalidInputError: One of its kinds, naming the argument and the rule that it breaks.
    """
    costs = matrix_costs(cost_matrix)
    n, m = costs.shape
    weights = (
        as_weights("a", a, n, points="rows of cost_matrix"),
        as_weights("b", b, m, points="columns of cost_matrix"),
    )
    return OTProblem(costs, WeightMasses(*weights))


@dataclass(frozen=True, eq=False)
class Cancelled:
    """A W1 problem after the mass that both sides have at the same places has been left there.

    Attributes:
        rows: Source indices of the mass that stays.
        columns: Target indices of the mass that stays.
        stay: How much stays, integers over the problem's total.
        rest_a: What is left to move from each source point, (n,), integers over the problem's total.
        rest_b: What is left to arrive at each target point, (m,), with the same sum.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    stay: NDArray[Any]
    rest_a: NDArray[Any]
    rest_b: NDArray[Any]


def cancel_common_mass(problem: OTProblem) -> Cancelled:
    """Leave the mass that both sides share where it is, which is optimal for W1; for other costs nothing is shared.

    W1 depends on the difference of the two measures alone (Villani 2003, Topics in Optimal Transportation,
    Thm 1.14, the Kantorovich-Rubinstein theorem); what is shared would otherwise enter with its rounding errors.
    """
    masses = problem.masses
    rest_a, rest_b = masses.a.copy(), masses.b.copy()
    nowhere = np.empty(0, dtype=np.intp)
    arcs = [(nowhere, nowhere, masses.a[:0])]
    if problem.is_w1:
        costs = need_points(problem.costs, "W1")
        for here, there in _shared_places(costs.x, costs.y):
            rows, columns, stay = northwest(masses.a[here], masses.b[there])
            rows, columns = here[rows], there[columns]
            np.subtract.at(rest_a, rows, stay)
            np.subtract.at(rest_b, columns, stay)
            arcs.append((rows, columns, stay))
    rows, columns, stay = (np.concatenate(part) for part in zip(*arcs, strict=True))
    return Cancelled(rows, columns, stay, rest_a, rest_b)


def _shared_places(x: FloatArray, y: FloatArray) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Source and target indices at each place where both have points."""
    # Most samples share nothing, and one sorted coordinate shows it.
    along = np.sort(np.concatenate([x[:, 0], y[:, 0]]))
    if not (along[1:] == along[:-1]).any():
        return []
    shared = np.intersect1d(x[:, 0], y[:, 0])
    near_x = np.flatnonzero(np.isin(x[:, 0], shared))
    near_y = np.flatnonzero(np.isin(y[:, 0], shared))
    at: dict[bytes, tuple[list[int], list[int]]] = {}
    for side, points, index in ((0, x, near_x), (1, y, near_y)):
        rows = points[index] + 0.0  # so that −0 and 0 have the same bytes
        for k, row in zip(index.tolist(), rows, strict=True):
            at.setdefault(row.tobytes(), ([], []))[side].append(k)
    return [(np.array(here), np.array(there)) for here, there in at.values() if here and there]
