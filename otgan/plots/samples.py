"""What a generator draws: points over the real ones, or images in a grid."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from otgan.checks import FloatArray
from otgan.errors import InvalidShapeError
from otgan.plots.style import INK, NEUTRAL, SOURCE, TARGET, new_figure, styled

#: Images in a row of a grid, and rows.
GRID = 8
#: Bins of a histogram on the line.
BINS = 60
#: Of the room that the real points take, how much is shown around them; what lies farther is drawn at the edge.
MARGIN = 0.12


@styled
def samples_figure(points: FloatArray, real: FloatArray, *, modes: FloatArray | None = None) -> Figure:
    """Generated points over real ones: in the plane, on the line, or the first two of more coordinates.

    Args:
        points: What was generated, (n, D), in units of length.
        real: Real points, (m, D).
        modes: Centres of the modes, (k, D), if there are any.

    Returns:
        The figure.

    Raises:
        InvalidShapeError: If the sides differ in D.
    """
    figure = new_figure(5.2, 5.4)
    ax = figure.add_subplot()
    draw_generated(ax, points, real, modes=modes)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, markerscale=1.4)
    return figure


@styled
def images_figure(images: FloatArray) -> Figure:
    """Images in a grid, eight in a row.

    Args:
        images: (n, c, h, w) with one channel or three, from 0 to 1; the first 64 are shown.

    Returns:
        The figure.

    Raises:
        InvalidShapeError: If they are no images.
    """
    figure = new_figure(5.2, 5.2)
    draw_images(figure.add_subplot(), images, rows=GRID)
    return figure


def draw_generated(ax: Axes, points: FloatArray, real: FloatArray, *, modes: FloatArray | None = None) -> None:
    """Both sides in given axes, named for a legend; the window is that of the real points."""
    if points.ndim != 2 or real.ndim != 2 or points.shape[1] != real.shape[1]:
        raise InvalidShapeError(
            "points", f"be (n, D) with the D of the real points, shape {real.shape}", f"shape {points.shape}",
            "draw both in the same coordinates",
        )  # fmt: skip
    if real.shape[1] == 1:
        _draw_line(ax, points[:, 0], real[:, 0])
        return
    low, high = real[:, :2].min(0), real[:, :2].max(0)
    room = MARGIN * float((high - low).max()) or 1.0
    size = max(1.4, min(5.0, 60 / math.sqrt(len(points))))
    style: dict[str, Any] = {"linestyle": "", "markeredgewidth": 0, "rasterized": True}
    ax.plot(*real[:, :2].T, marker="o", color=SOURCE, alpha=0.35, markersize=size, label="real", **style)
    shown = np.clip(points[:, :2], low - room, high + room)
    ax.plot(*shown.T, marker="^", color=TARGET, alpha=0.7, markersize=1.2 * size, label="generated", **style)
    if modes is not None:
        ax.plot(
            *modes[:, :2].T, linestyle="", marker="o", markerfacecolor="none", markeredgecolor=INK, markersize=9,
            markeredgewidth=0.8, label="modes",
        )  # fmt: skip
    ax.set(xlim=(low[0] - 1.05 * room, high[0] + 1.05 * room), ylim=(low[1] - 1.05 * room, high[1] + 1.05 * room))
    ax.set_aspect("equal")
    if real.shape[1] > 2:
        ax.set(xlabel="coordinate 1", ylabel="coordinate 2")
    ax.tick_params(labelsize=8.5)


def draw_images(ax: Axes, images: FloatArray, *, rows: int, columns: int = GRID) -> None:
    """Images side by side in given axes, with a thin line between them."""
    ax.imshow(sheet_of(images, rows=rows, columns=columns), interpolation="nearest")
    ax.set_axis_off()


def sheet_of(images: FloatArray, *, rows: int, columns: int = GRID) -> FloatArray:
    """Images side by side as one, row by row, with a line of one pixel around each.

    Args:
        images: (n, c, h, w) with one channel or three, from 0 to 1; what lies outside is cut.
        rows: At most so many; what does not fit is left out.
        columns: Likewise.

    Returns:
        (H, W, 3), from 0 to 1.

    Raises:
        InvalidShapeError: If they are no images.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise InvalidShapeError(
            "images", "have shape (n, 1, h, w) or (n, 3, h, w)", f"shape {images.shape}", "reshape the rows first"
        )
    n, _, h, w = images.shape
    columns = min(columns, n)
    rows = min(rows, math.ceil(n / columns))
    sheet = np.empty((rows * (h + 1) + 1, columns * (w + 1) + 1, 3))
    sheet[:] = to_rgba(NEUTRAL)[:3]
    for k, image in enumerate(np.clip(images[: rows * columns], 0.0, 1.0)):
        top, left = (k // columns) * (h + 1) + 1, (k % columns) * (w + 1) + 1
        sheet[top : top + h, left : left + w] = np.moveaxis(image, 0, -1)
    return sheet


def visible(images: FloatArray) -> FloatArray:
    """Images of as many channels as a screen shows; others as the mean of theirs, in grey.

    Args:
        images: (n, c, h, w).
    """
    return images if images.shape[1] in (1, 3) else images.mean(axis=1, keepdims=True)


def _draw_line(ax: Axes, points: FloatArray, real: FloatArray) -> None:
    low, high = float(real.min()), float(real.max())
    room = MARGIN * (high - low) or 1.0
    edges = np.linspace(low - room, high + room, BINS + 1).tolist()
    # The outermost bins take what lies beyond.
    shown = np.clip(points, low - room, high + room)
    ax.hist(real, bins=edges, density=True, color=SOURCE, alpha=0.5, label="real")
    ax.hist(shown, bins=edges, density=True, histtype="step", color=TARGET, linewidth=1.8, label="generated")
    ax.set(ylabel="density")
