"""Several trainings side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

from otgan.checks import FloatArray
from otgan.gan.compare import JudgedRun
from otgan.plots.gan_curves import draw_w1
from otgan.plots.samples import draw_generated, draw_images, visible
from otgan.plots.style import CRITIC, INK, NEUTRAL, SOURCE, TARGET, new_figure, styled

#: Colours of the curves, in the order of the runs; from the ninth run on they come again.
COLOURS = (CRITIC, SOURCE, TARGET, INK, "#228833", "#AA3377", "#66CCEE", NEUTRAL)
#: Pictures in a row.
ACROSS = 4
#: Height of the curves, in inches.
CURVES = 3.0


@styled
def comparison_figure(compared: Sequence[JudgedRun], real: FloatArray, *, modes: FloatArray | None = None) -> Figure:
    """What each run draws, in the same window, and below it the exact W1 of all over the steps.

    Runs are named by letters, method and seed: A is the first.

    Args:
        compared: See `otgan.gan.compare_runs`.
        real: Real points, (m, D), flat.
        modes: Centres of the modes, (k, D), if there are any.

    Returns:
        The figure.
    """
    width, height = _size(len(compared))
    figure = new_figure(width, height + CURVES)
    upper, lower = np.ravel(figure.subfigures(2, 1, squeeze=False, height_ratios=(height, CURVES)))
    _draw_samples(upper, compared, real, modes)
    _draw_curves(lower.subplots(), compared)
    return figure


@styled
def compared_samples_figure(
    compared: Sequence[JudgedRun], real: FloatArray, *, modes: FloatArray | None = None
) -> Figure:
    """The upper half of `comparison_figure` alone: what each run draws."""
    figure = new_figure(*_size(len(compared)))
    _draw_samples(figure, compared, real, modes)
    return figure


@styled
def compared_curves_figure(compared: Sequence[JudgedRun]) -> Figure:
    """The lower half of `comparison_figure` alone: the exact W1 of all over the steps."""
    figure = new_figure(8.0, 1.2 * CURVES)
    _draw_curves(figure.add_subplot(), compared)
    return figure


def _size(n: int) -> tuple[float, float]:
    """Width and height in inches of the samples of so many runs."""
    return max(7.5, 2.9 * min(ACROSS, n)), 3.1 * -(-n // ACROSS)


def _draw_samples(
    figure: FigureBase, compared: Sequence[JudgedRun], real: FloatArray, modes: FloatArray | None
) -> None:
    n = len(compared)
    axes = np.ravel(figure.subplots(-(-n // ACROSS), min(ACROSS, n), squeeze=False))
    for k, entry in enumerate(compared):
        shape = entry.run.learnt.shape
        if len(shape) == 3:
            draw_images(axes[k], visible(entry.points.reshape(-1, *shape)), rows=6, columns=6)
        else:
            draw_generated(axes[k], entry.points, real, modes=modes)
        axes[k].set_title(run_title(k, entry))
    for ax in axes[n:]:
        ax.set_axis_off()


def _draw_curves(ax: Axes, compared: Sequence[JudgedRun]) -> None:
    draw_w1(
        ax, [entry.run for entry in compared], colours=[COLOURS[k % len(COLOURS)] for k in range(len(compared))],
        labels=[run_title(k, entry) for k, entry in enumerate(compared)],
    )  # fmt: skip
    ax.set(xlabel="step of training", title="exact W1 to held-out points")
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize=9)


def run_title(k: int, entry: JudgedRun) -> str:
    """A letter, the method and the seed; nothing that a user typed."""
    return f"{letter(k)}: {entry.run.learnt.system.name}, seed {entry.run.settings['seed']}"


def letter(k: int) -> str:
    """A for the first, AA for the twenty-seventh, as columns of a spreadsheet are called."""
    text = ""
    k += 1
    while k:
        k, rest = divmod(k - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
