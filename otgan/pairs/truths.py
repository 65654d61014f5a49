"""What is known about a pair's W1, whatever the pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from otgan.errors import Interrupted, NotProvidedError
from otgan.interval import Interval
from otgan.measures import DiscreteMeasure, Gaussian, GaussianMixture, Uniform
from otgan.measures.shapes import ShapeMeasure
from otgan.pairs.base import KnownPair, Pair
from otgan.pairs.registry import pair_names

if TYPE_CHECKING:
    from otgan.beckmann import PopulationW1


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
    """Whether the pair's W1 has no closed form but a bracket on a grid: laws in the plane that are known themselves."""
    known = Gaussian | GaussianMixture | Uniform | ShapeMeasure
    return pair.dim == 2 and all(isinstance(side, known) for side in (pair.source, pair.target))


def truth(pair: Pair, *, rtol: float = 0.005, max_seconds: float = 120.0) -> Truth:
    """W1 of a pair: the closed form where it is known, the exact solver's bracket where both sides are finite.

    Between other laws in the plane it is bracketed on a grid; see `otgan.population_w1`.

    Args:
        pair: Any pair, as from `otgan.pairs.get_pair`.
        rtol: Relative width at which a bracket on a grid is narrow enough.
        max_seconds: Time after which a bracket on a grid is taken as it is.

    Returns:
        Bounds, kind and source.

    Raises:
        NotProvidedError: If nothing but samples is known of the pair.
        Interrupted: After Ctrl-C, where a bracket on a grid was under way; its `partial` is the truth so far.
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

        try:
            return _on_cells(population_w1(pair.source, pair.target, rtol=rtol, max_seconds=max_seconds))
        except Interrupted as stop:
            raise Interrupted("the truth", _on_cells(stop.partial)) from None
    raise NotProvidedError(
        f"pair must be one whose W1 is known ({', '.join(pair_names(known=True))}, or finite), got {pair.name!r}, "
        "for which there is neither a closed form nor a bracket; choose one of these, or compare samples of it by "
        "otgan.wasserstein"
    )


def _on_cells(bracket: PopulationW1) -> Truth:
    nx, ny = bracket.grid.shape
    source = f"Beckmann's problem on {nx} x {ny} cells: an exact flux above, a 1-Lipschitz potential below"
    return Truth(bracket.interval, source)
