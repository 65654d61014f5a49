"""Is this a distance between point clouds? Identity, symmetry and the triangle inequality, on clouds simple first."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_count, as_number
from otgan.errors import InvalidTypeError, InvalidValueError
from otgan.testing.witness import Clouds, show, shrink

Distance = Callable[[FloatArray, FloatArray], float]


def assert_metric_axioms(
    distance: Any,
    *,
    dim: int = 2,
    sizes: tuple[int, ...] = (1, 2, 3),
    definite: bool = True,
    tol: float = 1e-7,
    n_tries: int = 100,
    seed: int = 0,
) -> None:
    """Assert the axioms of a metric between clouds of points, which count as measures with equal weights.

    distance(x, x) = 0, also for x in another order; distance(x, y) = distance(y, x); distance(x, z) ≤
    distance(x, y) + distance(y, z); no distance is negative; and clouds that differ are not at distance 0. Clouds are
    tried from simple to large: single points on a lattice, then several with duplicates and shared points, ones
    with the same mean or the same places in other shares, and normal samples from 1e-3 to 1e3 in size.

    Args:
        distance: Function of two arrays of points, (n, d) and (m, d), that returns a number.
        dim: Dimension d of the clouds.
        sizes: Numbers of points that occur; one alone for distances between clouds of one size.
        definite: Whether clouds that differ must be a positive distance apart.
        tol: What rounding may break the axioms by, as a share of the clouds' size (of its square where the
            distance is one of squares): a root leaves 1e-8 of a cost that rounds to 1e-16 instead of 0.
        n_tries: Triples of clouds that are tried.
        seed: Of the clouds.

    Raises:
        AssertionError: If an axiom is broken; the message shows clouds that break it.
        InvalidTypeError: If distance is no function, or does not return a real number.
        InvalidValueError: If it returns NaN or infinity, or another argument is out of range.

    >>> import otgan
    >>> assert_metric_axioms(lambda x, y: otgan.wasserstein(x, y).distance, n_tries=20)
    """
    __tracebackhide__ = True
    if not callable(distance):
        raise InvalidTypeError("distance", "be a function", type(distance).__name__, "pass distance(x, y)")
    tol, rng = as_number("tol", tol, low=0), np.random.default_rng(as_count("seed", seed, low=0))
    if not isinstance(sizes, tuple | list) or not sizes:
        raise InvalidTypeError("sizes", "be numbers of points", repr(sizes), "write (3,) for one")
    least = min(as_count("sizes", size) for size in sizes)

    def of(x: FloatArray, y: FloatArray) -> float:
        return _number(distance(x.copy(), y.copy()))

    axioms = _AXIOMS if definite else {rule: axiom for rule, axiom in _AXIOMS.items() if axiom is not _definite}
    fixed = len(set(sizes)) == 1
    for clouds in _triples(as_count("dim", dim), sizes, as_count("n_tries", n_tries), rng):
        for rule, axiom in axioms.items():
            if axiom(of, clouds, tol) is None:
                continue

            def fails(candidate: Clouds, axiom: Axiom = axiom) -> bool:
                return axiom(of, candidate, tol) is not None

            x, y, z = shrink(clouds, fails, tuple(len(c) for c in clouds) if fixed else (least,) * 3)
            shown = [f"{name} = {show(c)}" for name, c in zip("xyz", (x, y, z), strict=True) if name in rule]
            raise AssertionError(
                f"distance must satisfy {rule}, got {axiom(of, (x, y, z), tol)} for {', '.join(shown)}"
            )


Axiom = Callable[[Distance, Clouds, float], str | None]


def _size(*clouds: FloatArray) -> float:
    """Diameter of a box around all clouds, and its square where that is larger."""
    together = np.concatenate(clouds)
    side = float(np.linalg.norm(np.ptp(together, axis=0)))
    return max(side, side**2)


def _not_negative(of: Distance, clouds: Clouds, tol: float) -> str | None:
    value = of(clouds[0], clouds[1])
    return f"{value:.6g}" if value < -tol * _size(*clouds[:2]) else None


def _identity(of: Distance, clouds: Clouds, tol: float) -> str | None:
    # The size of one point is its distance from 0, since that is what rounds.
    x = clouds[0]
    room = tol * max(_size(x), float(np.abs(x).max()))
    for twin in (x, x[::-1]):
        value = of(x, twin)
        if abs(value) > room:
            return f"{value:.6g}" + (" once x is listed in reverse" if twin is not x else "")
    return None


def _symmetry(of: Distance, clouds: Clouds, tol: float) -> str | None:
    there, back = of(clouds[0], clouds[1]), of(clouds[1], clouds[0])
    return f"{there:.6g} and {back:.6g}" if abs(there - back) > tol * _size(*clouds[:2]) else None


def _triangle(of: Distance, clouds: Clouds, tol: float) -> str | None:
    x, y, z = clouds
    whole, first, second = of(x, z), of(x, y), of(y, z)
    if whole <= first + second + tol * _size(x, y, z):
        return None
    return f"{whole:.6g} > {first:.6g} + {second:.6g}"


def _definite(of: Distance, clouds: Clouds, tol: float) -> str | None:
    x, y = (np.unique(cloud, axis=0, return_counts=True) for cloud in clouds[:2])
    # As measures: the same points in the same shares.
    if x[0].shape == y[0].shape and (x[0] == y[0]).all() and (x[1] * len(clouds[1]) == y[1] * len(clouds[0])).all():
        return None
    value = of(clouds[0], clouds[1])
    return f"{value:.6g}" if abs(value) <= tol * _size(*clouds[:2]) else None


_AXIOMS: dict[str, Axiom] = {
    "distance(x, y) >= 0": _not_negative,
    "distance(x, x) = 0": _identity,
    "distance(x, y) = distance(y, x)": _symmetry,
    "distance(x, z) <= distance(x, y) + distance(y, z)": _triangle,
    "distance(x, y) > 0 where x and y differ": _definite,
}


def _triples(dim: int, sizes: Any, n_tries: int, rng: np.random.Generator) -> Iterator[Clouds]:
    sizes = sorted(sizes)
    for k in range(n_tries):
        some = sizes[: 1 + k * len(sizes) // n_tries]
        n = rng.choice(some, 3)
        if k % 4 == 3:
            scale = (1.0, 1e-3, 1e3)[k // 4 % 3]
            x, y, z = (scale * rng.standard_normal((size, dim)) for size in n)
        else:
            reach = 1 + k // 20
            x, y, z = (rng.integers(-reach, reach + 1, (size, dim)).astype(float) for size in n)
        if k % 4 == 1 and len(x) > 1:  # two points moved apart, so that the mean stays
            y = x.copy()
            y[0] += z[0]
            y[1] -= z[0]
        if k % 4 == 2 and len(x) + 1 in sizes:  # the same places with other shares
            y = np.concatenate([x, x[:1]])
        yield x, y, z


def _number(value: Any) -> float:
    if hasattr(value, "item"):  # an array or tensor of one number; longer ones raise and are refused below
        with contextlib.suppress(ValueError, RuntimeError):
            value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InvalidTypeError(
            "distance", "return a real number", type(value).__name__, "return .distance of a solution"
        )
    if not math.isfinite(value):
        raise InvalidValueError("distance", "return a finite number", value, "look for logarithms and divisions of 0")
    return float(value)
