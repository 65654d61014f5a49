"""Where a solver may stop before its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from otgan.solution import Status

#: Pivots between two looks at the limits.
PIVOTS = 4000


class StopHere(Exception):  # noqa: N818
    """A limit has been reached.

    Attributes:
        status: Which one.
    """

    def __init__(self, status: Status) -> None:
        self.status = status


@dataclass(frozen=True)
class Limits:
    """Where a solver may stop before its end.

    Attributes:
        tol: Relative gap that is asked for.
        max_iter: Number of pivots.
        deadline: Time by `time.perf_counter` at which the bracket should be proven.
        max_memory: Bytes.
        interrupted: Says whether the user wants it to stop.
    """

    tol: float
    max_iter: int
    deadline: float
    max_memory: float
    interrupted: Callable[[], bool]

    def look(self, *, reserve: float = 0.0) -> None:
        """Raise `StopHere` if the user has interrupted, or less time is left than the reserve."""
        if self.interrupted():
            raise StopHere(Status.INTERRUPTED)
        if time.perf_counter() + reserve > self.deadline:
            raise StopHere(Status.RESOURCE_LIMIT)
