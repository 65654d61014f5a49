"""The k smallest numbers of a stream."""

from __future__ import annotations

from otgan.checks import FloatArray
from otgan.compiled import compiled


@compiled
def replace_largest(heap: FloatArray, value: float) -> None:
    """Put a number in place of the largest, heap[0], in logarithmic time.

    Args:
        heap: k numbers, (k,), each at least as large as those at twice its place + 1 and + 2; +∞ everywhere at first.
        value: At most heap[0].
    """
    k, at = len(heap), 0
    while 2 * at + 1 < k:
        below = 2 * at + 1
        if below + 1 < k and heap[below + 1] > heap[below]:
            below += 1
        if heap[below] <= value:
            break
        heap[at] = heap[below]
        at = below
    heap[at] = value
