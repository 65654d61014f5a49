"""Where the critic's number lies relative to the truth."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from otgan.plots.style import CRITIC, INK, NEUTRAL, PAPER, SOURCE, TARGET, TRUTH, new_figure, number, styled
from otgan.validation.report import ValidationReport
from otgan.validation.verdict import ACCURATE, ROUGH

#: A number this many times as large as all the others would squeeze them into one spot; it becomes an arrow.
FAR = 4.0
LANES = (
    "what the critic says",
    "exact W1 of the same samples",
    "W1 of the laws behind them",
    "critic proves, by c-transform",
    "critic proves, by its slope",
    "noise: two halves of one sample",
)
SAYS, EXACT, LAWS, TRANSFORM, SLOPE, NOISE = range(len(LANES))


@styled
def bounds_figure(report: ValidationReport) -> Figure:
    """All numbers in units of length on one axis, each in a lane of its own and labelled with its value.

    Args:
        report: What was found.

    Returns:
        The figure.
    """
    figure = new_figure(9.0, 4.2)
    ax = figure.add_subplot()
    left, right = _limits(report)
    ax.set(xlim=(left, right), ylim=(NOISE + 0.65, SAYS - 1.0), xlabel="distance, in the units of the samples")
    ax.set_yticks(range(len(LANES)), LANES)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.axvline(0, color=NEUTRAL, linewidth=0.8)
    _draw_truth(ax, report)
    _draw_laws(ax, report)
    _draw_estimate(ax, report)
    _draw_bound(ax, TRANSFORM, report.lower_bounds.by_c_transform)
    if math.isfinite(report.slopes.upper):
        _draw_bound(ax, SLOPE, report.lower_bounds.by_lipschitz)
    else:
        _label(ax, SLOPE, left, "nothing: no upper bound of its slope is proven", NEUTRAL)
    _draw_noise(ax, report)
    return figure


def _limits(report: ValidationReport) -> tuple[float, float]:
    """Room for everything from 0 on; for the critic's number only if that does not squeeze the others."""
    value, error = report.estimate.value, report.estimate.standard_error
    size = max(report.truth.upper, report.lower_bounds.best, report.noise_floor.largest) or abs(value) or 1.0
    far = abs(value) > FAR * size
    if math.isfinite(report.population.upper):
        size = max(size, report.population.upper)
    right = 1.3 * (size if far else max(size, value + error))
    depth = (size if value < 0 else 0.0) if far else max(0.0, error - value)
    return min(-1.15 * depth, -0.02 * right), right


def _draw_truth(ax: Axes, report: ValidationReport) -> None:
    truth = report.truth
    for share, alpha in ((ROUGH, 0.06), (ACCURATE, 0.12)):
        ax.axvspan(
            (1 - share) * truth.distance, (1 + share) * truth.distance, color=TRUTH, alpha=alpha, linewidth=0, zorder=0
        )
    ax.axvline(truth.distance, color=TRUTH, linewidth=1.6, zorder=2)
    ax.plot([truth.lower, truth.upper], [EXACT, EXACT], color=TRUTH, linewidth=5, solid_capstyle="butt", zorder=3)
    ax.plot(truth.distance, EXACT, "D", color=TRUTH, markersize=8, zorder=4)
    low, high = number(truth.lower), number(truth.upper)
    proven = "proven" if low == high else f"proven to be in {low} … {high}"
    _label(ax, EXACT, truth.distance, f"{number(truth.distance)}, {proven}", TRUTH)
    if truth.distance:
        ax.annotate(
            f"grey: within {ACCURATE:.0%} and {ROUGH:.0%} of the truth",
            (truth.distance, SAYS - 1.0),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8.5,
            color=NEUTRAL,
            annotation_clip=False,
        )


def _draw_laws(ax: Axes, report: ValidationReport) -> None:
    known = report.population
    if not math.isfinite(known.upper):
        _label(ax, LAWS, ax.get_xlim()[0], "unknown: only samples were given", NEUTRAL)
        return
    ax.plot([known.lower, known.upper], [LAWS, LAWS], color=TRUTH, linewidth=9, solid_capstyle="butt", zorder=3)
    text = f"{number(known.lower)} … {number(known.upper)}, {known.kind}"
    _label(ax, LAWS, known.lower, text, TRUTH, after=known.width)


def _draw_estimate(ax: Axes, report: ValidationReport) -> None:
    value, error = report.estimate.value, report.estimate.standard_error
    text = f"{number(value)} ± {error:.2g} standard error"
    left, right = ax.get_xlim()
    if left <= value <= right:
        ax.errorbar(value, SAYS, xerr=error, fmt="o", color=CRITIC, markersize=9, capsize=5, elinewidth=2, zorder=5)
        _label(ax, SAYS, value, text, CRITIC, before=error, after=error)
        return
    edge, start = (right, 0.88) if value > right else (left, 0.12)
    ax.annotate(
        "",
        (edge, SAYS),
        xytext=(left + start * (right - left), SAYS),
        arrowprops={"arrowstyle": "-|>", "color": CRITIC, "linewidth": 2.5},
    )
    ax.text(
        left + start * (right - left),
        SAYS,
        f"  {text}, off the scale  ",
        ha="right" if value > right else "left",
        va="center",
        color=CRITIC,
        fontweight="bold",
        bbox=PAPER,
    )


def _draw_bound(ax: Axes, lane: int, value: float) -> None:
    """A lower bound: the truth is where the arrow points."""
    left, right = ax.get_xlim()
    ax.plot(value, lane, "|", color=CRITIC, markersize=16, markeredgewidth=2.5, zorder=5)
    ax.annotate(
        "",
        (value + 0.06 * (right - left), lane),
        xytext=(value, lane),
        arrowprops={"arrowstyle": "-|>", "color": CRITIC, "linewidth": 1.5, "shrinkA": 0},
    )
    _label(ax, lane, value, f"W1 ≥ {number(value)}", CRITIC, after=0.06 * (right - left))


def _draw_noise(ax: Axes, report: ValidationReport) -> None:
    floors = (
        (report.noise_floor.source, "● source", SOURCE, "o", -0.12),
        (report.noise_floor.target, "▲ target", TARGET, "^", 0.12),
    )
    there = sorted(entry for entry in floors if math.isfinite(entry[0]))
    if not there:
        _label(ax, NOISE, ax.get_xlim()[0], "not available: needs two points", NEUTRAL)
        return
    largest = report.noise_floor.largest
    ax.barh(NOISE, largest, height=0.5, color=NEUTRAL, alpha=0.25, zorder=1)
    for value, _, colour, marker, height in there:
        ax.plot(value, NOISE + height, marker, color=colour, markersize=7, zorder=5, clip_on=False)
    words = ", ".join(f"{name} {number(value)}" for value, name, *_ in there)
    _label(ax, NOISE, largest, words, INK, before=largest - there[0][0], weight="normal")


def _label(
    ax: Axes,
    lane: int,
    value: float,
    text: str,
    colour: str,
    *,
    before: float = 0.0,
    after: float = 0.0,
    weight: str = "bold",
) -> None:
    """Beside a mark that reaches so far before and after its value, on the side with more room."""
    left, right = ax.get_xlim()
    crowded = value - left > 0.55 * (right - left)
    ax.annotate(
        text,
        (value - before if crowded else value + after, lane),
        xytext=(-11 if crowded else 11, 0),
        textcoords="offset points",
        ha="right" if crowded else "left",
        va="center",
        color=colour,
        fontweight=weight,
        zorder=6,
        bbox=PAPER,
    )
