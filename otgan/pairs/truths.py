"""What is known about a pair's W1, whatever the pair."""

from __future__ import annotations

from dataclasses import dataclass

from otgan.errors import NotProvidedError
from otgan.interval import Interval
from otgan.measures import DiscreteMeasure, Gaussian, GaussianMixture
from otgan.pairs.base import KnownPair, Pair
from otgan.pairs.registry import pair_names


@dataclass(frozen=True)
class Truth:
    """W1 between the two measures of a pair, not between samples of them.

    Attributes:
        w1: Its lower and upper bound, and their kind.
        source: Where they come from.
    """

    w1: Interval
    source: str


def on_grid(pair: Pair) -> bool:
    """Whether the pair's W1 has no closed form but a bracket on a grid: Gaussian mixtures in the plane."""
    return pair.dim == 2 and all(isinstance(side, Gaussian | GaussianMixture) for side in (pair.source, pair.target))


def truth(pair: Pair, *, rtol: float = 0.005, max_seconds: float = 120.0) -> Truth:
    """W1 of a pair: the closed form where it is known, the exact solver's bracket where both sides are finite.

    Between Gaussian mixtures in the plane it is bracketed on a grid; see `otgan.population_w1`.

    Args:
        pair: Any pair, as from `otgan.pairs.get_pair`.
        rtol: Relative width at which a bracket on a grid is narrow enough.
        max_seconds: Time after which a bracket on a grid is taken as it is.

    Returns:
        Bounds, kind and source.

    Raises:
        NotProvidedError: If nothing but samples is known of the pair.
    """
    if isinstance(pair, KnownPair):
        return Truth(pair.w1, pair.source_reference)
    if isinstance(pair.source, DiscreteMeasure) and isinstance(pair.target, DiscreteMeasure):
        from otgan.solve import wasserstein

        x, y = pair.source, pair.target
        solution = wasserstein(x, y)
        source = f"exact optimal transport between all {len(x)} and {len(y)} points, with its certificate"
        return Truth(Interval(solution.lower_bound, solution.upper_bound), source)
    if on_grid(pair):
        from otgan.beckmann import population_w1

        bracket = population_w1(pair.source, pair.target, rtol=rtol, max_seconds=max_seconds)
        nx, ny = bracket.grid.shape
        source = f"Beckmann's problem on {nx} x {ny} cells: an exact flux above, a 1-Lipschitz potential below"
        return Truth(bracket.interval, source)
    raise NotProvidedError(
        f"pair must be one whose W1 is known ({', '.join(pair_names(known=True))}, or finite), got {pair.name!r}, "
        "for which there is neither a closed form nor a bracket; choose one of these, or compare samples of it by "
        "otgan.wasserstein"
    )
