"""The page of the documentation and its pictures, from the records alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from benchmarks._pages import fill
from benchmarks.systems import tables
from benchmarks.systems.runs import JUDGED, LAWS, LOOKED_AT, SHOWN
from otgan.checks import FloatArray
from otgan.gan import SYSTEMS, get_data
from otgan.plots.samples import draw_generated
from otgan.plots.style import new_figure, save_png, styled

#: Panels in a row, and points of each side in a panel.
COLUMNS, DRAWN = 5, 200


def write_page(results: dict[str, Any], docs: Path) -> list[Path]:
    """Write docs/systems.md and its pictures from the results, and return where they are."""
    records = results["runs"]
    laws = [law for law in LAWS if any(record["law"] == law for record in records)]
    pictures = {}
    for law in laws:
        name, options = LAWS[law]
        real = get_data(name, **options).held_out.sample(SHOWN, np.random.default_rng(0))
        shown = {
            record["method"]: record["points"] for record in records if record["law"] == law and record["seed"] == 0
        }
        panels = {method: np.asarray(shown[method]) for method in tables.NAMES if method in shown}
        picture = docs / "images" / f"systems-{name}{'-hard' if options else ''}.png"
        save_png(_panels(panels, real), picture)
        # So few colours that fourteen panels make a small file.
        Image.open(picture).convert("RGB").quantize(32, dither=Image.Dither.NONE).save(picture, optimize=True)
        pictures[law] = picture
    page = docs / "systems.md"
    text = fill(
        Path(__file__).parent,
        machine=results["machine"],
        date=results["date"],
        judged=JUDGED,
        systems=SYSTEMS,
        sections={law: {"table": tables.of_law(records, law), "picture": pictures[law].name} for law in laws},
        correlations=tables.correlations(records, laws),
        late_correlations=tables.correlations(records, laws, late=True),
        looked_at=LOOKED_AT,
    )
    page.write_text(text, encoding="utf-8")
    return [page, *pictures.values()]


@styled
def _panels(points: dict[str, FloatArray], real: FloatArray) -> Figure:
    """What each method draws, over real points, (n, 2) each."""
    rows = -(-len(points) // COLUMNS)
    figure = new_figure(1.6 * COLUMNS, 1.8 * rows)
    for k, (method, drawn) in enumerate(points.items()):
        ax = figure.add_subplot(rows, COLUMNS, k + 1)
        draw_generated(ax, drawn[:DRAWN], real[:DRAWN])
        ax.set_title(method)
        ax.set_xticks([])
        ax.set_yticks([])
    return figure
