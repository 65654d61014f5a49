r"""What a smoothed plan proves about the distance that is not smoothed: an upper bound, without the plan being stored.

Altschuler, Weed and Rigollet (2017), Near-linear time approximation algorithms for optimal transport via Sinkhorn
iteration, round a plan to exact marginals: columns are cut to what they may hold, and what rows and columns then lack
is sent from all to all, in proportion. The cost of the result is a sum over pairs, so one more pass finds it. That pass
reports the sums of the entries that it has itself rounded to floats; what they miss, by rounding, is moved at the
largest cost at most.
"""

from __future__ import annotations

import numpy as np

from otgan.checks import FloatArray
from otgan.costs import Costs
from otgan.entropic.kernel import Kernel
from otgan.exact import up
from otgan.metrics import UNIT


def rounded_cost(kernel: Kernel, g: FloatArray, epsilon: float, columns: FloatArray) -> float:
    """A proven upper bound of the optimal cost: that of the plan for g, rounded to exact marginals.

    Args:
        kernel: Costs and weights.
        g: Potential at the targets, (m,).
        epsilon: In units of the cost.
        columns: Column sums of the plan, (m,); they choose the rounding and need not be right.
    """
    costs, a, b = kernel.costs, kernel.a, kernel.b
    n, m = costs.shape
    if not costs.scale:
        return 0.0
    keep = np.minimum(1.0, b / np.maximum(columns, 1e-300))
    missing = np.maximum(0.0, b - columns * keep)
    found = kernel.round(g, epsilon, keep, missing)
    lacking = np.maximum(0.0, a - found.rows)
    lack = float(lacking.sum())
    total = float(missing.sum())
    # Of the product of what rows and what columns lack, as far as both agree; the rest is moved at the largest cost.
    sent = lacking @ found.missing_costs / total * min(1.0, total / lack) if total and lack else 0.0
    apart = abs(b - found.columns - missing).sum() + np.maximum(0.0, found.rows - a).sum() + abs(total - lack)
    # Sums of positive terms in any order round by u a term at most, and weights, products and quotients a few times.
    rounding = 2 * (n + m + 40) * UNIT
    top = costs.scale * (1 + costs.relative_error + rounding) + costs.absolute_error
    carried = (found.cost + sent) * (1 + costs.relative_error + rounding) + costs.absolute_error
    bound = up(float((carried + top * (apart + 2 * rounding)) * (1 + 8 * UNIT)))
    return min(bound, up(top * (1 + 4 * UNIT)))


def smoothed_interval(
    costs: Costs, g: FloatArray, dual: float, slope: FloatArray, epsilon: float
) -> tuple[float, float]:
    r"""Bounds of the smoothed problem's value, from a concave dual: up to rounding, for which an allowance is added.

    $D(g) ≤ \max D ≤ D(g) + \langle b - q, g^* - g \rangle$. A maximiser is a soft c-transform, so it varies by no more
    than the costs do; and b − q sums to zero.

    Args:
        costs: Costs.
        g: Potential at the targets, (m,).
        dual: D(g).
        slope: b − q, (m,).
        epsilon: In units of the cost.
    """
    rounding = 8 * (sum(costs.shape) + 100) * UNIT * (costs.scale + epsilon * 700 + abs(dual))
    more = abs(slope).sum() / 2 * (float(np.ptp(g)) + costs.scale)
    return dual - rounding, dual + more + rounding
