"""Functions that take float64 and compute in float32 without saying so."""

from __future__ import annotations

import numpy as np

from otgan.checks import FloatArray
from otgan.lipschitz import CriticFunction

#: A change of the points that float64 notices and float32 does not.
TINY = 1e-10


def admit_single_precision(function: CriticFunction, points: FloatArray) -> None:
    """Raise the function's unit roundoff to float32's where it computes in that, whatever type comes out.

    It is told by values that stay the same when the points move by less than float32 can say. Where values at different
    points agree, it is the function that is flat, and nothing is told.

    Args:
        function: The function; its `unit` may be raised.
        points: A few points in general position, (n, d).
    """
    values = function.values(points)
    if 2 * len(np.unique(values)) > len(values):
        same = values == function.values((1 + TINY) * points)
        if same.mean() > 0.5:
            function.unit = max(function.unit, 2.0**-24)
