"""Nearest points, and balls around points: by boxes in few dimensions, by matrix products in many.

Both ways, and a loop over all pairs, have the same answers to the last bit: a distance is the square root of the
squared differences summed in the order of the coordinates, for the radius of a ball and for what lies in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.quality import by_boxes, by_products

#: Dimensions up to which boxes are quicker: of normal points in 8, both take one time at 2,500 a side, and boxes three
#: fifths of the other's at 10,000.
FEW = 8


def kth_nearest(x: FloatArray, y: FloatArray, k: int) -> FloatArray:
    """Distance from each of n points to the k-th nearest of m, (n,), in units of length.

    Args:
        x: Points, (n, d).
        y: Points, (m, d), m ≥ k. Where it is x itself, the nearest is the point itself, at 0.
        k: From 1.
    """
    ways = by_boxes if x.shape[1] <= FEW else by_products
    return ways.kth_nearest(x, y, k)


def in_balls(
    x: FloatArray, y: FloatArray, of_x: FloatArray, of_y: FloatArray
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Which points of two samples lie in which closed balls around those of the other.

    Args:
        x: Points, (n, d).
        y: Points, (m, d).
        of_x: Radii of the balls around x, (n,).
        of_y: Radii of the balls around y, (m,).

    Returns:
        How many balls around x each y lies in, (m,); whether each x lies in a ball around some y, (n,); and whether
        the ball around each x holds some y, (n,).
    """
    ways = by_boxes if x.shape[1] <= FEW else by_products
    return ways.in_balls(x, y, of_x, of_y)
