"""How the points of a generator moved while it was trained: as a strip, and as a GIF."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.figure import Figure

from otgan.archive import whole_file
from otgan.checks import FloatArray
from otgan.errors import InvalidShapeError, InvalidValueError
from otgan.gan.snapshots import Frames
from otgan.plots.samples import draw_generated
from otgan.plots.style import new_figure, styled

#: Pictures of a strip, and of a movie at most.
STRIP, LONGEST = 6, 40
#: Pictures a second, and pixels an inch: a movie of forty pictures stays well below a megabyte.
RATE, MOVIE_DPI = 6, 72


@styled
def strip_figure(frames: Frames, real: FloatArray) -> Figure:
    """Six moments of a training side by side, from the first snapshot to the last.

    Args:
        frames: See `otgan.gan.Snapshots`.
        real: Real points, (m, D).

    Returns:
        The figure.

    Raises:
        InvalidValueError: If there are no snapshots.
    """
    chosen = spread_out(len(frames.steps), STRIP)
    figure = new_figure(2.3 * len(chosen) + 0.2, 2.7)
    for ax, k in zip(np.atleast_1d(figure.subplots(1, len(chosen), sharey=True)), chosen, strict=True):
        draw_generated(ax, frames.points[k], real)
        ax.set_title(f"step {frames.steps[k]}")
    return figure


@styled
def save_movie(frames: Frames, real: FloatArray, path: str | os.PathLike[str]) -> None:
    """Write a GIF of at most forty pictures.

    Args:
        frames: See `otgan.gan.Snapshots`; of two coordinates.
        real: Real points, (m, 2).
        path: The file; it takes its name when it is complete.

    Raises:
        InvalidShapeError: If the points are not in the plane; images have `save_image_movie`.
        InvalidValueError: If there are no snapshots.
        FileFormatError: If the file cannot be written.
    """
    if frames.points.shape[2] != 2:
        raise InvalidShapeError(
            "frames", "be of points in the plane", f"{frames.points.shape[2]} coordinates", "draw a strip, or images"
        )
    chosen = spread_out(len(frames.steps), LONGEST)
    figure = Figure(figsize=(4.6, 4.8))
    writer = PillowWriter(fps=RATE)
    with tempfile.TemporaryDirectory() as folder, whole_file(path) as file:
        part = Path(folder) / "movie.gif"
        with writer.saving(figure, str(part), MOVIE_DPI):
            for k in chosen:
                figure.clear()
                ax = figure.add_subplot()
                draw_generated(ax, frames.points[k], real)
                ax.set_title(f"step {frames.steps[k]}")
                writer.grab_frame()
        file.write(part.read_bytes())


def spread_out(n: int, most: int) -> list[int]:
    """At most so many of n places, evenly, the first and the last among them."""
    if n == 0:
        raise InvalidValueError("frames", "hold a snapshot", "none", "train more steps")
    return sorted({round(place) for place in np.linspace(0, n - 1, min(n, most)).tolist()})
