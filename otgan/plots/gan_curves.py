"""What a generator's training said of itself, beside the exact distance."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from otgan.gan.run import GanRun
from otgan.plots.style import CRITIC, NEUTRAL, TRUTH, new_figure, note, number, styled

#: Distances that differ by more than this factor are drawn on a logarithmic axis.
WIDE = 20


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
    draw_w1(exact, [run], colours=[TRUTH])
    steps, values = run.series("own")
    if steps:
        own.plot(steps, values, color=CRITIC, linewidth=1.0, marker="o" if len(steps) == 1 else None)
    else:
        note(own, "nothing recorded")
    own.set(xlabel="step of training", ylabel="units of length" if run.learnt.system.own_is_length else "own number")
    return figure


def draw_w1(ax: Axes, runs: Sequence[GanRun], *, colours: Sequence[str], labels: Sequence[str] = ()) -> None:
    """The distance of each run over its steps, its bracket as a band, and the floor that a perfect generator has.

    Args:
        ax: Where to.
        runs: See `otgan.gan.open_run`.
        colours: One for each run.
        labels: Their names for a legend, if there are several.
    """
    ax.set_ylabel("units of length")
    seen: list[float] = []
    floors: list[float] = []
    for k, (run, colour) in enumerate(zip(runs, colours, strict=True)):
        steps, values = run.series("w1")
        _, lower = run.series("w1_lower")
        _, upper = run.series("w1_upper")
        if steps and len(lower) == len(upper) == len(steps):
            ax.fill_between(steps, lower, upper, color=colour, alpha=0.2, linewidth=0)
        if steps:
            ax.plot(
                steps,
                values,
                color=colour,
                linewidth=1.4,
                marker="o",
                markersize=2.5,
                label=labels[k] if labels else None,
            )
        seen += values
        floors += run.series("noise_floor")[1][-1:]
    if not seen:
        note(ax, "no look at the exact distance")
        return
    for floor in floors:
        ax.axhline(floor, color=NEUTRAL, linewidth=1.0, linestyle="--")
    if floors:
        text = f"noise floor {number(floors[0])}" if len(floors) == 1 else "noise floors"
        # On the left, where curves begin far above; towards the right they come down to the floor.
        ax.text(
            0.005, max(floors), text, transform=ax.get_yaxis_transform(), ha="left", va="top", color=NEUTRAL,
            fontsize=9,
        )  # fmt: skip
    if min(seen) > 0 and max(seen) > WIDE * min(seen):
        ax.set_yscale("log")
    else:
        ax.set_ylim(0, 1.08 * max(*seen, *floors) or 1.0)
