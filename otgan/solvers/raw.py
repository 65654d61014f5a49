"""What a solver hands to the front door: a plan and potentials that nobody has checked yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray


@dataclass(frozen=True, eq=False)
class RawSolution:
    """Plan and potentials as the algorithm left them.

    Attributes:
        rows: Source index of each arc of the plan, (k,).
        columns: Target index of each arc, (k,).
        mass: Mass on each arc, (k,), of a whole of one.
        f: Potential at the source points, (n,).
        g: Potential at the target points, (m,).
        finished: Whether the algorithm came to its own end, rather than to a limit.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    mass: FloatArray
    f: FloatArray
    g: FloatArray
    finished: bool
