"""The page of the documentation, from the records alone."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from benchmarks._pages import fill
from benchmarks.critics import tables
from benchmarks.critics.runs import AUDIT, HELD_OUT, PAIRS
from otgan.critics import METHODS


def write_page(results: dict[str, Any], docs: Path) -> Path:
    """Write docs/benchmarks/critics.md from the results, and return where it is."""
    records = results["runs"]
    held = {name: method.held for name, method in METHODS.items()}
    page = docs / "benchmarks" / "critics.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    text = fill(
        Path(__file__).parent,
        machine=results["machine"],
        date=results["date"],
        seconds=results["seconds"],
        seeds=sorted({record["seed"] for record in records}),
        held_out=HELD_OUT,
        audit=AUDIT,
        sections={
            pair: {
                "laws": results["laws"][pair],
                "samples": statistics.fmean(record["truth"] for record in records if record["pair"] == pair),
                "table": tables.accuracy(records, pair, held, results["laws"][pair]),
            }
            for pair in PAIRS
            if any(record["pair"] == pair for record in records)
        },
        speed=tables.speed(results["speed"]) if results["speed"] else "not measured",
        methods={name: method.summary for name, method in METHODS.items()},
    )
    page.write_text(text, encoding="utf-8")
    return page
