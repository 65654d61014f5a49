"""How straight a flow is: the energy of its paths beside the least that any flow needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from otgan import solve
from otgan.checks import as_real_array
from otgan.errors import InvalidShapeError
from otgan.interval import Interval


@dataclass(frozen=True)
class PathEnergy:
    r"""What moving points took, in units of length².

    energy ≥ displacement ≥ W_2²: the first by Jensen's inequality, with equality where each point moves straight and
    at one speed; the second because the pairs of ends are one plan of all.

    Attributes:
        energy: $E \int_0^1 ‖v‖^2 dt$ of the paths, straight between the times that are known.
        displacement: $E\,‖x(1) - x(0)‖^2$.
        transport: Bracket of W_2² between the points at the start and at the end.
    """

    energy: float
    displacement: float
    transport: Interval

    @property
    def excess(self) -> Interval:
        """(energy − W_2²) / W_2², the normalised path energy of Tong et al. (2024), between these very points."""
        lower, upper = (
            self.energy / end - 1 if end else math.inf for end in (self.transport.upper, self.transport.lower)
        )
        return Interval(lower, upper, self.transport.kind)

    @property
    def curvature(self) -> float:
        """The part of the energy, in [0, 1), that straight ways between the same ends would save."""
        return 1 - self.displacement / self.energy if self.energy else 0.0


def path_energy(paths: np.ndarray) -> PathEnergy:
    r"""The energy of paths, and the least that was needed.

    No flow from one law to another has less energy than W_2² between them (Benamou and Brenier 2000).

    Args:
        paths: Points at the times 0, 1/K, …, 1, (K + 1, n, D), as `flow_paths` gives them.

    Raises:
        InvalidShapeError: If there are not three axes and two times.

    Source: Benamou and Brenier (2000), A computational fluid mechanics solution to the Monge-Kantorovich mass transfer
    problem; Tong et al. (2024), Improving and Generalizing Flow-Based Generative Models with Minibatch Optimal
    Transport.

    >>> straight = np.linspace(0, 1, 5)[:, None, None] * np.array([[3.0, 4.0]])
    >>> path_energy(straight).energy
    25.0
    """
    points = as_real_array("paths", paths)
    if points.ndim != 3 or len(points) < 2:
        raise InvalidShapeError(
            "paths", "have shape (times, n, D), two times or more", f"shape {points.shape}", "use flow_paths"
        )
    moves = np.square(np.diff(points, axis=0)).sum(axis=2)
    ends = np.square(points[-1] - points[0]).sum(axis=1)
    solution = solve.wasserstein(points[0], points[-1], p=2)
    return PathEnergy(float(len(moves) * moves.sum(0).mean()), float(ends.mean()), solution.certificate.cost)
