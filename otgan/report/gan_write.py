"""What a generator's training came to, in the folder of the run: written whole, or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from otgan.checks import FloatArray
from otgan.gan import Data, Frames, JudgedRun
from otgan.plots import (
    as_svg,
    gan_curves_figure,
    image_strip_figure,
    images_figure,
    samples_figure,
    save_image_movie,
    save_movie,
    save_png,
    strip_figure,
)
from otgan.plots.samples import visible
from otgan.report.gan import heading_of
from otgan.report.gan_pages import as_gan_html, as_gan_markdown
from otgan.report.provenance import plain, versions
from otgan.report.write import writing

#: Moved into place in this order: who sees the page sees the rest as well.
MOVIES = ("movie.png", "movie.gif")
FILES = ("samples.png", "curves.png", "report.json", "report.md", "report.html")


def write_gan_report(
    judged: JudgedRun, data: Data, *, seed: int = 0, frames: Frames | None = None, command: str = ""
) -> dict[str, Any]:
    """Write the `FILES` to the folder of the run, and the `MOVIES` where there are snapshots to make them of.

    Everything is made in a temporary folder first, so that no half of a report is left.

    Args:
        judged: See `otgan.gan.judge_run`.
        data: What it was trained on.
        seed: Of the real points in the pictures.
        frames: See `otgan.gan.Snapshots`; of points in the plane, or of images.
        command: What makes the same again, to be shown.

    Returns:
        The content of ``report.json``.

    Raises:
        FileFormatError: If the folder cannot be written.
        InvalidShapeError: If the frames are of other points.
    """
    run = judged.run
    settings = {name: value for name, value in run.settings.items() if name not in ("centre", "own_networks")}
    content = {
        "title": heading_of(run),
        "method": run.learnt.system.name,
        "data": data.name,
        "step": run.step,
        "n_steps": run.n_steps,
        "numbers": plain(dict(judged.numbers)),
        "rank_correlation": plain(judged.correlation),
        "features": None if judged.extractor is None else judged.extractor.name,
        "settings": plain(settings),
        "versions": versions(),
    }
    samples, curves = _samples(judged.points, data, seed), gan_curves_figure(run)
    with writing(run.folder), tempfile.TemporaryDirectory(dir=run.folder, prefix=".report-") as temporary:
        part = Path(temporary)
        if frames is not None:
            _draw_movies(frames, data, seed, part)
        save_png(samples, part / "samples.png")
        save_png(curves, part / "curves.png")
        page = as_gan_html(
            judged, data, samples=as_svg(samples), curves=as_svg(curves),
            movie=None if frames is None else (part / "movie.gif").read_bytes(),
            settings=content["settings"], versions=content["versions"], command=command,
        )  # fmt: skip
        texts = {
            "report.json": json.dumps(content, indent=2, allow_nan=False) + "\n",
            "report.md": as_gan_markdown(judged, data, content),
            "report.html": page,
        }
        for name, text in texts.items():
            # Names of files may hold bytes that are no text.
            (part / name).write_text(text, encoding="utf-8", errors="replace")
        for name in (*(MOVIES if frames is not None else ()), *FILES):
            os.replace(part / name, run.folder / name)
    return content


def centres_of(data: Data) -> FloatArray | None:
    """The centres of the modes, (k, D), if there are any."""
    return None if data.modes is None else np.stack([part.mean for part in data.modes.components])


def real_points(data: Data, n: int, seed: int) -> FloatArray:
    """Held-out points to draw beside generated ones, (n, D)."""
    return data.held_out.sample(n, np.random.default_rng([seed, 4]))


def _samples(points: FloatArray, data: Data, seed: int) -> Figure:
    if data.is_image:
        return images_figure(visible(points.reshape(-1, *data.shape)))
    return samples_figure(points, real_points(data, len(points), seed), modes=centres_of(data))


def _draw_movies(frames: Frames, data: Data, seed: int, folder: Path) -> None:
    png, gif = (folder / name for name in MOVIES)
    if data.is_image:
        save_image_movie(frames, data.shape, gif)
        save_png(image_strip_figure(frames, data.shape), png)
        return
    real = real_points(data, frames.points.shape[1], seed)
    save_movie(frames, real, gif)
    save_png(strip_figure(frames, real), png)
