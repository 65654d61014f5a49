"""`otgan pairs`: the measures that have a name, and what is known about their distance."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from otgan.cli.terminal import working

if TYPE_CHECKING:
    from otgan.interval import Interval

#: Intervals narrower than this, relative to their upper end, are printed as one number.
NARROW = 1e-8


def pairs(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list of objects instead of a table.")] = False,
) -> None:
    """Pairs of distributions to judge critics on: dimension, true W1, and how it is known.

    W1 is that of the two distributions themselves, not of samples. Kind `proven`: both ends hold for certain.
    Kind `statistical at level 0.997`: a Monte Carlo value ± 3 standard errors, its seed and size in `otgan truth`.
    Kind `exact solver`: finite data, solved by `otgan truth`. Kind `bracket on a grid`: proven, by `otgan truth`, in
    seconds to minutes. No kind: only samples are known.

    Shown are the defaults; `otgan truth --pair NAME --dim D …` gives other members of a family.

    Examples: `otgan pairs` · `otgan pairs --json`
    """
    from otgan.pairs import pair_names

    with working("reading pairs"):
        found = [_row(name) for name in pair_names()]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Pair", no_wrap=True, style="bold")
    table.add_column("Dim", justify="right", no_wrap=True)
    table.add_column("W1", no_wrap=True)
    table.add_column("Kind")
    table.add_column("What it is", ratio=1)
    for row in found:
        dim = "" if row["dim"] is None else str(row["dim"])
        table.add_row(row["name"], dim, _number(row["lower"], row["upper"]), row["kind"] or "", row["description"])
    Console().print(table)


def _row(name: str) -> dict[str, Any]:
    from otgan.errors import MissingDependencyError
    from otgan.pairs import KnownPair, get_pair, pair_options
    from otgan.pairs.truths import on_grid

    row: dict[str, Any] = {"name": name, "description": None, "dim": None, "lower": None, "upper": None, "kind": None}
    try:
        pair = get_pair(name)
    except MissingDependencyError as error:
        return {**row, "description": str(error), "options": pair_options(name)}
    row |= {"description": pair.description, "dim": pair.dim, "options": pair_options(name)}
    if isinstance(pair, KnownPair):
        w1: Interval = pair.w1
        row |= {"lower": w1.lower, "upper": w1.upper, "kind": w1.kind}
    elif pair.finite:
        row["kind"] = "exact solver"
    elif on_grid(pair):
        row["kind"] = "bracket on a grid"
    return row


def _number(lower: float | None, upper: float | None) -> str:
    if lower is None or upper is None:
        return ""
    middle, half = (lower + upper) / 2, (upper - lower) / 2
    if half <= NARROW * upper:
        return f"{middle:.6g}"
    return f"{middle:.4f} ± {half:.1g}"
