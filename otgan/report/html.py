"""A validation as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otgan.report.captions import captions
from otgan.report.numbers import number, percent, quantities, sample
from otgan.report.page import in_words, picture, render
from otgan.validation.report import ValidationReport
from otgan.validation.verdict import ACCURATE, ROUGH

#: A sign and a word for each level, so that none has to be told by its colour.
LEVELS = {
    "accurate": ("✓", "Accurate"),
    "rough": ("≈", "Rough"),
    "wrong": ("✗", "Wrong"),
    "undecided": ("?", "Undecided"),
}

VERDICTS = (
    f"Accurate: within {ACCURATE:.0%} of the true distance. Rough: within {ROUGH:.0%}. Wrong: farther away. Undecided: "
    f"below the true distance by more than {ACCURATE:.0%}, but by less than the noise floor, so that the critic may be "
    "right about the populations."
)


def as_html(
    report: ValidationReport,
    figures: Mapping[str, bytes],
    *,
    title: str,
    settings: Mapping[str, Any],
    versions: Mapping[str, str],
) -> str:
    """The whole page.

    Args:
        report: What was found.
        figures: SVG of each figure by name, in the order of reading; "bounds" is shown first.
        title: Its heading.
        settings: What it was made with.
        versions: Versions of the packages.

    Returns:
        HTML; everything that a user may have typed is escaped.
    """
    words = captions(report)
    sign, level = LEVELS.get(report.verdict.level, ("•", report.verdict.level))
    shown = [picture(name, words[name], svg) for name, svg in figures.items()]
    return render(
        "validation.html.j2",
        report=report,
        title=title,
        source=sample(report.source, report.n_source),
        target=sample(report.target, report.n_target),
        sign=sign,
        level=level,
        estimate=number(report.estimate.value),
        truth=number(report.truth.distance),
        error=percent(report.relative_error),
        quantities=quantities(report),
        first=shown[0],
        figures=shown[1:],
        settings=in_words(settings),
        versions=versions,
        verdicts=VERDICTS,
    )
