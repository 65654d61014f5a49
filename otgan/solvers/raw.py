"""What a solver hands to the front door: a plan and potentials that nobody has checked yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.solution import Status


@dataclass(frozen=True, eq=False)
class RawSolution:
    """Plan and potentials as the algorithm left them.

    Attributes:
        rows: Source index of each arc of the plan, (k,).
        columns: Target index of each arc, (k,).
        mass: Mass on each arc, (k,), of a whole of one.
        f: Potential at the source points, (n,); −∞ where there is no mass.
        status: OPTIMAL if the algorithm came to its own end, else the limit that ended it.
        solver: Name of the algorithm.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    mass: FloatArray
    f: FloatArray
    status: Status
    solver: str
