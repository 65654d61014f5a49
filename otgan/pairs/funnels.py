r"""The benchmark of Korotin et al.: cones side by side, and mass that slides along their rays.

A MinFunnel is $u(x) = \min_k \|x - a_k\| + b_k$, the lower envelope of N cones ("funnels") on the cube [−2.5, 2.5]^D.
Seen from its apex $a_k$ the region where cone k is the lowest is star-shaped: moving outward on a ray, $\|x - a_k\|$
grows at rate 1 and no other cone grows faster, so that a cone which has been undercut stays undercut. Each ray
therefore ends once, at `up`: where another cone becomes the lower one or where the cube ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from otgan.checks import FloatArray, as_count, as_number, as_points, as_real_array
from otgan.costs import rows_per_chunk
from otgan.errors import InvalidShapeError, InvalidValueError
from otgan.exact import down
from otgan.exact import up as above
from otgan.interval import Interval
from otgan.measures import Uniform
from otgan.pairs.base import KnownPair, PlanSide, own_generator, unit

#: Half the side of the cube, and the standard deviation of the biases, as the authors have them.
HALF_SIDE, BIAS_STD = 2.5, 0.1
#: More cones than this are refused: tables of (cones, cones) numbers are kept.
MOST_FUNNELS = 2**13
#: Distances by matrix products are good to about 1e-7 near a centre (half the digits cancel); cones whose values are
#: closer than this are compared again without cancellation.
DOUBT = 1e-6
#: Seed of the Monte Carlo value of W1, and the half-width of its interval in standard errors: 0.997 of a normal law.
W1_SEED, W1_ERRORS, W1_KIND = 0, 3.0, "statistical at level 0.997"


class Rays(NamedTuple):
    """Points on the rays that they lie on.

    Attributes:
        centre: Apex of the lowest cone at each point, (n, d).
        direction: Unit vector from the apex to the point, (n, d).
        distance: From the apex to the point, (n,).
        length: From the apex to `up`, (n,).
        up_by_cube: Whether the ray ends with the cube, (n,), and not at another cone.
    """

    centre: FloatArray
    direction: FloatArray
    distance: FloatArray
    length: FloatArray
    up_by_cube: NDArray[np.bool_]


class Cones:
    """The lower envelope u of N cones on the cube.

    Args:
        centres: Apexes a_k, (N, D), in the cube.
        biases: Heights b_k of the apexes, (N,).

    Raises:
        InvalidShapeError: If there is not one bias for each centre.
        InvalidValueError: If a centre lies outside the cube, or an entry is not finite.
        InvalidTypeError: If an entry is not a real number.
    """

    def __init__(self, centres: object, biases: object) -> None:
        self.centres = as_points("centres", centres).copy()
        self.biases = as_real_array("biases", biases).copy()
        if self.biases.shape != (len(self.centres),):
            raise InvalidShapeError(
                "biases", f"have shape ({len(self.centres)},)", f"shape {self.biases.shape}", "give one for each centre"
            )
        farthest = float(np.abs(self.centres).max())
        if farthest > HALF_SIDE:
            raise InvalidValueError(
                "centres", f"lie in the cube [−{HALF_SIDE}, {HALF_SIDE}]^D", f"a coordinate of size {farthest:g}",
                "move them, or scale the problem down",
            )  # fmt: skip

    @property
    def dim(self) -> int:
        """Dimension D."""
        return self.centres.shape[1]

    def chunks(self, n: int) -> Iterator[slice]:
        """Slices of n rows that keep temporary arrays, (rows, N) and (rows, D), small."""
        step = rows_per_chunk(max(self.centres.shape))
        return (slice(k, min(n, k + step)) for k in range(0, n, step))

    def active(self, x: FloatArray) -> NDArray[np.intp]:
        """Index of the lowest cone at each point, (n,)."""
        return np.concatenate([self._active(x[rows]) for rows in self.chunks(len(x))])

    def _active(self, x: FloatArray) -> NDArray[np.intp]:
        squares = (x * x).sum(axis=1)[:, None] - 2 * (x @ self.centres.T) + (self.centres**2).sum(axis=1)
        values = np.sqrt(np.maximum(squares, 0.0)) + self.biases
        lowest = values.argmin(axis=1)
        doubtful = np.count_nonzero(values <= values.min(axis=1)[:, None] + DOUBT, axis=1) > 1
        if doubtful.any():
            lowest[doubtful] = (cdist(x[doubtful], self.centres) + self.biases).argmin(axis=1)
        return lowest

    def values(self, x: FloatArray) -> FloatArray:
        """Heights u at points, (n,)."""
        k = self.active(x)
        return np.linalg.norm(x - self.centres[k], axis=1) + self.biases[k]

    def gradients(self, x: FloatArray) -> FloatArray:
        """∇u at points, (n, D); 0 on an apex, a subgradient of its cone."""
        return unit(x - self.centres[self.active(x)])

    def rays(self, y: FloatArray) -> Rays:
        r"""The rays through points, and where they end.

        On the ray $a_k + s\,\theta$ cone j undercuts cone k from

        $$ s_j = \frac{\|a_k - a_j\|^2 - \beta^2}{2 (\beta - \langle a_k - a_j, \theta \rangle)}, \beta = b_k - b_j $$

        on, the solution of ‖a_k + s θ − a_j‖ = s + β; where the denominator is not positive it never does.
        """
        parts = [self._rays(y[rows]) for rows in self.chunks(len(y))]
        return Rays(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _rays(self, y: FloatArray) -> Rays:
        k = self._active(y)
        centre = self.centres[k]
        distance = np.linalg.norm(y - centre, axis=1)
        direction = unit(y - centre)
        numerator, bias = self._gaps[k], self.biases[k][:, None] - self.biases
        along = (centre * direction).sum(axis=1)[:, None] - direction @ self.centres.T
        denominator = 2 * (bias - along)
        crossing = np.full_like(denominator, np.inf)
        np.divide(numerator, denominator, out=crossing, where=denominator > 0)
        crossing[np.arange(len(y)), k] = np.inf
        cone = crossing.min(axis=1)
        exits = np.full_like(direction, np.inf)
        np.divide(np.copysign(HALF_SIDE, direction) - centre, direction, out=exits, where=direction != 0)
        cube = exits.min(axis=1)
        length = np.maximum(np.minimum(cone, cube), distance)  # y itself lies on the ray; rounding may deny it
        length[distance == 0] = 0.0  # on the apex there is no direction to go in
        return Rays(centre, direction, distance, length, cube <= cone)

    @cached_property
    def _gaps(self) -> FloatArray:
        """‖a_k − a_j‖² − (b_k − b_j)², (N, N)."""
        return cdist(self.centres, self.centres, "sqeuclidean") - (self.biases[:, None] - self.biases) ** 2


class Funnels(KnownPair):
    """Mass on the cones of a MinFunnel, or of its mirror image; see `funnels` and `max_funnels`.

    Attributes:
        cones: The lower envelope u.
        degree: The power p of t -> t^p.
        mirrored: Whether source and target have changed places.
    """

    def __init__(self, cones: Cones, degree: float, *, mirrored: bool = False, origin: str) -> None:
        self.cones, self.degree, self.mirrored, self._origin = cones, degree, mirrored, origin
        n, dim = cones.centres.shape
        end = np.full(dim, HALF_SIDE)
        cube = Uniform(-end, end).named(f"uniform on [−{HALF_SIDE}, {HALF_SIDE}]^{dim}")
        near = PlanSide(self._plan, int(mirrored), dim).named(f"drawn towards {n} centres, {dim}-D")
        super().__init__(
            "max-funnels" if mirrored else "funnels",
            f"{'Max' if mirrored else 'Min'}Funnels: {n} cones, {dim}-D, {origin}",
            cube if mirrored else near,
            near if mirrored else cube,
        )

    @cached_property
    def w1(self) -> Interval:
        """Monte Carlo value ± 3 standard errors; computed once.

        Region k being star-shaped around its apex, t = ‖y − a‖ / ‖up − a‖ has the density D t^(D−1) on every ray, so
        that the mean of ‖x − y‖ = (t − t^p) ‖up − a‖ over t is known: W1 = (p − 1) D / ((D + 1)(D + p)) · E ‖up − a‖.
        The sample is only asked for the last factor, whose variance is smaller.
        """
        dim, p = self.dim, self.degree
        factor = (p - 1) * dim / ((dim + 1) * (dim + p))
        rng, n = np.random.default_rng(W1_SEED), self._w1_sample
        total, squares = [], []
        for rows in self.cones.chunks(n):
            y = rng.uniform(-HALF_SIDE, HALF_SIDE, size=(rows.stop - rows.start, dim))
            length = self.cones._rays(y).length
            total.append(length.sum())
            squares.append((length**2).sum())
        mean = math.fsum(total) / n
        error = math.sqrt(max(0.0, math.fsum(squares) / n - mean**2) / (n - 1))
        lower, upper = factor * (mean - W1_ERRORS * error), factor * (mean + W1_ERRORS * error)
        return Interval(max(0.0, down(lower, 8)), above(upper, 8), W1_KIND)

    @property
    def _w1_sample(self) -> int:
        """Points for the value of W1: fewer where there are more cones, so that it takes about a second."""
        return int(np.clip(2**24 // max(self.cones.centres.shape), 2**16, 2**19))

    @property
    def source_reference(self) -> str:
        """Where the value of W1 comes from."""
        return (
            f"E ‖x − y‖ over an optimal plan, Monte Carlo with n = {self._w1_sample}, seed {W1_SEED}, "
            f"± {W1_ERRORS:g} standard errors; Korotin, Kolesov and Burnaev (2022), Kantorovich Strikes Back!; "
            f"{self._origin}"
        )

    def _plan(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        cube = rng.uniform(-HALF_SIDE, HALF_SIDE, size=(n, self.dim))
        near = np.empty_like(cube)
        for rows in self.cones.chunks(n):
            near[rows] = self._drawn_in(self.cones._rays(cube[rows]))
        return (cube, near) if self.mirrored else (near, cube)

    def _drawn_in(self, rays: Rays) -> FloatArray:
        t = np.divide(rays.distance, rays.length, out=np.zeros_like(rays.length), where=rays.length > 0)
        return rays.centre + (t**self.degree * rays.length)[:, None] * rays.direction

    def _potential(self, x: FloatArray) -> FloatArray:
        u = self.cones.values(x)
        return u if self.mirrored else -u

    def _gradient(self, x: FloatArray) -> FloatArray:
        gradient = self.cones.gradients(x)
        return gradient if self.mirrored else -gradient


def funnels(dim: int = 2, n_funnels: int = 4, seed: int = 0, degree: float = 8) -> Funnels:
    r"""MinFunnels: the field's benchmark of pairs with a known optimal critic, in any dimension.

    Centres $a_k \sim U([-2.5, 2.5]^D)$ and biases $b_k \sim 0.1 \cdot N(0, 1)$ give $u(x) = \min_k \|x - a_k\| + b_k$.
    The target Q is uniform on the cube. Let a be the active centre at y ~ Q, `up` the first point on the ray from a
    through y where another cone becomes the lower one or the cube ends, and t = ‖y − a‖ / ‖up − a‖; then
    $x = a + t^p (up - a)$ is a point of the source P. f = −u is 1-Lipschitz as a maximum of such functions, and on
    the ray from a to y the active cone does not change, so f(x) − f(y) = ‖x − y‖.

    Where x rounds onto a, f is at its maximum and ∇f is given as 0, which is in its superdifferential there.

    Args:
        dim: Dimension D ≥ 1.
        n_funnels: Number N of cones.
        seed: Seed of centres and biases; the published pairs are read by `load_funnels`.
        degree: The power p > 1 along each ray.

    Returns:
        The pair.

    Raises:
        InvalidTypeError, InvalidValueError: If an argument is not a number in its range.

    Source: Korotin et al. (2022), Kantorovich Strikes Back! Wasserstein GANs are not Optimal Transport?
    """
    return _drawn(dim, n_funnels, seed, degree, mirrored=False)


def max_funnels(dim: int = 2, n_funnels: int = 4, seed: int = 0, degree: float = 8) -> Funnels:
    r"""MaxFunnels, the mirror image: $u(x) = \max_k b_k - \|x - a_k\|$, so that f = −u is a minimum of cones.

    u is a MinFunnel with every sign turned, and the plan is that of `funnels` walked backwards: the source is uniform
    on the cube, the target is drawn in towards the centres. What changes for a critic is the shape (its best answer
    is a minimum of cones where it was a maximum) and where it is judged: the source, under which gradients are
    compared, now fills the cube.

    Args:
        dim: Dimension D ≥ 1.
        n_funnels: Number N of cones.
        seed: Seed of centres and biases, drawn as for `funnels`.
        degree: The power p > 1 along each ray.

    Returns:
        The pair.

    Raises:
        InvalidTypeError, InvalidValueError: If an argument is not a number in its range.

    Source: Korotin et al. (2022), Kantorovich Strikes Back!, for the construction with the sides as in `funnels`.
    """
    return _drawn(dim, n_funnels, seed, degree, mirrored=True)


def as_degree(value: object) -> float:
    """Read the power along the rays, a number above 1."""
    return as_number("degree", value, low=1.0, open_low=True)


def _drawn(dim: int, n_funnels: int, seed: int, degree: float, *, mirrored: bool) -> Funnels:
    dim, n, seed = (
        as_count("dim", dim),
        as_count("n_funnels", n_funnels, high=MOST_FUNNELS),
        as_count("seed", seed, low=0),
    )
    rng = own_generator(seed)
    centres = rng.uniform(-HALF_SIDE, HALF_SIDE, size=(n, dim))
    biases = BIAS_STD * rng.standard_normal(n)
    # The mirrored u has the heights b_k; its negative, a lower envelope, has −b_k.
    cones = Cones(centres, -biases if mirrored else biases)
    power = as_degree(degree)
    return Funnels(cones, power, mirrored=mirrored, origin=f"seed {seed}, degree {power:g}")
