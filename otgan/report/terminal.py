"""A report for the terminal, at 80 columns and without need of colours."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from otgan.report.numbers import quantities, sample
from otgan.validation.report import ValidationReport

STYLES = {"accurate": "green", "rough": "yellow", "wrong": "red", "undecided": "cyan"}


def as_table(report: ValidationReport) -> RenderableType:
    """The verdict, the main numbers and what the verdict rests on.

    Args:
        report: What was found.

    Returns:
        Something for `rich.console.Console.print`. Names are plain text in it, so that none is read as markup.
    """
    verdict = report.verdict
    style = STYLES.get(verdict.level, "none")
    headline = Panel(
        Text(verdict.headline),
        title=Text(f" {verdict.level.upper()} ", style=f"bold {style}"),
        title_align="left",
        border_style=style,
        padding=(0, 1),
    )
    about = Text(
        f"{report.critic}, d = {report.dim}\n"
        f"source: {sample(report.source, report.n_source)}\n"
        f"target: {sample(report.target, report.n_target)}",
        style="dim",
    )
    table = Table(box=box.SIMPLE_HEAD, expand=False, pad_edge=False)
    for heading in ("", "value", "kind", "bounds"):
        table.add_column(heading, no_wrap=heading in ("", "value"), justify="right" if heading == "value" else "left")
    for entry in quantities(report):
        if entry.main:
            kind = entry.kind.split(" ±")[0]  # the value says ± already
            bounds = entry.bounds.replace("Lipschitz constant", "slope").replace("this", entry.value)
            table.add_row(*(Text(part) for part in (entry.name, entry.value, kind, bounds)))
    reasons = Table.grid(padding=(0, 1))
    for reason in verdict.reasons:
        reasons.add_row(Text("•"), Text(reason))
    return Group(headline, Padding(about, (0, 2)), Padding(table, (0, 2)), Padding(reasons, (0, 2)))
