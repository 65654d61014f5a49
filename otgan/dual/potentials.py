"""A pair of dual potentials, and the function on all of space that it stands for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from otgan.checks import FloatArray, as_points
from otgan.costs import Costs, need_points
from otgan.dual.transform import transform_to_columns, transform_to_rows
from otgan.errors import InvalidShapeError


@dataclass(frozen=True, eq=False)
class Potentials:
    r"""Dual potentials with f_i + g_j ≤ c(x_i, y_j), up to the rounding of that sum.

    Called with points it gives f there: the c-transform extension $f(z) = \min_j c(z, y_j) - g_j$, which agrees
    with f at the source points and, for p = 1, is 1-Lipschitz on all of space in the metric of the problem. f falls
    along the transport.

    Attributes:
        f: Potential at the source points, (n,), in units of the cost.
        g: Potential at the target points, (m,), in units of the cost.
        costs: The costs between the two.
    """

    f: FloatArray
    g: FloatArray
    costs: Costs

    def __call__(self, points: Any) -> FloatArray:
        """Evaluate f at any points.

        Args:
            points: (k, d), or (k,) on the line.

        Returns:
            (k,), in units of the cost.

        Raises:
            NotProvidedError: If the costs came from a matrix.
            InvalidShapeError: If the points have another dimension than the problem.
        """
        costs = need_points(self.costs, "a potential off the sample")
        where = as_points("points", points)
        if where.shape[1] != costs.y.shape[1]:
            raise InvalidShapeError(
                "points",
                f"have the dimension of the problem, {costs.y.shape[1]}",
                f"shape {where.shape}",
                "give points with the same coordinates as x and y",
            )
        return transform_to_rows(costs.to_targets(where), self.g)


class FeasiblePotentials(Potentials):
    """The best feasible pair above a potential on part of the source, made when somebody asks for it.

    Two transforms never lower the dual value and leave f and g each other's c-transform, a third one would give g
    again (Santambrogio 2015, Sec. 1.6); so points without mass, and points off the sample, fit in.

    Args:
        costs: Costs.
        start: Gives the potential, (n,); −∞ at points that have none yet, which get what they are due. Not −∞
            everywhere.
    """

    start: Callable[[], FloatArray]

    def __init__(self, costs: Costs, start: Callable[[], FloatArray]) -> None:
        self.__dict__.update(costs=costs, start=start)  # the class is frozen

    @property
    def f(self) -> FloatArray:
        """Potential at the source points, (n,), in units of the cost."""
        return self._pair[0]

    @property
    def g(self) -> FloatArray:
        """Potential at the target points, (m,), in units of the cost."""
        return self._pair[1]

    @cached_property
    def _pair(self) -> tuple[FloatArray, FloatArray]:
        g = transform_to_columns(self.costs, self.start())
        return transform_to_rows(self.costs, g), g
