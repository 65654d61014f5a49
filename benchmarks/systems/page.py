"""The page of the documentation and its pictures, from the records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._pages import fill
from benchmarks.systems import tables
from benchmarks.systems.runs import JUDGED, LAWS, THRICE
from otgan.gan import SYSTEMS, get_data
from otgan.plots import samples_figure
from otgan.plots.style import save


def write_page(results: dict[str, Any], docs: Path) -> list[Path]:
    """Write docs/systems.md and its pictures from the results, and return where they are."""
    records = results["runs"]
    laws = [law for law in LAWS if any(record["law"] == law for record in records)]
    pictures = {}
    for law in laws:
        name, options = LAWS[law]
        shown = {
            record["method"]: record["points"] for record in records if record["law"] == law and record["seed"] == 0
        }
        panels = {method: np.asarray(shown[method]) for method in SYSTEMS if method in shown}
        picture = docs / "images" / f"systems-{name}{'-hard' if options else ''}.png"
        save(samples_figure(panels, modes=get_data(name, **options).modes), picture)
        pictures[law] = picture
    page = docs / "systems.md"
    text = fill(
        Path(__file__).parent,
        machine=results["machine"],
        date=results["date"],
        judged=JUDGED,
        thrice=THRICE,
        systems=SYSTEMS,
        sections={law: {"table": tables.of_law(records, law), "picture": pictures[law].name} for law in laws},
        correlations=tables.correlations(records, laws),
    )
    page.write_text(text, encoding="utf-8")
    return [page, *pictures.values()]
