"""Where a critic is too steep, and how steep it is elsewhere."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from otgan.errors import InvalidValueError
from otgan.lipschitz import LipschitzAudit, SlopeMap
from otgan.plots.style import CRITIC, NEUTRAL, PAPER, SLOPES, TRUTH, new_figure, note, number, styled

BINS = 60
#: A proven bound beyond this many times the steepest slope becomes an arrow at the edge.
FAR = 1.5


@styled
def steepness_figure(audit: LipschitzAudit, slopes: SlopeMap, *, k: float = 1.0) -> Figure:
    """A map of ‖∇f‖ with the witness, the region where it is above k outlined, and a histogram of its values.

    Args:
        audit: The bracket, on a box of two variables.
        slopes: From `otgan.lipschitz.slope_map` on the same box.
        k: The constant that was asked for, in values of f per unit of length.

    Returns:
        The figure.

    Raises:
        InvalidValueError: If k is not positive.
    """
    if not (math.isfinite(k) and k > 0):
        raise InvalidValueError("k", "be positive and finite", k, "pass the constant that was asked for")
    figure = new_figure(10.0, 4.2)
    plane, shares = figure.subplots(1, 2, width_ratios=[1.05, 1])
    _draw_map(figure, plane, audit, slopes, k)
    _draw_histogram(shares, audit, slopes, k)
    return figure


def _draw_map(figure: Figure, ax: Axes, audit: LipschitzAudit, slopes: SlopeMap, k: float) -> None:
    ax.set_title(f"slope ‖∇f‖, allowed: {number(k)}")
    step = slopes.axes[:, 1] - slopes.axes[:, 0]
    low, high = slopes.axes[:, 0] - step / 2, slopes.axes[:, -1] + step / 2
    image = ax.imshow(
        slopes.slopes, extent=(low[0], high[0], low[1], high[1]), origin="lower", cmap=SLOPES, norm=Normalize(0, 2 * k)
    )
    bar = figure.colorbar(image, ax=ax, extend="max", ticks=[0, k, 2 * k], fraction=0.05, pad=0.02)
    bar.ax.set_yticklabels(["0", number(k), f"≥ {number(2 * k)}"])
    # A hair above k, so that rounding in a critic of slope k outlines nothing.
    if (slopes.slopes > k * (1 + 1e-6)).any() and (slopes.slopes <= k).any():
        outline = ax.contour(*slopes.axes, slopes.slopes, levels=[k * (1 + 1e-6)], colors="black", linewidths=0.8)
        outline.set_rasterized(True)
    if audit.lower > 0:
        witness = np.asarray(audit.witness)
        middle = witness.mean(axis=0)
        ax.plot(*witness.T, "k-", linewidth=1.5)
        ax.plot(*middle, "*", color="white", markeredgecolor="black", markersize=13)
        sideways = -1 if middle[0] > (low[0] + high[0]) / 2 else 1
        ax.annotate(
            f"steepest: {number(audit.lower)}",
            middle,
            xytext=(8 * sideways, 14 if middle[1] < (low[1] + high[1]) / 2 else -14),
            textcoords="offset points",
            ha="right" if sideways < 0 else "left",
            va="center",
            fontweight="bold",
            bbox=PAPER,
        )
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")


def _draw_histogram(ax: Axes, audit: LipschitzAudit, slopes: SlopeMap, k: float) -> None:
    values = slopes.slopes.ravel()
    largest = max(k, audit.lower, float(values.max()))
    near = audit.upper <= FAR * largest
    right = 1.05 * (max(audit.upper, largest) if near else largest)
    share = np.full(len(values), 100 / len(values))
    heights, *_ = ax.hist(values, bins=np.linspace(0, largest, BINS + 1).tolist(), weights=share, color=CRITIC)
    top = 1.5 * float(np.max(heights))
    above = float((values > k * (1 + 1e-6)).mean())
    ax.set(xlim=(0, right), ylim=(0, top), xlabel="slope ‖∇f‖", ylabel="share of the box, %")
    ax.set_title(f"above {number(k)} on {above:.2%} of the box")
    ax.axvline(k, color=TRUTH, linewidth=1.8)
    ax.axvline(audit.lower, color=CRITIC, linewidth=1.8, linestyle="--")
    if near:
        ax.axvline(audit.upper, color=NEUTRAL, linewidth=1.8, linestyle=":")
    proven = "nothing proven" if math.isinf(audit.upper) else f"proven: at most {number(audit.upper)}"
    lines = [f"allowed: {number(k)}", f"steepest seen: {number(audit.lower)}", proven + ("" if near else "  →")]
    for line, (text, colour) in enumerate(zip(lines, (TRUTH, CRITIC, NEUTRAL), strict=True)):
        ax.text(
            0.02,
            0.97 - 0.08 * line,
            text,
            transform=ax.transAxes,
            va="top",
            color=colour,
            fontweight="bold",
            bbox=PAPER,
        )
    if not values.any():
        note(ax, "constant")
