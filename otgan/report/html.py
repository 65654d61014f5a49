"""A report as one HTML file that needs nothing else: no script, no font, no other file."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from otgan.plots import style
from otgan.report.captions import captions
from otgan.report.numbers import number, percent, quantities, sample
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
    shown = [{"name": name, "caption": words[name], "image": _embed(svg)} for name, svg in figures.items()]
    environment = Environment(
        loader=PackageLoader("otgan.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
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
        settings={name: value if isinstance(value, str) else json.dumps(value) for name, value in settings.items()},
        versions=versions,
        verdicts=VERDICTS,
        colours={"source": style.SOURCE, "target": style.TARGET, "truth": style.TRUTH, "critic": style.CRITIC},
    )


def _embed(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")
