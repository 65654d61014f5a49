"""How the critic came to its number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from otgan.plots.style import CRITIC, TRUTH, new_figure, note, number, styled
from otgan.validation.report import ValidationReport


@styled
def training_figure(history: Sequence[Mapping[str, float]], report: ValidationReport | None = None) -> Figure:
    """The estimate over the steps of training, the slope that it was asked for, and the penalty.

    Args:
        history: One mapping for each recorded step, with "step", "estimate" (E_source f − E_target f, not divided by
            K), "gradient_norm" and "penalty".
        report: What was found later, for K and for W1 of the held-out samples.

    Returns:
        The figure.
    """
    figure = new_figure(9.0, 5.6)
    estimate, slope, penalty = figure.subplots(3, 1, sharex=True, height_ratios=(2, 1, 1))
    stated = report.slopes.stated if report else 1.0
    _draw(estimate, history, "estimate", "estimate / K" if report else "estimate", unit=stated)
    _draw(slope, history, "gradient_norm", "mean ‖∇f‖")
    _draw(penalty, history, "penalty", "penalty", log=True)
    penalty.set_xlabel("step of training")
    if report:
        exact = report.truth.distance
        _line(estimate, exact, f"exact W1 of the held-out samples: {number(exact)}")
        _line(slope, stated, f"K = {number(stated)}")
    return figure


def _draw(
    ax: Axes, history: Sequence[Mapping[str, float]], key: str, label: str, *, unit: float = 1.0, log: bool = False
) -> None:
    ax.set_ylabel(label)
    shown = [(row["step"], row[key] / unit) for row in history if math.isfinite(row.get(key, math.nan))]
    if not shown:
        note(ax, "nothing recorded")
        return
    ax.plot(*zip(*shown, strict=True), color=CRITIC, linewidth=1.2, marker="o" if len(shown) == 1 else None)
    if log and all(value > 0 for _, value in shown):
        ax.set_yscale("log")


def _line(ax: Axes, value: float, text: str) -> None:
    """What should be reached, named above the curve, so that neither hides the other."""
    ax.axhline(value, color=TRUTH, linewidth=1.6)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.25 * (high - low))
    ax.text(0.995, 0.98, text, transform=ax.transAxes, ha="right", va="top", color=TRUTH, fontweight="bold")
