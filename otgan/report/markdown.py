"""A report as Markdown, for a pull request or a notebook."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from otgan.report.captions import captions
from otgan.report.numbers import quantities, sample
from otgan.validation.report import ValidationReport


def as_markdown(
    report: ValidationReport,
    figures: Sequence[str],
    *,
    title: str,
    settings: Mapping[str, Any],
    versions: Mapping[str, str],
) -> str:
    """The report with links to ``figures/NAME.png``.

    Args:
        report: What was found.
        figures: Names of the figures that stand beside it.
        title: Its heading.
        settings: What it was made with.
        versions: Versions of the packages.

    Returns:
        The text, with a line break at its end.
    """
    words = captions(report)
    lines = [
        f"# {escape(title)}",
        "",
        f"**{report.verdict.level.capitalize()}.** {escape(report.verdict.headline)}",
        "",
        *(f"- {escape(reason)}" for reason in report.verdict.reasons),
        "",
        f"- Critic: {escape(report.critic)}, in dimension {report.dim}",
        f"- Source (real): {escape(sample(report.source, report.n_source))}",
        f"- Target (generated): {escape(sample(report.target, report.n_target))}",
        "",
        "## Numbers",
        "",
        "| Number | Value | Kind | Bounds | Meaning |",
        "| --- | ---: | --- | --- | --- |",
        *(
            "| " + " | ".join(map(escape, (q.name, q.value, q.kind, q.bounds, q.meaning))) + " |"
            for q in quantities(report)
        ),
        "",
        "## Figures",
        "",
    ]
    for name in figures:
        caption = words[name]
        lines += [f"### {caption.title}", "", f"![{escape(caption.alt)}](figures/{name}.png)", "", caption.text, ""]
    lines += ["## Settings", "", "| Name | Value |", "| --- | --- |"]
    lines += [f"| {escape(name)} | {escape(value)} |" for name, value in {**settings, **versions}.items()]
    return "\n".join(lines) + "\n"


def escape(text: object) -> str:
    """Text that is neither Markdown nor HTML nor the end of a table's cell; what was typed reads as it was typed."""
    line = " ".join(str(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#!])", r"\\\1", line)
