"""What to look for in each figure, and what it shows to those who cannot see it."""

from __future__ import annotations

from dataclasses import dataclass

from otgan.report.numbers import number, percent
from otgan.validation.report import ValidationReport
from otgan.validation.verdict import ACCURATE, ROUGH


@dataclass(frozen=True)
class Caption:
    """The words around a figure.

    Attributes:
        title: A heading.
        text: What to look for.
        alt: What is in the picture, for those who cannot see it.
    """

    title: str
    text: str
    alt: str


def captions(report: ValidationReport) -> dict[str, Caption]:
    """A caption for every name in `otgan.plots.FIGURE_NAMES`."""
    says, truth = number(report.estimate.value), number(report.truth.distance)
    stated, seen, proven = (number(v) for v in (report.slopes.stated, report.slopes.lower, report.slopes.upper))
    cosine = number(report.alignment.mean)
    where = {
        1: "Left: the critic and an exact optimal potential along the line, each shifted to 0 on average; the ticks "
        "below are the samples.",
        2: "Left: arcs of the exact plan, black where the critic's gradient points along them and red where it points "
        "the other way.",
    }.get(
        report.dim,
        f"Left: arcs of the exact plan in {report.dim} dimensions, projected on the first two principal axes of both "
        "samples together, so that distances look shorter than they are; black where the critic's gradient points "
        "along them and red where it points the other way.",
    )
    return {
        "bounds": Caption(
            "The critic's number and the truth",
            f"Everything in units of length. The black line is the true distance; the bands are within {ACCURATE:.0%} "
            f"and {ROUGH:.0%} of it. A good critic puts its dot on the line. The arrows are what its values prove, "
            "whatever it says: proofs never pass the line. A distance that is no longer than the grey bar can "
            "hardly be told from sampling noise.",
            f"One axis in units of length: the critic says {says} ({percent(report.relative_error)}), the exact W1 of "
            f"the same samples is {truth}, the critic proves at least {number(report.lower_bounds.best)}, and two "
            f"halves of one sample are {number(report.noise_floor.largest)} apart.",
        ),
        "landscape": Caption(
            "The critic as a map, beside the map that it should be",
            "Left and middle have the same contour levels and colours (blue is high, as on the source; yellow is low, "
            "as on the target), and both are shifted to 0 on average over the samples. They should look alike where "
            "there are points; elsewhere nothing determines them. Contours that are closer together on the left mean "
            f"that the critic is too steep. Right: white is the allowed slope {stated}, brown is steeper, green is "
            "flatter; the star marks the steepest slope that was found.",
            f"Three maps: contours of the critic, contours of the exact potential, and the critic's slope, at most "
            f"{seen} seen where {stated} is allowed.",
        ),
        "transport": Caption(
            "Where the mass goes, and the values that drive it",
            f"{where} Right: the critic's values at the samples against an exact potential's; the closer to the line, "
            "the better. The exact potential is not unique, so a small scatter is no fault; a bend is.",
            "Left: the exact transport between source and target beside the critic's direction. Right: scatter plot of "
            "the critic's values against an exact potential's, with the diagonal as reference.",
        ),
        "alignment": Caption(
            "Do the critic's gradients point along the transport?",
            "All bars should stand at +1. These directions are what a generator learns from: at 0 it is pushed "
            "sideways, below 0 the wrong way. In many dimensions few critics come near +1, even with a good estimate.",
            f"Histogram of the cosine between the critic's gradient and the transport; its mean is {cosine}.",
        ),
        "slopes": Caption(
            "Does the critic keep its constraint?",
            f"Slopes at the samples. Beyond K = {stated} the constraint is broken, and the estimate may exceed the "
            "truth. The critic's true steepest slope lies between the dashed line that was seen and the bound that "
            "is proven, which is often very far to the right.",
            f"Histogram of the critic's slopes: {stated} is allowed, {seen} was seen, the proven upper bound is "
            f"{proven}.",
        ),
        "training": Caption(
            "How the critic came to its number",
            "On single batches, hence the jitter. The estimate should have levelled off, near the black line; the "
            "slope should have settled near K. A curve that is still rising asks for more steps. A batch is smaller "
            "than the held-out samples, so the two are alike but not the same.",
            "Three curves over the steps of training: the batch estimate, the mean slope and the penalty.",
        ),
    }
