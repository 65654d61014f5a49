"""Pairs of measures that have a name, for the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from otgan.errors import InvalidValueError
from otgan.measures import (
    DiscreteMeasure,
    Gaussian,
    Measure,
    checkerboard,
    eight_gaussians,
    swiss_roll,
    twenty_five_gaussians,
    two_moons,
)
from otgan.pairs.bundled import digit, wine


@dataclass(frozen=True)
class Pair:
    """Two measures on the same space.

    Attributes:
        name: What the command line calls it.
        description: One line for people.
        source: The real side.
        target: The generated side.
    """

    name: str
    description: str
    source: Measure
    target: Measure

    @property
    def finite(self) -> bool:
        """Whether both sides have finitely many points, so that their distance can be computed exactly."""
        return isinstance(self.source, DiscreteMeasure) and isinstance(self.target, DiscreteMeasure)


# Name, description, and how to make the two sides; made when asked for, since some of them read files.
_PAIRS: dict[str, tuple[str, Callable[[], tuple[Measure, Measure]]]] = {
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


def pair_names() -> list[str]:
    """Names of all pairs, the default `8gaussians` first."""
    return list(_PAIRS)


def get_pair(name: str) -> Pair:
    """The pair of that name.

    Args:
        name: One of `pair_names()`.

    Returns:
        The pair; its measures are made anew, so that no two callers share one.

    Raises:
        InvalidValueError: If there is no such pair.
        MissingDependencyError: If the pair's data come with scikit-learn, and that is not installed.
    """
    if name not in pair_names():
        raise InvalidValueError("pair", f"be one of {', '.join(pair_names())}", repr(name), "choose one of these names")
    description, sides = _PAIRS[name]
    return Pair(name, description, *sides())
