"""The c-transform: from one potential to the best other one that is feasible with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray, as_points, as_real_array
from otgan.compiled import compiled
from otgan.costs import Costs, Index, PointCosts, point_costs
from otgan.dual import line
from otgan.errors import InvalidShapeError
from otgan.exact import sum_error
from otgan.metrics import UNIT
from otgan.search import PointTree, boxes_pay

#: Pairs on the line beyond which partners are searched for by monotonicity rather than among all pairs, which is
#: quicker but leaves the rounding of its comparisons in the bracket.
SEARCH = 200_000_000
#: Pairs off the line up to which partners are searched for among all pairs rather than in a tree of boxes.
TREE = 1_000_000
#: Entries of a cost block that are held at a time: 32 MB of float64, a few of which are alive at once.
BLOCK = 4_000_000


def c_transform(g: Any, x: Any, y: Any, *, p: float = 1.0, metric: str = "euclidean") -> FloatArray:
    r"""Smallest cost left over at each source point, $f(x_i) = \min_j c(x_i, y_j) - g_j$.

    The pair (f, g) is dual feasible by construction, so it proves a lower bound on W_p^p; for p = 1 the function
    x -> f(x) is 1-Lipschitz on all of R^d.

    Args:
        g: Potential on the target, (m,), in units of the cost (length^p).
        x: Source points, (n, d) or (n,), in units of length.
        y: Target points, (m, d) or (m,).
        p: Exponent of the distance in the cost, p ≥ 1.
        metric: Name of the metric.

    Returns:
        f, (n,), float64, in units of the cost.

    Raises:
        InvalidShapeError: If x and y differ in d, or g does not have one entry per row of y.
        InvalidInputError: If an argument is not finite and real, or p or metric is out of range.

    Source: Santambrogio (2015), Optimal Transport for Applied Mathematicians, Def. 1.10.

    >>> c_transform([0.0, 0.0], [0.0, 1.0, 5.0], [1.0, 3.0])
    array([1., 0., 2.])
    """
    costs = point_costs(as_points("x", x), as_points("y", y), metric=metric, p=p)
    potential = as_real_array("g", g)
    if potential.shape != (costs.shape[1],):
        raise InvalidShapeError(
            "g", f"have shape ({costs.shape[1]},)", f"shape {potential.shape}", "give one entry per row of y"
        )
    return transform_to_rows(costs, potential)


def transform_to_rows(costs: Costs, g: FloatArray) -> FloatArray:
    """f_i = min_j c_ij − g_j at every source point, (n,)."""
    n, m = costs.shape
    if isinstance(costs, PointCosts) and costs.on_line:
        if costs.p == 1:
            return line.transform(costs.x[:, 0], costs.y[:, 0], g)
        if n * m > SEARCH:
            best, _ = line.best_partners(costs.x[:, 0], costs.y[:, 0], g, costs.p)
            return costs.at(np.arange(n), best) - g[best]
    elif isinstance(costs, PointCosts) and n * m > TREE and boxes_pay(costs, n * m):
        x, y, _ = costs.scaled
        return PointTree(y, costs).search(x, -g)[0][:, 0]
    f = np.empty(n)
    step = max(1, BLOCK // m)
    for start in range(0, n, step):
        rows = slice(start, start + step)
        f[rows] = (costs.block(rows, slice(None)) - g).min(axis=1)
    return f


def transform_to_columns(costs: Costs, f: FloatArray) -> FloatArray:
    """g_j = min_i c_ij − f_i at every target point, (m,)."""
    n, m = costs.shape
    if isinstance(costs, PointCosts) and costs.on_line:
        if costs.p == 1:
            return line.transform(costs.y[:, 0], costs.x[:, 0], f)
        if n * m > SEARCH:
            best, _ = line.best_partners(costs.y[:, 0], costs.x[:, 0], f, costs.p)
            return costs.at(best, np.arange(m)) - f[best]
    elif isinstance(costs, PointCosts) and n * m > TREE and boxes_pay(costs, n * m):
        x, y, _ = costs.scaled
        return PointTree(x, costs).search(y, -f)[0][:, 0]
    g = np.empty(m)
    step = max(1, BLOCK // n)
    for start in range(0, m, step):
        columns = slice(start, start + step)
        g[columns] = (costs.block(slice(None), columns) - f[:, None]).min(axis=0)
    return g


def proven_transform(
    costs: Costs, potential: FloatArray, given: Index, wanted: Index, *, to_rows: bool
) -> tuple[FloatArray, FloatArray]:
    r"""A c-transform between some points that is feasible for the true costs, not only for the computed ones.

    Costs are lowered by the bound of their rounding error; after that the arithmetic is exact. Rounding to nearest is
    monotone, so the smallest exact difference is among the entries whose rounded difference is smallest, and there
    the part that rounding lost is known, as in `sum_error`.

    Args:
        costs: Costs.
        potential: Potential on one side, at the points `given`.
        given: Indices on that side.
        wanted: Indices on the other side.
        to_rows: Whether the other side is the source.

    Returns:
        (high, low), each (len(wanted),): the transform at `wanted` is high + low exactly.
    """
    size = costs.shape[0] if to_rows else costs.shape[1]
    index = np.arange(size)[wanted]
    pairs = len(index) * len(potential)
    if isinstance(costs, PointCosts) and costs.on_line and pairs > SEARCH:
        return _proven_on_line(costs, potential, given, index, to_rows=to_rows)
    if isinstance(costs, PointCosts) and not costs.on_line and pairs > TREE and boxes_pay(costs, pairs):
        return _proven_in_tree(costs, potential, given, index, to_rows=to_rows)
    high, low = np.empty(len(index)), np.empty(len(index))
    step = max(1, BLOCK // max(1, len(potential)))
    keep, less = (_keep(costs), costs.absolute_error) if costs.relative_error else (1.0, 0.0)
    for start in range(0, len(index), step):
        part = slice(start, start + step)
        block = costs.block(index[part], given).T if to_rows else costs.block(given, index[part])
        _least_differences(np.ascontiguousarray(block), potential, keep, less, high[part], low[part])
    return high, low


@compiled
def _least_differences(
    block: FloatArray, potential: FloatArray, keep: float, less: float, high: FloatArray, low: FloatArray
) -> None:
    """For each column the smallest lowered cost less potential: rounded, and the most that its rounding has added."""
    high[:], low[:] = np.inf, np.inf
    for i in range(block.shape[0]):
        for j in range(block.shape[1]):
            cost = max(block[i, j] * keep - less, 0.0)
            value = cost - potential[i]
            if value <= high[j]:
                moved = value - cost
                lost = (cost - (value - moved)) - (potential[i] + moved)
                low[j] = lost if value < high[j] else min(lost, low[j])
                high[j] = value


def _proven_on_line(
    costs: PointCosts, potential: FloatArray, given: Index, index: NDArray[np.intp], *, to_rows: bool
) -> tuple[FloatArray, FloatArray]:
    """`proven_transform` from the partners that a search by monotonicity finds, less what rounding may have hidden."""
    here, there = (costs.y, costs.x) if to_rows else (costs.x, costs.y)
    best, levels = line.best_partners(there[index, 0], here[given, 0], potential, costs.p)
    partner = np.arange(len(here))[given][best]
    found = costs.at(index, partner) if to_rows else costs.at(partner, index)
    lowered = np.maximum(found * _keep(costs) - costs.absolute_error, 0.0)
    high = lowered - potential[best]
    # A rounded comparison may prefer a partner that is worse by twice the rounding of a value. Each level of the
    # search compares once more, and what an earlier one gave up was, by monotonicity, no better than what it kept.
    # Only costs that a potential can make up for compete: up to the largest minimum plus the largest potential.
    largest = float((found - potential[best]).max() + potential.max())
    rounding = 2 * (costs.relative_error + 2 * UNIT) * (abs(largest) + abs(potential).max()) + costs.absolute_error
    return high, sum_error(lowered, -potential[best]) - 2 * (levels + 1) * rounding


def _keep(costs: Costs) -> float:
    """What is left of a cost when its relative error, and the roundings of lowering it, are off.

    The factor, the product with it, and the difference from what else is subtracted round by u / 2, u and u.
    """
    return 1 - costs.relative_error - 3 * UNIT


def _proven_in_tree(
    costs: PointCosts, potential: FloatArray, given: Index, index: NDArray[np.intp], *, to_rows: bool
) -> tuple[FloatArray, FloatArray]:
    """`proven_transform` by a search that passes over boxes only where no point of theirs can come first."""
    x, y, _ = costs.scaled
    here, there = (y, x) if to_rows else (x, y)
    keep, less = _keep(costs), costs.absolute_error
    sums, _ = PointTree(here[given], costs).search(there[index], -potential, keep=keep, less=less)
    smallest = sums[:, 0]
    # Rounding to nearest is monotone: no exact difference lies further below its rounded value, the smallest one, than
    # half an ulp of that. Which differences are tied there, and what they lost, is not looked into.
    return smallest, -(UNIT * (1 + 4 * UNIT)) * abs(smallest)
