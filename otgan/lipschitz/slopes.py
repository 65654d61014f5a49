"""The slope between two points, rounded downward: a lower bound of a Lipschitz constant that is proven."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from otgan.checks import FloatArray
from otgan.lipschitz.chain import Chain
from otgan.lipschitz.enclosures import U, is_moderate, value_bounds
from otgan.lipschitz.integers import IntegerChain

#: Weights of a network beyond which integers take seconds, and intervals must do.
LARGEST = 2**21

Slope = Callable[[FloatArray, FloatArray], float]


def proven_slope(chain: Chain) -> Slope:
    """A function of two points, (d,) each, that gives at most |f(x) − f(x')| / ‖x − x'‖; 0 if they are one.

    Piecewise linear chains of ordinary size are evaluated in integers. All others are
    enclosed in intervals whose rounding is bounded.
    """
    if chain.piecewise_linear and sum(stage.weight.size for stage in chain.stages) <= LARGEST:
        return IntegerChain(chain).slope
    return lambda x, x_other: _enclosed_slope(chain, np.stack([x, x_other]))


def _enclosed_slope(chain: Chain, points: FloatArray) -> float:
    if not is_moderate(chain, (points - chain.centre) / chain.scale):
        return 0.0
    low, high = value_bounds(chain, points)
    rise = max(float(low[0] - high[1]), float(low[1] - high[0]), 0.0)
    run = float(np.linalg.norm(points[0] - points[1]))
    if not (rise > 0 and run > 0 and math.isfinite(rise)):
        return 0.0
    # Differences of coordinates, their squares, the sum, the root, the quotient: (d + 8) u at most; the last is rise's.
    return rise / run * (1 - 2 * (chain.dim + 12) * U)
