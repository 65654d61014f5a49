"""Lower bounds of a Lipschitz constant, found by search and shown by two points."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_count, as_generator, as_points, as_seconds
from otgan.errors import InvalidShapeError, InvalidTypeError
from otgan.lipschitz.domain import as_domain
from otgan.lipschitz.evaluate import CriticFunction, as_function

#: Unit roundoffs of the values' size that are granted to their rounding: a sum of m products is off by √m u or so
#: (m u at worst), and a network nests a few sums of some hundred.
ALLOWANCE = 256
#: Pairs closer than this are left out: what allows for rounding would itself underflow.
SHORTEST = 1e-290

#: Points between two looks at the clock.
MAX_PART = 4096


@dataclass(frozen=True, eq=False)
class SampledLowerBound:
    """Two points that show how steep a critic is at least.

    Attributes:
        value: |f(x) − f(x')| / ‖x − x'‖ less an allowance for rounding, which is ample and no proof.
        x: One point, (d,).
        x_other: The other, (d,); x again, with the value 0, where no slope stands out from rounding.
    """

    value: float
    x: FloatArray
    x_other: FloatArray


def sampled_lower_bound(
    critic: Any,
    points: Any,
    rng: np.random.Generator,
    *,
    n_pairs: int = 4096,
    n_starts: int = 64,
    n_rounds: int = 20,
    domain: Any = None,
) -> SampledLowerBound:
    r"""The steepest slope between two points that a search finds.

    It looks at random pairs of the points; at short steps along the gradient at every point and at random places
    between them; and from the steepest of these it searches on nearby, in narrowing rounds. What counts is always
    the slope of a pair, $|f(x) - f(x')| / \|x - x'\|$: autograd may answer at a kink with what is no slope at all.

    A short step has the length $\ell = (256 u)^{1/3}$ times the spread of the points (u: unit roundoff). Curvature
    hides an $\ell^2$ of the slope and rounding moves it by $256 u / \ell$; this step makes both alike, 10⁻⁹ in
    float64. The rounding is then subtracted, in the size $256 u\, (\max |f| + G \max \|x\|)$ for each value, with G
    the steepest slope seen: ample for networks, yet an allowance and no proof, since only f itself is known here.

    Args:
        critic: Anything that `as_function` reads.
        points: Where to look, (n, d), in units of length: both sides of the data, say.
        rng: Draws pairs, places and steps.
        n_pairs: Random pairs, and as many places between them.
        n_starts: How many of the steepest places are searched on from.
        n_rounds: Rounds of that search.
        domain: A box that it does not leave, [(low, high), …] with all points in it; None for all of R^d.

    Returns:
        The bound and its two points, in values of f per unit of length. The same generator state gives the same one.

    Raises:
        CriticError: If the critic is not a function of one point; see `as_function`.
        InvalidShapeError: If the dimension of the critic or of the domain is not that of the points.
        InvalidTypeError, InvalidValueError: If points, rng or a number break their rules.
    """
    points = as_points("points", points)
    rng = as_generator("rng", rng)
    n_pairs, n_starts = as_count("n_pairs", n_pairs), as_count("n_starts", n_starts)
    n_rounds = as_count("n_rounds", n_rounds, low=0)
    function = as_function(critic, points.shape[1], probes=points)
    if function.dim != points.shape[1]:
        raise InvalidShapeError(
            "points", f"have shape (n, {function.dim})", f"shape {points.shape}", "match the critic"
        )
    box = as_domain(domain, function.dim)
    return search(function, points, rng, n_pairs=n_pairs, n_starts=n_starts, n_rounds=n_rounds, box=box)


def steepest_pair(
    critic: Any,
    *,
    domain: Any,
    seed: int = 0,
    n_points: int = 8192,
    n_starts: int = 128,
    n_rounds: int = 30,
    max_seconds: float = math.inf,
) -> SampledLowerBound:
    """The steepest slope between two points of a box that a search finds: it looks for what breaks a constraint.

    It draws points all over the box and goes on as `sampled_lower_bound` does; no point ever leaves the box. With the
    default numbers, a ball of radius 0.05 in [−1, 1]² holds 16 of the first points on average.

    Args:
        critic: Anything that `as_function` reads.
        domain: The box, [(low, high), …], a pair for each coordinate.
        seed: Of everything that is drawn.
        n_points: Points in the box, as many pairs of them, and as many places between them.
        n_starts: How many of the steepest places are searched on from.
        n_rounds: Rounds of that search.
        max_seconds: When to end with what is found by then; without it, the same seed gives the same result.

    Returns:
        The bound and its two points, in values of f per unit of length.

    Raises:
        CriticError: If the critic is not a function of one point; see `as_function`.
        InvalidInputError: If an argument breaks its rules.
    """
    box = as_domain(domain)
    if box is None:
        raise InvalidTypeError("domain", "be a box", "None", "write [(low, high), …], a pair for each coordinate")
    n_points, n_starts = as_count("n_points", n_points, high=2**24), as_count("n_starts", n_starts)
    n_rounds, seconds = as_count("n_rounds", n_rounds, low=0), as_seconds("max_seconds", max_seconds)
    rng = np.random.default_rng(as_count("seed", seed, low=0))
    deadline = time.monotonic() + seconds
    points = fill(box, n_points, rng)
    function = as_function(critic, box.shape[1], probes=points)
    if function.dim != box.shape[1]:
        raise InvalidShapeError(
            "domain", f"have the critic's {function.dim} coordinates", f"{box.shape[1]} pairs", "give one for each"
        )
    return search(
        function,
        points,
        rng,
        n_pairs=n_points,
        n_starts=n_starts,
        n_rounds=n_rounds,
        box=box,
        stop=lambda: time.monotonic() > deadline,
    )


def fill(box: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
    """N points all over a box, (2, d): (n, d)."""
    low, high = box
    return np.asarray(np.clip(low + rng.random((n, box.shape[1])) * (high - low), low, high))


def search(
    function: CriticFunction,
    points: FloatArray,
    rng: np.random.Generator,
    *,
    n_pairs: int,
    n_starts: int,
    n_rounds: int,
    box: FloatArray | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> SampledLowerBound:
    """The search behind both; `box` keeps all points inside, `stop` ends it early."""
    spread = math.sqrt(2 * float(points.var(0).sum())) or float(np.abs(points).max()) or 1.0
    length = (ALLOWANCE * function.unit) ** (1 / 3) * spread

    x, x_other = points[rng.integers(len(points), size=(2, n_pairs))]
    t = rng.random((n_pairs, 1))
    pairs = _Pairs(function)
    pairs.add(x, x_other)
    places = np.concatenate([points, _inside(x + t * (x_other - x), box)])
    # In parts, the first few alone, so that a slow critic can be stopped.
    parts = np.split(places, [k for k in (256, *range(MAX_PART, len(places), MAX_PART)) if k < len(places)])
    found = [pairs.add(*_short_steps(function, parts[0], length, rng, box))]
    for part in parts[1:]:
        if stop():
            break
        found.append(pairs.add(*_short_steps(function, part, length, rng, box)))
    slopes = np.concatenate(found)
    steepest = np.argsort(-slopes, kind="stable")[:n_starts]
    places, slopes = places[steepest], slopes[steepest]
    for k in range(n_rounds):
        if stop():
            break
        radius = spread * 10 ** (-1 - 3 * k / n_rounds)
        moved = _inside(places + radius * rng.standard_normal(places.shape) / math.sqrt(function.dim), box)
        found_there = pairs.add(*_short_steps(function, moved, length, rng, box))
        better = found_there > slopes
        places[better], slopes[better] = moved[better], found_there[better]
    return pairs.steepest()


def _inside(points: FloatArray, box: FloatArray | None) -> FloatArray:
    return points if box is None else np.clip(points, box[0], box[1])


def _short_steps(
    function: CriticFunction, places: FloatArray, length: float, rng: np.random.Generator, box: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Two points around each place, one step of this length apart along the gradient, or anywhere if it is 0."""
    directions = function.gradients(places)
    flat = ~directions.any(1)
    directions[flat] = rng.standard_normal((int(flat.sum()), function.dim))
    directions /= np.abs(directions).max(1, keepdims=True)  # first, so that no square underflows
    step = length / 2 * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return _inside(places + step, box), _inside(places - step, box)


def _lengths(differences: FloatArray) -> FloatArray:
    """Euclidean norms of rows, (n, d) -> (n,), by no square that underflows to subnormal numbers."""
    largest = np.abs(differences).max(1)
    shares = differences / np.where(largest > 0, largest, 1.0)[:, None]
    return np.asarray(largest * np.linalg.norm(shares, axis=1))


class _Pairs:
    """The steepest pair so far, and what its rounding depends on."""

    def __init__(self, function: CriticFunction) -> None:
        self._function = function
        self._size_f = self._size_x = self._slope = 0.0
        self._best: list[tuple[FloatArray, FloatArray, float, float]] = []

    def add(self, x: FloatArray, x_other: FloatArray) -> FloatArray:
        """Look at pairs, both (n, d); return their computed slopes, (n,), 0 where the two points are (all but) one."""
        f, f_other = self._function.values(x), self._function.values(x_other)
        rise, run = np.abs(f - f_other), _lengths(x - x_other)
        run[run < SHORTEST] = 0.0
        slopes = np.divide(rise, run, out=np.zeros_like(rise), where=run > 0)
        self._size_f = max(self._size_f, float(np.abs(f).max()), float(np.abs(f_other).max()))
        self._size_x = max(self._size_x, float(_lengths(x).max()))
        self._slope = max(self._slope, float(slopes.max()))
        k = int(slopes.argmax())
        self._best.append((x[k].copy(), x_other[k].copy(), float(rise[k]), float(run[k])))
        return slopes

    def steepest(self) -> SampledLowerBound:
        """The pair with the largest slope once rounding is subtracted, a best one of each call of `add`."""
        u = self._function.unit
        doubt = 2 * ALLOWANCE * u * (self._size_f + self._slope * self._size_x)
        # The distance itself is rounded, by less than (d + 4) u.
        shrink = 1 - 2 * (self._function.dim + 4) * 2.0**-53
        x, x_other, value = self._best[0][0], self._best[0][0], 0.0
        for one, other, rise, run in self._best:
            if run > 0 and (rise - doubt) / run * shrink > value:
                x, x_other, value = one, other, (rise - doubt) / run * shrink
        return SampledLowerBound(value, x, x_other)
