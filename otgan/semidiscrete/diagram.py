r"""Power diagrams in a convex polygon.

The cell of site j is $\{z : \|z - y_j\|^2 - g_j \le \|z - y_i\|^2 - g_i \ \forall i\}$: the polygon, clipped by one
half-plane for each other site. That is quadratic in the number of sites, short, and without a case that needs general
position.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.compiled import compiled

#: Label of an edge that belongs to the polygon itself.
OUTSIDE = -1


@dataclass(frozen=True, eq=False)
class PowerDiagram:
    """The cells of sites in a convex polygon.

    Attributes:
        areas: Area of each cell, (k,); 0 where it is empty.
        spreads: Integral of ‖z − y_j‖² over each cell, (k,).
        centroids: Centroid of each cell, (k, 2); the site where it is empty.
        starts: Where each cell's corners begin in `corners`, (k + 1,).
        corners: Corners of all cells, counter-clockwise.
        neighbours: The site beyond the edge from each corner to the next, or `OUTSIDE`.
    """

    areas: FloatArray
    spreads: FloatArray
    centroids: FloatArray
    starts: NDArray[np.intp]
    corners: FloatArray
    neighbours: NDArray[np.intp]

    def cell(self, j: int) -> FloatArray:
        """Corners of a cell, (corners, 2)."""
        return self.corners[self.starts[j] : self.starts[j + 1]]


def power_diagram(polygon: FloatArray, sites: FloatArray, g: FloatArray) -> PowerDiagram:
    """Cut a polygon into the cells of weighted sites.

    Args:
        polygon: Corners of a convex polygon, counter-clockwise, (c, 2).
        sites: Sites, (k, 2), no two the same.
        g: Their weights, (k,), in units of length².
    """
    k = len(sites)
    areas, spreads, centroids = np.zeros(k), np.zeros(k), sites.copy()
    starts = np.zeros(k + 1, dtype=np.intp)
    corners, neighbours = _cut(polygon, sites, g, areas, spreads, centroids, starts)
    return PowerDiagram(areas, spreads, centroids, starts, corners, neighbours)


@compiled
def _cut(
    polygon: FloatArray,
    sites: FloatArray,
    g: FloatArray,
    areas: FloatArray,
    spreads: FloatArray,
    centroids: FloatArray,
    starts: NDArray[np.intp],
) -> tuple[FloatArray, NDArray[np.intp]]:
    """Fill in what is known of each cell; returns corners and neighbours of all of them, in a row."""
    k = len(sites)
    room = 8 * k + 4 * len(polygon)
    corners, neighbours = np.empty((room, 2)), np.empty(room, dtype=np.intp)
    corners_at_most = len(polygon) + k + 1  # each half-plane adds a corner at most
    cell, clipped = np.empty((corners_at_most, 2)), np.empty((corners_at_most, 2))
    labels, clipped_labels = np.empty(corners_at_most, dtype=np.intp), np.empty(corners_at_most, dtype=np.intp)
    used = 0
    for j in range(k):
        count = len(polygon)
        cell[:count] = polygon - sites[j]  # from the site, so that a cell's integrals have no cancellation
        labels[:count] = OUTSIDE
        for i in range(k):
            if i != j and count > 0:
                a, b = sites[i, 0] - sites[j, 0], sites[i, 1] - sites[j, 1]
                # The weights' difference first: seen from the other side it has the same rounding, and what is left is
                # small beside the distance of the sites, so cells of near sites neither overlap nor gape.
                most = (a * a + b * b + (g[j] - g[i])) / 2
                count, changed = _clip(cell, labels, count, a, b, most, i, clipped, clipped_labels)
                if changed:
                    cell, clipped = clipped, cell
                    labels, clipped_labels = clipped_labels, labels
        if count > 2:
            areas[j], spreads[j], x, y = _moments(cell, count)
            if areas[j] > 0:
                centroids[j, 0], centroids[j, 1] = sites[j, 0] + x, sites[j, 1] + y
        if used + count > len(corners):
            more = 2 * (used + count)
            corners_now, neighbours_now = np.empty((more, 2)), np.empty(more, dtype=np.intp)
            corners_now[:used], neighbours_now[:used] = corners[:used], neighbours[:used]
            corners, neighbours = corners_now, neighbours_now
        corners[used : used + count] = cell[:count] + sites[j]
        neighbours[used : used + count] = labels[:count]
        used += count
        starts[j + 1] = used
    return corners[:used].copy(), neighbours[:used].copy()


@compiled
def _clip(
    cell: FloatArray,
    labels: NDArray[np.intp],
    count: int,
    a: float,
    b: float,
    most: float,
    label: int,
    out: FloatArray,
    out_labels: NDArray[np.intp],
) -> tuple[int, bool]:
    """Clip a convex cell by a z_1 + b z_2 ≤ most; corners stay in `cell` where nothing is cut off."""
    inside = 0
    for t in range(count):
        if a * cell[t, 0] + b * cell[t, 1] <= most:
            inside += 1
    if inside == count:
        return count, False
    if inside == 0:
        return 0, False
    kept = 0
    for t in range(count):
        s = t + 1 if t + 1 < count else 0
        here = a * cell[t, 0] + b * cell[t, 1] - most
        there = a * cell[s, 0] + b * cell[s, 1] - most
        if here <= 0:
            out[kept, 0], out[kept, 1], out_labels[kept] = cell[t, 0], cell[t, 1], labels[t]
            kept += 1
        if (here <= 0) != (there <= 0):
            share = here / (here - there)
            out[kept, 0] = cell[t, 0] + share * (cell[s, 0] - cell[t, 0])
            out[kept, 1] = cell[t, 1] + share * (cell[s, 1] - cell[t, 1])
            out_labels[kept] = label if here <= 0 else labels[t]  # on the way out the new edge begins
            kept += 1
    return kept, True


@compiled
def _moments(cell: FloatArray, count: int) -> tuple[float, float, float, float]:
    """Area, integral of ‖z‖², and centroid of a convex polygon, from the triangles at its first corner."""
    area, spread, x, y = 0.0, 0.0, 0.0, 0.0
    for t in range(1, count - 1):
        u0, u1, v0, v1 = cell[t, 0], cell[t, 1], cell[t + 1, 0], cell[t + 1, 1]
        w0, w1 = cell[0, 0], cell[0, 1]
        part = ((u0 - w0) * (v1 - w1) - (u1 - w1) * (v0 - w0)) / 2
        sum0, sum1 = u0 + v0 + w0, u1 + v1 + w1
        # The mean of a product of coordinates over a triangle: squares of the corners and of their sum, over 12.
        squares = u0 * u0 + u1 * u1 + v0 * v0 + v1 * v1 + w0 * w0 + w1 * w1 + sum0 * sum0 + sum1 * sum1
        area += part
        spread += part * squares / 12
        x += part * sum0 / 3
        y += part * sum1 / 3
    if area > 0:
        x, y = x / area, y / area
    return area, spread, x, y
