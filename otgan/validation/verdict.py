"""From numbers to words."""

from __future__ import annotations

import math

from otgan.interval import Interval
from otgan.validation.report import UNKNOWN, Alignment, Estimate, LowerBounds, NoiseFloor, Slopes, Truth, Verdict

#: An estimate this close to the truth is called accurate. In the results published with Korotin et al. (2022),
#: Kantorovich Strikes Back!, WGAN-GP errs by 1 to 9 % on the pairs with 4 funnels and by 30 to 69 % on those with 256.
ACCURATE = 0.05
#: Beyond this it is called wrong.
ROUGH = 0.20
#: Where the noise floor is this share of W1 or more, the samples' W1 itself may be mostly sampling bias, and agreeing
#: with it says little about the two laws.
DROWNED = 0.5
#: A slope that exceeds the stated constant by less than this is not reported as a violation.
SLACK = 0.01


def judge(
    estimate: Estimate,
    truth: Truth,
    noise: NoiseFloor,
    relative_error: float,
    bounds: LowerBounds,
    slopes: Slopes,
    alignment: Alignment,
    population: Interval = UNKNOWN,
) -> Verdict:
    """Weigh the findings.

    The comparison is with W1 of the samples, which exceeds the population's W1 on average. A critic that falls short
    of it by less than the noise floor may be right about the population, and one that meets it may be wrong where the
    noise floor is about as large; both are called undecided.
    """
    size = abs(relative_error)
    side = "above" if relative_error > 0 else "below"
    says = f"The critic says {estimate.value:.4g}; W1 of the same samples is {truth.distance:.4g}"
    if truth.upper == 0:
        level = "accurate" if estimate.value == 0 else "wrong"
        headline = f"{says}: the two samples are the same."
    elif size <= ACCURATE and noise.largest >= DROWNED * truth.distance:
        level = "undecided"
        headline = f"{says}: {size:.1%} {side}, but sampling noise is {noise.largest:.4g}: more samples must tell."
    elif size <= ACCURATE:
        level, headline = "accurate", f"{says}: {size:.1%} {side}, close enough to be called the Wasserstein distance."
    elif truth.distance - noise.largest <= estimate.value < truth.distance:
        level = "undecided"
        headline = f"{says}: {size:.1%} {side}, which sampling noise alone ({noise.largest:.4g}) can explain."
    elif size <= ROUGH:
        level, headline = "rough", f"{says}: {size:.1%} {side}; use it for trends, not as a distance."
    else:
        level, headline = "wrong", f"{says}: {size:.1%} {side}; do not call it the Wasserstein distance."
    reasons = (
        *_about_population(estimate, truth, population),
        *_about_sampling(estimate, truth, noise),
        _about_slopes(slopes),
        _about_proof(bounds, truth),
        _about_directions(alignment),
    )
    return Verdict(level, headline, reasons)


def _about_population(estimate: Estimate, truth: Truth, population: Interval) -> tuple[str, ...]:
    if not (math.isfinite(population.upper) and population.upper > 0):
        return ()
    middle, half = (population.lower + population.upper) / 2, population.width / 2
    off = (estimate.value - middle) / middle
    return (
        f"The laws themselves are {middle:.4g} ± {half:.1g} apart ({population.kind}): the critic is {abs(off):.1%} "
        f"{'above' if off > 0 else 'below'} that, the samples {truth.distance / middle - 1:+.1%}.",
    )


def _about_sampling(estimate: Estimate, truth: Truth, noise: NoiseFloor) -> tuple[str, ...]:
    spread = f"Its number carries a standard error of {estimate.standard_error:.2g} from the held-out samples."
    if not noise.largest:
        return (spread,)
    ratio = truth.distance / noise.largest
    floor = f"Two halves of one sample are {noise.largest:.4g} apart"
    if ratio * DROWNED <= 1:
        return (spread, f"{floor}; the two sides are only {ratio:.2g} times as far apart: mostly noise, perhaps.")
    return (spread, f"{floor}; the two sides are {ratio:.2g} times as far apart, so sampling does not hide them.")


def _about_slopes(slopes: Slopes) -> str:
    seen = f"a slope of {slopes.lower:.4g} was found between two points"
    if slopes.lower > slopes.upper:
        return f"Its values round so much that slopes seem to exceed what its weights allow: {seen}."
    if slopes.lower > slopes.stated * (1 + SLACK):
        return (
            f"It breaks its constraint: {seen}, where {slopes.stated:.4g} is allowed, so its number is no lower bound."
        )
    if slopes.upper <= slopes.stated * (1 + SLACK):
        return f"It keeps its constraint, proven: no slope around the samples exceeds {slopes.upper:.4g}."
    proven = "no upper bound is proven" if math.isinf(slopes.upper) else f"the proven upper bound is {slopes.upper:.4g}"
    return f"No violation of its constraint was found ({seen}), which is no proof: {proven}."


def _about_proof(bounds: LowerBounds, truth: Truth) -> str:
    how = "repaired by c-transform" if bounds.by_c_transform >= bounds.by_lipschitz else "over its Lipschitz bound"
    share = f", {bounds.best / truth.distance:.1%} of the true value" if truth.distance else ""
    return f"Its values, {how}, prove W1 ≥ {bounds.best:.4g}{share}."


def _about_directions(alignment: Alignment) -> str:
    if math.isnan(alignment.mean):
        return "No mass moves, so there are no directions to compare."
    does = "point along" if alignment.mean > 0.95 else "roughly follow" if alignment.mean > 0.7 else "do not follow"
    return f"Its gradients {does} the transport: mean cosine {alignment.mean:.3f} (1 is perfect)."
