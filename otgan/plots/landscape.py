"""A critic of two variables as a map, beside the map that it should be."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from otgan.checks import FloatArray
from otgan.errors import InvalidValueError
from otgan.plots.style import PAPER, SLOPES, VALUES, draw_samples, name_samples, new_figure, note, number, styled
from otgan.validation.report import Evidence, ValidationReport

#: Contours over the range that the exact potential has at the samples.
LEVELS = 12
#: Elsewhere, and for another critic, contours go on at the same distances, up to this many such ranges away.
RANGES = 3


@styled
def landscape_figure(report: ValidationReport) -> Figure:
    """Contours of the critic and of the exact potential at the same levels, and where the critic is too steep.

    Args:
        report: What was found, for d = 2.

    Returns:
        The figure.

    Raises:
        InvalidValueError: If d is not 2.
    """
    if report.dim != 2:
        raise InvalidValueError("report", "be of two variables", f"d = {report.dim}", "use transport_figure")
    evidence = report.evidence
    figure = new_figure(11.5, 4.2)
    critic, exact, slopes = figure.subplots(1, 3, sharex=True, sharey=True)
    critic.set_title("critic, f / K")
    exact.set_title("exact potential")
    slopes.set_title(f"slope ‖∇f‖, allowed: {number(report.slopes.stated)}")
    if not np.ptp(np.concatenate([evidence.x, evidence.y]), axis=0).any():
        for ax in (critic, exact, slopes):
            note(ax, "all points coincide")
        return figure
    # Potentials are defined up to a constant: both maps are 0 on average over the samples.
    values = evidence.critic_grid - np.concatenate([evidence.critic_x, evidence.critic_y]).mean()
    at_samples = np.concatenate([evidence.potential_x, evidence.potential_y])
    truth = evidence.potential_grid - at_samples.mean()
    reach = at_samples - at_samples.mean()
    low, high = float(reach.min()), float(reach.max()) or 1.0
    _draw_map(critic, evidence, values, low, high)
    _draw_map(exact, evidence, truth, low, high)
    _draw_slopes(figure, slopes, report)
    name_samples(figure, exact)
    return figure


def _draw_map(ax: Axes, evidence: Evidence, values: FloatArray, low: float, high: float) -> None:
    steps = MaxNLocator(LEVELS).tick_values(low, high)
    levels = (steps[1] - steps[0]) * np.arange(-RANGES * LEVELS, RANGES * LEVELS + 1)
    extent = (*evidence.axes[0][[0, -1]], *evidence.axes[1][[0, -1]])
    ax.imshow(values, extent=extent, origin="lower", cmap=VALUES, norm=Normalize(low, high), interpolation="bilinear")
    levels = levels[(levels > values.min()) & (levels < values.max())]
    if len(levels):
        lines = ax.contour(*evidence.axes, values, levels=levels, colors="#444444", linewidths=0.7, linestyles="solid")
        lines.set_rasterized(True)
    elif np.ptp(values) == 0:
        note(ax, "constant")
    draw_samples(ax, evidence.x, evidence.y, smallest=1.9)
    _frame(ax, evidence)


def _draw_slopes(figure: Figure, ax: Axes, report: ValidationReport) -> None:
    evidence, stated = report.evidence, report.slopes.stated
    extent = (*evidence.axes[0][[0, -1]], *evidence.axes[1][[0, -1]])
    image = ax.imshow(evidence.slope_grid, extent=extent, origin="lower", cmap=SLOPES, norm=Normalize(0, 2 * stated))
    bar = figure.colorbar(image, ax=ax, extend="max", ticks=[0, stated, 2 * stated], fraction=0.05, pad=0.02)
    bar.ax.set_yticklabels(["0", number(stated), f"≥ {number(2 * stated)}"])
    witness = np.asarray(report.slopes.witness)
    low, high = evidence.axes[:, 0], evidence.axes[:, -1]
    if report.slopes.lower > 0 and ((low <= witness) & (witness <= high)).all():
        ax.plot(*witness.T, "k-", linewidth=1)
        ax.plot(*witness.mean(axis=0), "*", color="white", markeredgecolor="black", markersize=13)
        sideways, upwards = np.where(witness.mean(axis=0) > (low + high) / 2, -1, 1)
        ax.annotate(
            f"steepest: {number(report.slopes.lower)}",
            witness.mean(axis=0),
            xytext=(8 * sideways, 16 * upwards),
            textcoords="offset points",
            ha="right" if sideways < 0 else "left",
            va="center",
            fontweight="bold",
            bbox=PAPER,
        )
    _frame(ax, evidence)


def _frame(ax: Axes, evidence: Evidence) -> None:
    ax.set(xlim=evidence.axes[0][[0, -1]], ylim=evidence.axes[1][[0, -1]], aspect="equal")
    ax.tick_params(labelsize=8.5)
