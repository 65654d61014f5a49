"""Targets in groups of neighbours, for a Hessian with fewer entries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.search import boxes


@dataclass(frozen=True, eq=False)
class Grouping:
    """Targets in groups.

    Attributes:
        groups: The group of each target, (m,).
        size: Number of groups.
        most_entries: Entries of the plan for groups that may be kept.
    """

    groups: NDArray[np.int32]
    size: int
    most_entries: float


def neighbours(points: FloatArray, depth: int, most_entries: float) -> Grouping:
    """2^depth groups of like number, halved at the median of their widest axes.

    Args:
        points: (n, d).
        depth: At most log2(n), so that no group is empty.
        most_entries: See `Grouping`.
    """
    order, ranges, _, _ = boxes(points, depth, False)
    groups = np.empty(len(points), np.int32)
    for group, (start, stop) in enumerate(ranges[1 << depth :]):
        groups[order[start:stop]] = group
    return Grouping(groups, 1 << depth, most_entries)
