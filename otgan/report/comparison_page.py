"""Several trainings side by side, as a picture and as one HTML file that needs nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from otgan.archive import whole_file
from otgan.checks import FloatArray
from otgan.gan import Data, JudgedRun
from otgan.plots import as_svg, compared_curves_figure, compared_samples_figure, comparison_figure, save_png
from otgan.plots.compare import letter, run_title
from otgan.report.captions import Caption
from otgan.report.gan import GanQuantity, gan_quantities, reached
from otgan.report.gan_pages import n_modes_of, shown
from otgan.report.gan_write import centres_of, real_points
from otgan.report.numbers import PROVEN
from otgan.report.page import in_words, picture, render
from otgan.report.provenance import plain, versions

#: What differs between runs whatever was asked, or is too long to be read.
LEFT_OUT = ("centre", "own_networks", "identity", "fingerprint")


def write_comparison(
    compared: Sequence[JudgedRun],
    data: Data,
    figure: str | os.PathLike[str],
    *,
    seed: int = 0,
    n: int = 2500,
    command: str = "",
) -> Path:
    """Write the picture of `otgan.plots.comparison_figure`, and a page of the same name that ends in ``.html``.

    Args:
        compared: See `otgan.gan.compare_runs`.
        data: What all of them were trained on.
        figure: Where the picture goes, a PNG.
        seed: Of the real points in the pictures.
        n: How many of these.
        command: What makes the same again, to be shown.

    Returns:
        The path of the page.

    Raises:
        FileFormatError: If a file cannot be written.
    """
    page = Path(figure).with_suffix(".html")
    real = real_points(data, n, seed)
    text = as_comparison_html(compared, data, real, command=command)
    with whole_file(figure) as file:
        save_png(comparison_figure(compared, real, modes=centres_of(data)), file)
    with whole_file(page) as file:
        # Names of files may hold bytes that are no text.
        file.write(text.encode(errors="replace"))
    return page


def as_comparison_html(compared: Sequence[JudgedRun], data: Data, real: FloatArray, *, command: str = "") -> str:
    """The whole page.

    Args:
        compared: See `otgan.gan.compare_runs`.
        data: What all of them were trained on.
        real: Real points to draw, (m, D).
        command: What makes the same again; empty where nobody knows.

    Returns:
        HTML; everything that a user may have typed is escaped.
    """
    floor = shown(compared[0].numbers.get("noise_floor"))
    words = _captions(compared, data)
    pictures = {
        "samples": as_svg(compared_samples_figure(compared, real, modes=centres_of(data))),
        "curves": as_svg(compared_curves_figure(compared)),
    }
    return render(
        "comparison.html.j2",
        title=f"{len(compared)} trainings on {data.name}",
        data=data.name,
        n=f"{compared[0].numbers.get('n') or 0:.0f}",
        headline=_headline(compared),
        floor=floor,
        runs=[{"title": run_title(k, entry)} for k, entry in enumerate(compared)],
        rows=_rows(compared, n_modes_of(data)),
        figures=[picture(name, words[name], svg) for name, svg in pictures.items()],
        command=command,
        settings=_settings(compared),
        versions=versions(),
    )


def _headline(compared: Sequence[JudgedRun]) -> str:
    known = [(w1, k) for k, entry in enumerate(compared) if (w1 := entry.numbers.get("w1")) is not None]
    if not known:
        return "No distance is known."
    w1, k = min(known)
    return f"{letter(k)}: {compared[k].run.learnt.system.name} is nearest, {shown(w1)} from the held-out points."


def _rows(compared: Sequence[JudgedRun], n_modes: int | None) -> list[dict[str, Any]]:
    """A row for each number that any run has, in the order of reading; a cell for each run."""
    found = [{q.name: q for q in gan_quantities(entry, n_modes=n_modes)} for entry in compared]
    every: dict[str, GanQuantity] = {}
    for quantities in found:
        for name, quantity in quantities.items():
            every.setdefault(name, quantity)
    return [
        {
            "name": name,
            "values": [
                {
                    "value": quantities[name].value if name in quantities else "",
                    "bracket": _bracket(entry) if first.kind == PROVEN else "",
                }
                for entry, quantities in zip(compared, found, strict=True)
            ],
            "real": first.real,
            "kind": first.kind,
            "meaning": "Each with its bracket; of a second real sample, the noise floor."
            if first.kind == PROVEN
            else first.meaning,
        }
        for name, first in every.items()
    ]


def _bracket(entry: JudgedRun) -> str:
    lower, upper = entry.numbers.get("w1_lower"), entry.numbers.get("w1_upper")
    return "" if lower is None or upper is None else f"{lower:.17g} … {upper:.17g}"


def _settings(compared: Sequence[JudgedRun]) -> dict[str, list[str]]:
    """Text of every setting of every run, by name; empty where a run has none of that name."""
    each = [
        {"folder": str(entry.run.folder), "reached": reached(entry.run)} | in_words(_asked(entry.run.settings))
        for entry in compared
    ]
    names = dict.fromkeys(name for settings in each for name in settings)
    return {name: [settings.get(name, "") for settings in each] for name in names}


def _asked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked, the method's hyper-parameters one by one."""
    kept = {name: value for name, value in settings.items() if name not in (*LEFT_OUT, "options")}
    return dict(plain(kept | settings["options"]))


def _captions(compared: Sequence[JudgedRun], data: Data) -> dict[str, Caption]:
    return {
        "samples": Caption(
            "What each draws",
            "Drawn at random, not chosen."
            if data.is_image
            else "In one window: real points in blue, generated ones in yellow; what lies outside it is at its edge.",
            f"What {len(compared)} generators draw, side by side.",
        ),
        "curves": Caption(
            "How each came there",
            "The exact distance over the steps with its bracket as a band. The looks on the way are at other points "
            "than the table, and as many as n_samples of the settings says; the fewer, the larger the distance. The "
            "dashed lines are the noise floors of so many points.",
            f"Exact W1 over the steps of {len(compared)} trainings, each a curve.",
        ),
    }
