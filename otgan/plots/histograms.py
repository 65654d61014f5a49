"""How the critic's gradients are spread: their directions and their lengths."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from otgan.plots.style import CRITIC, NEUTRAL, PAPER, TRUTH, new_figure, note, number, styled
from otgan.validation.report import ValidationReport

BINS = 40
#: An upper bound beyond this many times everything else becomes an arrow at the edge.
FAR = 1.5


@styled
def alignment_figure(report: ValidationReport) -> Figure:
    """Share of the transported mass by the cosine between the critic's gradient and the way the mass goes.

    Args:
        report: What was found.

    Returns:
        The figure.
    """
    figure = new_figure(9.0, 3.1)
    ax = figure.add_subplot()
    ax.set(xlim=(-1.04, 1.04), xlabel="cosine between ∇f(x) and (x − y)/‖x − y‖", ylabel="share of the mass, %")
    evidence = report.evidence
    moving = ~np.isnan(evidence.cosines)
    if not moving.any():
        note(ax, "no mass moves, so there are no directions to compare")
        return figure
    mass = evidence.mass[moving] / evidence.mass[moving].sum()
    shares, *_ = ax.hist(
        evidence.cosines[moving], bins=np.linspace(-1, 1, BINS + 1).tolist(), weights=100 * mass, color=CRITIC
    )
    _leave_room(ax, 1.45 * float(np.max(shares)))
    mean = report.alignment.mean
    _mark(ax, [(1.0, "perfect: +1", TRUTH), (mean, f"mean {number(mean)}", CRITIC)], top=0.98)
    if report.alignment.skipped > 0:
        text = f"{report.alignment.skipped:.1%} of the mass does not move and is left out"
        ax.text(0.01, 0.97, text, transform=ax.transAxes, va="top", color=NEUTRAL, fontsize=9)
    return figure


@styled
def slopes_figure(report: ValidationReport) -> Figure:
    """The critic's slopes at the samples, with the constant that is stated, seen, and proven.

    Args:
        report: What was found.

    Returns:
        The figure.
    """
    figure = new_figure(9.0, 3.1)
    ax = figure.add_subplot()
    slopes, evidence = report.slopes, report.evidence
    largest = max(slopes.stated, slopes.lower, float(evidence.slopes.max()))
    near = slopes.upper <= FAR * largest
    right = 1.12 * (slopes.upper if near else largest)
    share = np.full(len(evidence.slopes), 100 / len(evidence.slopes))
    heights, *_ = ax.hist(evidence.slopes, bins=np.linspace(0, largest, BINS + 1).tolist(), weights=share, color=CRITIC)
    ax.set(xlim=(-0.01 * right, right), xlabel="slope ‖∇f‖ at the samples", ylabel="share of the points, %")
    _leave_room(ax, 1.7 * float(np.max(heights)))
    proven = "no upper bound is proven" if math.isinf(slopes.upper) else f"proven: never above {number(slopes.upper)}"
    marks = [
        (slopes.stated, f"allowed: K = {number(slopes.stated)}", TRUTH),
        (slopes.lower, f"steepest seen: {number(slopes.lower)}", CRITIC),
    ]
    if near:
        _mark(ax, [*marks, (slopes.upper, proven, NEUTRAL)], top=0.98)
        return figure
    arrow = "" if math.isinf(slopes.upper) else "  →"
    ax.text(0.995, 0.98, proven + arrow, transform=ax.transAxes, ha="right", va="top", color=NEUTRAL, fontweight="bold")
    _mark(ax, marks, top=0.86)
    return figure


def _leave_room(ax: Axes, top: float) -> None:
    """Room above the bars for the labels, without ticks beyond all there is."""
    ax.set_ylim(0, top)
    ax.set_yticks([tick for tick in ax.get_yticks() if 0 <= tick <= min(100, top)])


def _mark(ax: Axes, marks: list[tuple[float, str, str]], *, top: float) -> None:
    """Vertical lines, each with its label at its upper end, so high that no label crosses a line."""
    middle = sum(ax.get_xlim()) / 2
    # Labels point to the middle, where there is room; so the outermost line of either half is the highest.
    for k, (value, text, colour) in enumerate(sorted(marks, key=lambda mark: -abs(mark[0] - middle))):
        _mark_one(ax, value, text, colour, top - 0.12 * k, before=value > middle)


def _mark_one(ax: Axes, value: float, text: str, colour: str, height: float, *, before: bool) -> None:
    ax.axvline(value, ymax=height, color=colour, linewidth=1.8, linestyle="-" if colour == TRUTH else "--")
    ax.annotate(
        text,
        (value, height),
        xycoords=ax.get_xaxis_transform(),
        xytext=(-6 if before else 6, 0),
        textcoords="offset points",
        ha="right" if before else "left",
        va="top",
        color=colour,
        fontweight="bold",
        bbox=PAPER,
    )
