r"""Mass that moves along the rays which leave a convex body at right angles.

Let K be a closed convex set and δ(x) its distance from x. δ is 1-Lipschitz, and outside K each point is p + r ν: p its
projection onto K, ν a unit normal there, r = δ(x). If source and target share the law of the ray (p, ν) and differ in
the law of the distance along it, then W1 is that of the distances: any plan between the distances is a plan along the
rays at the same cost; and with an optimal potential φ of the distances, f = φ ∘ δ is 1-Lipschitz and falls as much.
Two such bodies are here, a point (radial laws) and an ellipsoid.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from otgan.checks import FloatArray, as_count
from otgan.errors import InvalidValueError
from otgan.interval import Interval
from otgan.measures import Measure, Uniform
from otgan.pairs.base import KnownPair, PlanSide, directions, own_generator, unit
from otgan.pairs.univariate import LinePair, line

#: An ellipsoid in more dimensions is refused: its rotation is a table of (d, d) numbers.
MOST_DIMENSIONS = 2**12


class RayPair(KnownPair):
    """Two laws of the distance along common rays.

    Args:
        distances: The two laws of the distance, on the line and not below 0.
        dim: Dimension d.
        name: Name of the pair.
        description: What it is, in one line.

    Raises:
        InvalidValueError: If a distance may be negative.
    """

    def __init__(self, distances: LinePair, dim: int, name: str, description: str) -> None:
        self.distances = distances
        if distances.least < 0:
            raise InvalidValueError(
                "source and target",
                "be laws of a distance, on [0, ∞)",
                f"a support that begins at {distances.least:g}",
                "shift them, or take another law",
            )
        words = [f"{side!r} along the rays" for side in (distances.source, distances.target)]
        super().__init__(
            name,
            f"{description}: distances {distances.source!r} against {distances.target!r}, {dim}-D",
            PlanSide(self._plan, 0, dim).named(words[0]),
            PlanSide(self._plan, 1, dim).named(words[1]),
        )

    @property
    def w1(self) -> Interval:
        """W1 of the two laws of the distance."""
        return self.distances.w1

    @property
    def source_reference(self) -> str:
        """Where the value of W1 comes from."""
        return f"W1 of the distances along common rays; {self.distances.source_reference}"

    @abstractmethod
    def _rays(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Draw n feet on the body and unit normals there, (n, d) each."""

    @abstractmethod
    def _distance(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """δ(x), (n,), and ∇δ(x), (n, d): the normal, 0 on the body."""

    def _plan(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        r, s = self.distances.sample_plan(n, rng)
        feet, normals = self._rays(n, rng)
        return feet + r * normals, feet + s * normals

    def _potential(self, x: FloatArray) -> FloatArray:
        return self.distances.potential(self._distance(x)[0])

    def _gradient(self, x: FloatArray) -> FloatArray:
        distance, normals = self._distance(x)
        return self.distances.potential_gradient(distance) * normals


class Radial(RayPair):
    """Rays from 0 in all directions alike; see `radial`."""

    def __init__(self, distances: LinePair, dim: int) -> None:
        super().__init__(distances, dim, "radial", "rays from 0 in all directions alike")

    def _rays(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        return np.zeros((n, self.dim)), directions(n, self.dim, rng)

    def _distance(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        return np.linalg.norm(x, axis=1), unit(x)


def radial(dim: int = 2, source: Measure | None = None, target: Measure | None = None) -> Radial:
    r"""X = R U against Y = S U with a common uniform direction U: W1 is that of the radii.

    The potential is f(x) = φ(‖x‖) with the optimal potential φ of the radii, the case of `otgan.pairs.rays` where the
    body is a point. At 0 the gradient is given as 0, the mean of those nearby.

    Args:
        dim: Dimension d ≥ 1.
        source: Law of R on [0, ∞), see `otgan.pairs.line`; None for the uniform law on [0, 4].
        target: Law of S; None for the uniform law on [1, 2]. With both None, W1 = 5/6.

    Returns:
        The pair.

    Raises:
        InvalidValueError: If a radius may be negative, or dim < 1.
        InvalidShapeError, InvalidTypeError: See `otgan.pairs.line`.
    """
    return Radial(_distances(source, target, (0.0, 4.0), (1.0, 2.0)), as_count("dim", dim))


class Ellipsoid(RayPair):
    """Rays at right angles to an ellipsoid; see `ellipsoid`.

    Attributes:
        axes: Half-lengths of the axes, (d,), in units of length.
        rotation: Orthogonal matrix whose columns are the axes' directions, (d, d).
    """

    def __init__(self, axes: FloatArray, rotation: FloatArray, distances: LinePair, seed: int) -> None:
        self.axes, self.rotation = axes, rotation
        text = f"rays at right angles to an ellipsoid (half-axes {axes.min():.2f} to {axes.max():.2f}, seed {seed})"
        super().__init__(distances, len(axes), "ellipsoid", text)

    def _rays(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        on_sphere = directions(n, self.dim, rng)
        return (on_sphere * self.axes) @ self.rotation.T, unit(on_sphere / self.axes) @ self.rotation.T

    def _distance(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        z = x @ self.rotation
        away = _from_ellipsoid(z, self.axes)
        return np.linalg.norm(away, axis=1), unit(away) @ self.rotation.T


def ellipsoid(dim: int = 2, seed: int = 0, source: Measure | None = None, target: Measure | None = None) -> Ellipsoid:
    r"""A smooth potential that is not made of cones: mass leaves an ellipsoid at right angles.

    The ellipsoid $K = \{Q z : \sum_i z_i^2 / a_i^2 \le 1\}$ has half-axes $a_i$, log-uniform in [1/2, 4], along the
    columns of a random rotation Q. A foot p is the image of a uniform point of the sphere, ν the outward normal there;
    x = p + R ν and y = p + S ν. With the default laws mass moves outward alone, and f = −δ, the negative distance to K,
    has no kink outside K: it is as smooth as K, with level sets that are neither spheres nor parts of them.
    How the truth is known: see `otgan.pairs.rays`.

    Args:
        dim: Dimension d ≥ 1.
        seed: Seed of half-axes and rotation.
        source: Law of R on [0, ∞), see `otgan.pairs.line`; None for the uniform law on [0, 1].
        target: Law of S; None for the uniform law on [0, 3]. With both None, W1 = 1.

    Returns:
        The pair.

    Raises:
        InvalidValueError: If a distance may be negative, or dim or seed is out of range.
        InvalidShapeError, InvalidTypeError: See `otgan.pairs.line`.
    """
    dim, seed = as_count("dim", dim, high=MOST_DIMENSIONS), as_count("seed", seed, low=0)
    rng = own_generator(seed)
    axes = np.exp(rng.uniform(np.log(0.5), np.log(4.0), size=dim))
    # The Q of a normal matrix; its law depends on the signs that LAPACK chooses, and nothing here on its law.
    rotation = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    return Ellipsoid(axes, rotation, _distances(source, target, (0.0, 1.0), (0.0, 3.0)), seed)


def _distances(
    source: Measure | None, target: Measure | None, first: tuple[float, float], second: tuple[float, float]
) -> LinePair:
    return line(Uniform(*first) if source is None else source, Uniform(*second) if target is None else target)


def _from_ellipsoid(z: FloatArray, axes: FloatArray) -> FloatArray:
    r"""The vectors z − p(z) from the projection p(z) onto the ellipsoid, (n, d); 0 inside.

    Outside, $p_i = a_i^2 z_i / (t + a_i^2)$ where t > 0 makes $g(t) = \|(a_i z_i / (t + a_i^2))_i\|$ equal to 1, and
    z − p = t z / (t + a²). 1/g is increasing and concave, so Newton's steps for 1/g(t) = 1 from below stay below and
    never turn back; the start is where the largest single coordinate alone would make g equal to 1.
    """
    squares = axes**2
    moved = np.abs(z) * axes
    t = np.maximum((moved - squares).max(axis=1), 0.0)
    active = np.flatnonzero(np.linalg.norm(z / axes, axis=1) > 1)
    while len(active):
        shifted = t[active, None] + squares
        terms = moved[active] / shifted
        g = np.linalg.norm(terms, axis=1)
        slope = (terms**2 / shifted).sum(axis=1) / g**3
        step = (1 - 1 / g) / slope
        following = t[active] + step
        going = (step > 0) & (following > t[active])
        t[active[going]] = following[going]
        # Newton doubles its digits: after a step this small the next one would be below rounding.
        active = active[going & (step > 1e-9 * (t[active] + squares.min()))]
    outside = (np.linalg.norm(z / axes, axis=1) > 1)[:, None]
    return np.where(outside, t[:, None] * z / (t[:, None] + squares), 0.0)
