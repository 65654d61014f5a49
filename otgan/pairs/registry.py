"""Pairs of measures that have a name, for the command line."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any

from otgan.checks import as_count
from otgan.errors import InvalidInputError, InvalidValueError
from otgan.measures import (
    Gaussian,
    Measure,
    Uniform,
    checkerboard,
    eight_gaussians,
    swiss_roll,
    twenty_five_gaussians,
    two_moons,
)
from otgan.pairs.base import KnownPair, Pair
from otgan.pairs.bundled import digit, wine
from otgan.pairs.funnel_files import load_funnels
from otgan.pairs.funnels import funnels, max_funnels
from otgan.pairs.products import product
from otgan.pairs.rays import ellipsoid, radial
from otgan.pairs.shells import point_sphere, three_circles
from otgan.pairs.translations import translation
from otgan.pairs.univariate import gaussians_1d

# Name, description, and how to make the two sides; made when asked for, since some of them read files.
_PLAIN: dict[str, tuple[str, Callable[[], tuple[Measure, Measure]]]] = {
    "8gaussians": (
        "a ring of eight Gaussians (radius 2, std 0.1) against the standard Gaussian, in the plane",
        lambda: (eight_gaussians(radius=2.0, std=0.1), Gaussian.standard(2)),
    ),
    "25gaussians": (
        "a 5 × 5 grid of Gaussians (spacing 2, std 0.05) against N(0, 8 I), in the plane",
        # The grid's own covariance is (8 + std²) I: the sides agree in mean and spread, and differ in shape alone.
        lambda: (twenty_five_gaussians(spacing=2.0, std=0.05), Gaussian([0.0, 0.0], 8.0).named("N(0, 8 I)")),
    ),
    "swissroll-moons": (
        "a Swiss roll (radius 2) against two moons (radius 1), both with noise of std 0.05, in the plane",
        lambda: (swiss_roll(radius=2.0, noise=0.05), two_moons(noise=0.05)),
    ),
    "checkerboard": (
        "the black squares of a 4 × 4 board against the whole board [−2, 2]², uniform on both",
        lambda: (checkerboard(squares=4, side=1.0), checkerboard(squares=1, side=4.0).named("uniform on [−2, 2]²")),
    ),
    "digits": (
        "handwritten threes against eights, 8 × 8 pixels scaled to [0, 1]",
        lambda: (digit(3), digit(8)),
    ),
    "wine": (
        "wine cultivar 0 against cultivar 1, 13 standardised measurements",
        lambda: wine(0, 1),
    ),
}


def _funnels(
    dim: int = 2,
    n_funnels: int = 4,
    seed: int | None = None,
    degree: float = 8,
    path: str | os.PathLike[str] | None = None,
) -> KnownPair:
    if path is None:
        return funnels(dim, n_funnels, 0 if seed is None else seed, degree)
    if seed is not None:
        raise InvalidInputError("seed", "be left out where a file is given", seed, "the file says what is drawn")
    return load_funnels(path, dim, n_funnels, degree)


def _max_funnels(dim: int = 2, n_funnels: int = 4, seed: int = 0, degree: float = 8) -> KnownPair:
    return max_funnels(dim, n_funnels, seed, degree)


def _ellipsoid(dim: int = 2, seed: int = 0) -> KnownPair:
    return ellipsoid(dim, seed)


def _point_sphere(dim: int = 2) -> KnownPair:
    return point_sphere(dim)


def _translation(dim: int = 2) -> KnownPair:
    return translation(dim=dim)


def _radial(dim: int = 2) -> KnownPair:
    return radial(dim)


def _product(dim: int = 2) -> KnownPair:
    others = as_count("dim", dim, low=2) - 1
    return product(gaussians_1d(), Uniform([-1.0] * others, [1.0] * others).named(f"uniform on [−1, 1]^{others}"))


# Each with the options that the command line may set; all have defaults.
_KNOWN: dict[str, Callable[..., KnownPair]] = {
    "funnels": _funnels,
    "max-funnels": _max_funnels,
    "ellipsoid": _ellipsoid,
    "three-circles": three_circles,
    "point-sphere": _point_sphere,
    "gaussians-1d": gaussians_1d,
    "translation": _translation,
    "radial": _radial,
    "product": _product,
}


def pair_names(*, known: bool = False) -> list[str]:
    """Names of all pairs, the default `8gaussians` first; with `known` of those alone whose W1 is known."""
    return list(_KNOWN) if known else [*_PLAIN, *_KNOWN]


def pair_options(name: str) -> list[str]:
    """Names of the options that `get_pair` takes for this pair.

    Raises:
        InvalidValueError: If there is no such pair.
    """
    _need_name(name)
    return list(inspect.signature(_KNOWN[name]).parameters) if name in _KNOWN else []


def get_pair(name: str, **options: Any) -> Pair:
    """The pair of that name; a `KnownPair` where its W1 is known.

    Args:
        name: One of `pair_names()`.
        options: Some of `pair_options(name)`, such as dim, n_funnels, seed, degree and path for `funnels`; an option
            that is None stands for its default.

    Returns:
        The pair; its measures are made anew, so that no two callers share one.

    Raises:
        InvalidValueError: If there is no such pair, or an option is out of range.
        InvalidInputError: If the pair does not take an option.
        InvalidTypeError: If an option has a wrong type.
        FileFormatError: If `path` does not hold the pair.
        MissingDependencyError: If the pair's data come with scikit-learn, and that is not installed.
    """
    _need_name(name)
    chosen, allowed = {key: value for key, value in options.items() if value is not None}, pair_options(name)
    for key, value in chosen.items():
        if key not in allowed:
            takes = ", ".join(allowed) or "no options"
            raise InvalidInputError(
                key,
                f"be left out for the pair {name}, which takes {takes}",
                repr(value),
                "leave it out, or choose another",
            )
    if name in _KNOWN:
        return _KNOWN[name](**chosen)
    description, sides = _PLAIN[name]
    return Pair(name, description, *sides())


def _need_name(name: object) -> None:
    if not isinstance(name, str) or name not in pair_names():
        raise InvalidValueError("pair", f"be one of {', '.join(pair_names())}", repr(name), "choose one of these names")
