"""Points against the spheres around them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from otgan.checks import FloatArray, as_count, as_number, as_points
from otgan.costs import rows_per_chunk
from otgan.errors import InvalidValueError
from otgan.interval import Interval
from otgan.measures import empirical
from otgan.pairs.base import KnownPair, PlanSide, directions, unit

#: Distances of centres may fall short of 2 r by this share: coordinates in decimals round, as 0.1 does.
SLACK = 1e-12


class Shells(KnownPair):
    """Source uniform on centres, target uniform on the spheres around them; see `spheres`."""

    def __init__(self, centres: FloatArray, radius: float, name: str, description: str, reference: str) -> None:
        self.centres, self.radius, self._reference = centres, radius, reference
        super().__init__(
            name,
            description,
            empirical(centres).named(f"{len(centres)} centres" if len(centres) > 1 else "a point"),
            PlanSide(self._plan, 1, centres.shape[1]).named(f"spheres of radius {radius:g} around the centres"),
        )

    @property
    def w1(self) -> Interval:
        """The radius, exactly."""
        return Interval(self.radius, self.radius)

    @property
    def source_reference(self) -> str:
        """Where the value of W1 comes from."""
        return self._reference

    def _plan(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        x = self.source.sample(n, rng)
        return x, x + self.radius * directions(n, self.dim, rng)

    def _potential(self, x: FloatArray) -> FloatArray:
        return -np.linalg.norm(x - self._nearest(x), axis=1)

    def _gradient(self, x: FloatArray) -> FloatArray:
        return -unit(x - self._nearest(x))

    def _nearest(self, x: FloatArray) -> FloatArray:
        step = rows_per_chunk(len(self.centres))
        chunks = [cdist(x[k : k + step], self.centres).argmin(axis=1) for k in range(0, len(x), step)]
        return self.centres[np.concatenate(chunks)]


def spheres(centres: Any, radius: float = 1.0) -> Shells:
    r"""Points, equally weighted, against the uniform laws on the spheres around them: W1 = r.

    The potential $f(x) = -\min_k \|x - c_k\|$ is 1-Lipschitz, 0 at the centres, and −r on the spheres where the centres
    are at least 2r apart; sending each centre to its own sphere costs r. At a centre ∇f is given as 0, which is in
    the superdifferential of f at its maximum.

    Args:
        centres: Centres c_k, (k, d), at least 2r apart.
        radius: The radius r > 0, in units of length.

    Returns:
        The pair, with the centres as its source.

    Raises:
        InvalidValueError: If two centres are closer than 2r, or the radius is not positive.
        InvalidShapeError, InvalidTypeError: If the centres are not points, or the radius is not a number.
    """
    points, r = as_points("centres", centres).copy(), as_number("radius", radius, low=0.0, open_low=True)
    gaps = cdist(points, points) + np.diag(np.full(len(points), np.inf))
    if gaps.min() < 2 * r * (1 - SLACK):
        raise InvalidValueError(
            "centres",
            f"be at least 2 radius = {2 * r:g} apart",
            f"{gaps.min():g}",
            "move them, or take smaller spheres",
        )
    k, dim = points.shape
    reference = "closed form: W1 = r, by the potential −(distance to the nearest centre)"
    return Shells(
        points, r, "spheres", f"{k} points against the spheres of radius {r:g} around them, {dim}-D", reference
    )


def point_sphere(dim: int = 2, radius: float = 1.0, centre: Any = None) -> Shells:
    """The centre of a sphere against the uniform law on it: W1 = r in every dimension.

    Every plan is optimal here, and f(x) = −‖x − c‖ is an optimal potential.

    Args:
        dim: Dimension d ≥ 1; the sphere has d − 1. On the line it is two points.
        radius: The radius r > 0, in units of length.
        centre: The centre c, (d,); None for 0.

    Returns:
        The pair, with the centre as its source.

    Raises:
        InvalidValueError: If dim or radius is out of range.
        InvalidTypeError: If a number has a wrong type, or the centre is not made of numbers.

    Source: Anil et al. (2019), Sorting out Lipschitz function approximation; their high-dimensional cone has d = 128.
    """
    dim = as_count("dim", dim)
    point = np.zeros((1, dim)) if centre is None else as_points("centre", np.reshape(centre, (1, -1)))
    pair = spheres(point, radius)
    if pair.dim != dim:
        raise InvalidValueError("centre", f"have {dim} entries", f"{pair.dim}", "give one for each coordinate")
    reference = "closed form: W1 = r, by the potential −‖x − c‖; Anil, Lucas and Grosse (2019), high-dimensional cone"
    description = f"a point against the sphere of radius {pair.radius:g} around it, {dim}-D"
    return Shells(pair.centres, pair.radius, "point-sphere", description, reference)


def three_circles() -> Shells:
    """Three points on a line against the unit circles around them, which touch: W1 = 1.

    The centres are (−2, 0), (0, 0) and (2, 0); the optimal potential is three cones side by side.

    Returns:
        The pair, with the points as its source.

    Source: Anil et al. (2019), Sorting out Lipschitz function approximation; centres and radius as in the authors'
    code (three_cones_experiment.json), where the points are circles of radius 1e-7.
    """
    pair = spheres([[-2.0, 0.0], [0.0, 0.0], [2.0, 0.0]], 1.0)
    reference = "closed form: W1 = 1; Anil, Lucas and Grosse (2019), Sorting out Lipschitz function approximation"
    description = "three points in a row against the unit circles around them, in the plane"
    return Shells(pair.centres, pair.radius, "three-circles", description, reference)
