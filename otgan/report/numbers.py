"""Every number of a report in words: what it is, how it was had, and what it bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from otgan.interval import Interval
from otgan.validation.report import ValidationReport

PROVEN = "proven"
NOT_PROVEN = "not proven"
MEASURED = "measured"
STATED = "stated"
ESTIMATE = "estimate ± standard error"


@dataclass(frozen=True)
class Quantity:
    """One number for people.

    Attributes:
        name: A few words.
        value: The number, ready to be shown.
        kind: `PROVEN`, `NOT_PROVEN`, `MEASURED`, `STATED` or `ESTIMATE`.
        bounds: Which way it bounds what; empty where it bounds nothing.
        meaning: One plain sentence.
        main: Whether it is among the few that a short table shows.
    """

    name: str
    value: str
    kind: str
    bounds: str
    meaning: str
    main: bool = False


def number(value: float, missing: str = "not available") -> str:
    """Four digits; NaN and infinity in words."""
    if math.isnan(value):
        return missing
    return f"{value:.4g}".replace("-", "−").replace("inf", "∞")


def percent(share: float) -> str:
    """A signed share in per cent."""
    return f"{100 * share:+.1f} %".replace("-", "−") if math.isfinite(share) else number(share)


def sample(description: str, n: int) -> str:
    """One side in words, with its size."""
    size = f"{n} point" if n == 1 else f"{n} points"
    return size if description == f"{n} points" else f"{description}, {size}"


def quantities(report: ValidationReport) -> tuple[Quantity, ...]:
    """All numbers of a report, in the order of reading: the distance first, then the slopes, then the directions."""
    return (
        *_distances(report),
        *_population(report),
        *_bounds_and_noise(report),
        *_slopes(report),
        *_directions(report),
    )


def _distances(report: ValidationReport) -> tuple[Quantity, ...]:
    estimate, truth = report.estimate, report.truth
    return (
        Quantity(
            "The critic's estimate",
            f"{number(estimate.value)} ± {estimate.standard_error:.2g}",
            ESTIMATE,
            "",
            "What the critic says: the mean of f over the source minus its mean over the target, divided by K. It "
            "may lie on either side of the truth.",
            main=True,
        ),
        Quantity(
            "Exact W1, same samples",
            number(truth.distance),
            PROVEN,
            f"{number(truth.lower)} ≤ W1 ≤ {number(truth.upper)}",
            f"The true distance, found by exact optimal transport ({truth.solver}); no network takes part in it.",
            main=True,
        ),
        Quantity(
            "Relative error",
            percent(report.relative_error),
            MEASURED,
            "",
            "How far the critic's estimate lies above (+) or below (−) the true distance.",
            main=True,
        ),
    )


def _population(report: ValidationReport) -> tuple[Quantity, ...]:
    """W1 of the laws and the parts of the error, where the laws are known."""
    known, parts = report.population, report.errors
    if not math.isfinite(known.upper):
        return ()
    return (
        Quantity(
            "W1 of the laws",
            _between(known),
            known.kind,
            f"{number(known.lower)} ≤ W1 ≤ {number(known.upper)}",
            "Between the two distributions themselves; samples of them are further apart on average.",
            main=True,
        ),
        Quantity(
            "Error due to sampling",
            _between(parts.sampling),
            known.kind,
            "",
            "W1 of these samples minus W1 of the laws. The critic's error against the laws is this plus the next row "
            "minus the one after it.",
        ),
        Quantity(
            "Error due to steep slopes",
            _between(parts.violation),
            MEASURED,
            "",
            "The estimate minus what the critic's values prove once they are repaired by c-transform.",
        ),
        Quantity(
            "Shortfall of the network",
            _between(parts.shortfall),
            PROVEN,
            "",
            "W1 of the samples minus what the repaired critic attains: what the network does not reach.",
        ),
    )


def _between(interval: Interval) -> str:
    middle, half = (interval.lower + interval.upper) / 2, interval.width / 2
    return number(middle) if half <= 1e-4 * abs(middle) else f"{number(middle)} ± {half:.1g}"


def _bounds_and_noise(report: ValidationReport) -> tuple[Quantity, ...]:
    bounds, noise = report.lower_bounds, report.noise_floor
    certified = math.isfinite(report.slopes.upper)
    return (
        Quantity(
            "Proven by c-transform",
            number(bounds.by_c_transform),
            PROVEN,
            "W1 ≥ this",
            "What the critic's values on one side prove once the best partner on the other side is computed for them; "
            "it holds however steep the critic is.",
            main=True,
        ),
        Quantity(
            "Proven by its slope",
            number(bounds.by_lipschitz) if certified else "nothing",
            PROVEN if certified else NOT_PROVEN,
            "W1 ≥ this" if certified else "",
            "The difference of means divided by the proven upper bound of the slope, the only constant that is safe to "
            "divide by.",
            main=True,
        ),
        *(
            Quantity(
                f"Noise floor, {side}",
                number(value, "not available, needs two points"),
                MEASURED,
                "",
                f"W1 between two random halves of the {side} sample: what a distance of zero looks like at this size.",
                main=True,
            )
            for side, value in (("source", noise.source), ("target", noise.target))
        ),
    )


def _slopes(report: ValidationReport) -> tuple[Quantity, ...]:
    slopes = report.slopes
    certified = math.isfinite(slopes.upper)
    return (
        Quantity(
            "Stated Lipschitz constant K",
            number(slopes.stated),
            STATED,
            "",
            "The steepest slope that the critic was trained to have; the estimate was divided by it.",
        ),
        Quantity(
            "Steepest slope seen",
            number(slopes.lower),
            MEASURED,
            "Lipschitz constant ≥ this",
            "The steepest slope that a search found between two points; the true constant is no smaller.",
            main=True,
        ),
        Quantity(
            "Proven slope bound",
            number(slopes.upper) if certified else "none",
            PROVEN if certified else NOT_PROVEN,
            "Lipschitz constant ≤ this" if certified else "",
            f"No two points of the box around the samples can have a steeper slope ({slopes.method})."
            if certified
            else f"No upper bound is proven: {slopes.reason}.",
            main=True,
        ),
    )


def _directions(report: ValidationReport) -> tuple[Quantity, ...]:
    alignment = report.alignment
    five, quarter, half, three, most = (number(value) for value in alignment.quantiles)
    moves = not math.isnan(alignment.mean)
    return (
        Quantity(
            "Mean cosine",
            number(alignment.mean, "not available, no mass moves"),
            MEASURED,
            "",
            "Between the critic's gradient and the direction from which the exact plan brings the mass; +1 is perfect.",
            main=True,
        ),
        Quantity(
            "Median cosine",
            half if moves else "not available, no mass moves",
            MEASURED,
            "",
            f"Half of the mass lies in {quarter} … {three}, nine tenths in {five} … {most}."
            if moves
            else "There are no directions to compare.",
        ),
        Quantity(
            "Mass that stays",
            f"{100 * alignment.skipped:.3g} %",
            MEASURED,
            "",
            "Mass for which the exact plan has nothing to move, and which therefore has no direction.",
        ),
    )
