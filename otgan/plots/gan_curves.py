"""What a generator's training said of itself, beside the exact distance."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from otgan.gan.run import GanRun
from otgan.plots.style import CRITIC, NEUTRAL, TRUTH, new_figure, note, number, styled


@styled
def gan_curves_figure(run: GanRun) -> Figure:
    """The exact W1 of generated and held-out points with its bracket and the noise floor; the system's own number.

    Args:
        run: See `otgan.gan.open_run`.

    Returns:
        The figure: the distance above, what the loss says below, over the steps of training.
    """
    figure = new_figure(8.0, 5.4)
    exact, own = figure.subplots(2, 1, sharex=True)
    exact.set_title("exact W1 to held-out points")
    own.set_title(run.learnt.system.own, fontsize=9, fontweight="normal")
    draw_w1(exact, run, colour=TRUTH)
    steps, values = run.series("own")
    if steps:
        own.plot(steps, values, color=CRITIC, linewidth=1.0, marker="o" if len(steps) == 1 else None)
    else:
        note(own, "nothing recorded")
    own.set(xlabel="step of training", ylabel="units of length" if run.learnt.system.own_is_length else "own number")
    return figure


def draw_w1(ax: Axes, run: GanRun, *, colour: str, label: str = "") -> None:
    """The distance over the steps, its bracket as a band, and the floor that a perfect generator would have."""
    steps, values = run.series("w1")
    ax.set_ylabel("units of length")
    if not steps:
        note(ax, "no look at the exact distance")
        return
    _, lower = run.series("w1_lower")
    _, upper = run.series("w1_upper")
    if len(lower) == len(upper) == len(steps):
        ax.fill_between(steps, lower, upper, color=colour, alpha=0.2, linewidth=0)
    ax.plot(steps, values, color=colour, linewidth=1.4, marker="o", markersize=2.5, label=label or None)
    _, floors = run.series("noise_floor")
    if floors:
        floor = floors[-1]
        ax.axhline(floor, color=NEUTRAL, linewidth=1.2, linestyle="--")
        ax.text(
            0.995, floor, f"noise floor {number(floor)}", transform=ax.get_yaxis_transform(), ha="right", va="bottom",
            color=NEUTRAL, fontsize=9,
        )  # fmt: skip
    if min(values) > 0 and max(values) > 20 * min(values):
        ax.set_yscale("log")
    else:
        ax.set_ylim(0, 1.08 * max(np.max(values), *floors, 1e-300))
