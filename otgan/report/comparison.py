"""Several trainings side by side: a table for the terminal, and the same as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from otgan.gan import Data
from otgan.gan.compare import JudgedRun
from otgan.plots.compare import letter
from otgan.report.gan import reached
from otgan.report.numbers import number
from otgan.report.provenance import plain


def as_comparison(compared: Sequence[JudgedRun], data: Data, *, seed: int) -> dict[str, Any]:
    """What was found, as strict JSON can hold it."""
    runs = [
        {
            "letter": letter(k),
            "folder": str(entry.run.folder),
            "method": entry.run.learnt.system.name,
            "seed": entry.run.settings["seed"],
            "step": entry.run.step,
            "n_steps": entry.run.n_steps,
            "numbers": entry.numbers,
            "rank_correlation": entry.correlation,
            "features": None if entry.extractor is None else entry.extractor.name,
        }
        for k, entry in enumerate(compared)
    ]
    return dict(plain({"data": data.name, "seed": seed, "runs": runs}))


def as_comparison_table(compared: Sequence[JudgedRun], data: Data) -> RenderableType:
    """One line a run, and one for a second real sample; fits 80 columns.

    Args:
        compared: See `otgan.gan.compare_runs`.
        data: What all of them were trained on.

    Returns:
        Something for `rich.console.Console.print`; names are plain text in it.
    """
    first = compared[0].numbers
    n_modes = None if data.modes is None else len(data.modes.components)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    headings = ["exact W1", "sliced", "ranks"]
    if n_modes is not None:
        headings[2:2] = ["modes", "in 3σ", "KL"]
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for k, entry in enumerate(compared):
        table.add_row(
            f"{letter(k)}: {entry.run.learnt.system.name}", *_cells(entry.numbers, n_modes), _signed(entry.correlation)
        )
    again = {name.removeprefix("real_"): value for name, value in first.items() if name.startswith("real_")}
    table.add_row("real again", *_cells({"w1": first.get("noise_floor"), **again}, n_modes), "")
    names = "\n".join(f"{letter(k)}: {entry.run.folder}, {reached(entry.run)}" for k, entry in enumerate(compared))
    notes = (
        f"{_count(first.get('n'))} generated against the same {_count(first.get('n'))} held-out points of {data.name}; "
        "± is the proven bracket of W1 of these points. The last line is of a second real sample: the noise floor. "
        "ranks: rank correlation of the own loss with W1 over the training."
    )
    return Group(Padding(table, (0, 1)), Text(names), Text(notes, style="dim"))


def _cells(numbers: Any, n_modes: int | None) -> list[str]:
    cells = [_w1(numbers), _cell(numbers.get("sliced_w1"))]
    if n_modes is not None:
        share = numbers.get("high_quality")
        cells += [
            f"{_count(numbers.get('modes_covered'))}/{n_modes}",
            "" if share is None else f"{100 * share:.1f} %",
            _cell(numbers.get("mode_kl")),
        ]
    return cells


def _w1(numbers: Any) -> str:
    value, lower, upper = (numbers.get(name) for name in ("w1", "w1_lower", "w1_upper"))
    if value is None or lower is None or upper is None:
        return _cell(value)
    return f"{number(value)} ±{max(upper - value, value - lower):.0e}"


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}" if value < 0.01 else f"{value:.3g}"


def _count(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f}"


def _signed(value: float) -> str:
    return "" if math.isnan(value) else f"{value:+.2f}".replace("-", "−")
