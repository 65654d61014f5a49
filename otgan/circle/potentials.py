"""Potentials on the circle: those of the line, with every point also a turn before and a turn after."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_points
from otgan.circle.costs import CircleCosts, check_one_column
from otgan.dual import line
from otgan.dual.potentials import Potentials


class CirclePotentials(Potentials):
    """A feasible pair on the circle, each the other's c-transform, made when somebody asks for it.

    Args:
        costs: Costs.
        start: Gives a potential at the target points, (m,); −∞ at points that have none.
    """

    costs: CircleCosts
    start: Callable[[], FloatArray]

    def __init__(self, costs: CircleCosts, start: Callable[[], FloatArray]) -> None:
        self.__dict__.update(costs=costs, start=start)  # the class is frozen

    @property
    def f(self) -> FloatArray:
        """Potential at the source points, (n,), in units of the cost."""
        return self._pair[0]

    @property
    def g(self) -> FloatArray:
        """Potential at the target points, (m,), in units of the cost."""
        return self._pair[1]

    def __call__(self, points: Any) -> FloatArray:
        """Evaluate f anywhere on the circle.

        Args:
            points: (k,) or (k, 1), modulo the period.

        Returns:
            (k,), in units of the cost.

        Raises:
            InvalidShapeError: If the points have more than one coordinate.
        """
        where = as_points("points", points)
        check_one_column("points", where)
        start = min(self.costs.x.min(), self.costs.y.min())
        z = start + np.mod(where[:, 0] - start, self.costs.period)
        return _transform(z, self.costs.y, self.g, self.costs)

    @cached_property
    def _pair(self) -> tuple[FloatArray, FloatArray]:
        costs = self.costs
        f = _transform(costs.x, costs.y, self.start(), costs)
        g = _transform(costs.y, costs.x, f, costs)
        return _transform(costs.x, costs.y, g, costs), g


def _transform(points: FloatArray, y: FloatArray, g: FloatArray, costs: CircleCosts) -> FloatArray:
    """min_j c(z, y_j) − g_j: that of the line, with each y also a turn before and a turn after."""
    unrolled, values = np.concatenate([y - costs.period, y, y + costs.period]), np.tile(g, 3)
    if costs.p == 1:
        return line.transform(points, unrolled, values)
    best = line.best_partners(points, unrolled, values, costs.p)[0] % len(y)
    return CircleCosts(points, y, costs.period, costs.p).at(np.arange(len(points)), best) - g[best]
