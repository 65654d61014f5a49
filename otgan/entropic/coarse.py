"""A start from fewer points: potentials of a sub-sample, carried over to all points by a soft minimum.

Potentials are functions of space that a sub-sample estimates well, so most of the way down in ε is gone at a small part
of the cost; the full problem then needs a few steps at its own ε.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.costs import PointCosts
from otgan.entropic.ascent import LOOSE, Ascent, Passes, ascend
from otgan.entropic.kernel import Kernel
from otgan.solvers.limits import Limits

#: Points of the smaller side from which on a sub-sample pays, and the part of them that it takes, one in so many.
MANY, SHARE = 1000, 4

#: Smallest ε of a sub-sample, as a share of the largest cost over the root of its number of points.
ROUGH = 0.04

Make = Callable[[PointCosts, FloatArray, FloatArray], Passes]


def climb(
    kernel: Passes,
    costs: PointCosts,
    make: Make,
    epsilon: float,
    tol: float,
    limits: Limits,
    *,
    most_entries: float,
    show: Callable[[str], None],
) -> Ascent:
    """Climb on all points, from what part of them tells where there are many.

    Args:
        kernel: Passes over all points.
        costs: Their costs.
        make: Makes passes over some of them.
        epsilon: In units of the cost.
        tol: L1 distance of the column sums from b at which it ends.
        limits: Where to stop, on each set of points.
        most_entries: Entries of the Hessian that may be kept.
        show: Is told how far it is.
    """
    n, m = costs.shape
    if min(n, m) >= MANY:
        show(f"starting from {n // SHARE} points")
        (rows, a), (columns, b) = (_sub_sample(kernel.a, n // SHARE), _sub_sample(kernel.b, m // SHARE))
        part = PointCosts(costs.x[rows], costs.y[columns], costs.metric, costs.p)
        # Below this ε the potentials of a sub-sample are those of its own points, not of space.
        rough = max(epsilon, ROUGH * costs.scale / len(rows) ** 0.5)
        below = climb(
            make(part, a, b), part, make, rough, max(tol, LOOSE), limits, most_entries=most_entries, show=show
        )
        back = Kernel(PointCosts(costs.y, costs.x[rows], costs.metric, costs.p), kernel.b, a, keep=False)

        def start(at: float) -> FloatArray:
            return back.soften(below.found.f, at, 1.0).f

        return ascend(kernel, epsilon, tol, limits, start=start, start_at=rough, most_entries=most_entries, show=show)
    return ascend(kernel, epsilon, tol, limits, start=None, start_at=0.0, most_entries=most_entries, show=show)


def _sub_sample(weights: FloatArray, count: int) -> tuple[NDArray[np.intp], FloatArray]:
    """Points taken by their weights, at even steps through them in random order, and how often each was taken."""
    order = np.random.default_rng(0).permutation(len(weights))
    ends = np.cumsum(weights[order])
    steps = (np.arange(count) + 0.5) * (ends[-1] / count)
    taken, times = np.unique(order[np.minimum(np.searchsorted(ends, steps), len(order) - 1)], return_counts=True)
    return taken, times / count
