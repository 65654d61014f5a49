"""Where the mass goes, and whether the critic's values agree with it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from otgan.checks import FloatArray
from otgan.plots.style import COSINES, CRITIC, SOURCE, TARGET, TRUTH, draw_samples, name_samples, new_figure, styled
from otgan.validation.report import Evidence, ValidationReport

#: Arcs of the plan that are drawn; more become a hairball.
ARCS = 300


@styled
def transport_figure(report: ValidationReport) -> Figure:
    """The exact plan beside the critic's values against the exact potential's.

    In one dimension the plan would be a line on a line, so there the critic and the potential are drawn as curves; in
    more than two the points are projected on the first two principal axes of both samples together.

    Args:
        report: What was found.

    Returns:
        The figure.
    """
    figure = new_figure(10.5, 4.6)
    places, values = figure.subplots(1, 2, width_ratios=(1.15, 1))
    if report.dim == 1:
        _draw_curves(places, report.evidence)
    else:
        _draw_plan(figure, places, report)
    _draw_values(values, report.evidence)
    name_samples(figure, values)
    return figure


def _centred(evidence: Evidence) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Critic and potential at x and y; each is defined up to a constant, so each is made 0 on average."""
    critic = np.concatenate([evidence.critic_x, evidence.critic_y]).mean()
    exact = np.concatenate([evidence.potential_x, evidence.potential_y]).mean()
    return (
        evidence.critic_x - critic,
        evidence.critic_y - critic,
        evidence.potential_x - exact,
        evidence.potential_y - exact,
    )


def _draw_curves(ax: Axes, evidence: Evidence) -> None:
    critic_x, critic_y, exact_x, exact_y = _centred(evidence)
    places = np.concatenate([evidence.x, evidence.y])[:, 0]
    order = np.argsort(places, kind="stable")
    exact, critic = np.concatenate([exact_x, exact_y])[order], np.concatenate([critic_x, critic_y])[order]
    ax.plot(places[order], exact, color=TRUTH, linewidth=4, alpha=0.35, label="exact potential")
    ax.plot(places[order], critic, color=CRITIC, linewidth=1.8, label="critic, f / K")
    for points, colour, height in ((evidence.x, SOURCE, 0.06), (evidence.y, TARGET, 0.02)):
        heights = np.full(len(points), height)
        ax.plot(points[:, 0], heights, "|", color=colour, markersize=9, alpha=0.6, transform=ax.get_xaxis_transform())
    ax.set(title="critic and exact potential", xlabel="x", ylabel="value, 0 on average")
    ax.legend(frameon=False, fontsize=9)


def _draw_plan(figure: Figure, ax: Axes, report: ValidationReport) -> None:
    evidence = report.evidence
    x, y, label = _on_paper(evidence)
    # Evenly spread over the plan's arcs, so the same ones every time.
    chosen = np.unique(np.linspace(0, len(evidence.rows) - 1, ARCS).round().astype(int))
    ends = np.stack([x[evidence.rows[chosen]], y[evidence.columns[chosen]]], axis=1)
    arcs = LineCollection(
        list(ends), array=evidence.cosines[chosen], cmap=COSINES, norm=Normalize(-1, 1), linewidths=0.8, alpha=0.8
    )
    ax.add_collection(arcs)
    draw_samples(ax, x, y, smallest=3)
    bar = figure.colorbar(arcs, ax=ax, fraction=0.045, pad=0.02, ticks=[-1, 0, 1])
    bar.ax.set_yticklabels(["−1 against", "0 across", "+1 along"], fontsize=8.5)
    shown = f"{len(chosen)} of {len(evidence.rows)} arcs" if len(chosen) < len(evidence.rows) else "all arcs"
    ax.set_title(f"exact plan, {shown}{label}\ncoloured by the direction of the critic's gradient")
    ax.set_aspect("equal", adjustable="datalim")
    ax.tick_params(labelsize=8.5)


def _on_paper(evidence: Evidence) -> tuple[FloatArray, FloatArray, str]:
    """Both samples in two coordinates, and what to add to the title."""
    x, y = evidence.x, evidence.y
    if x.shape[1] == 2:
        return x, y, ""
    centre = np.concatenate([x, y]).mean(axis=0)
    _, _, axes = np.linalg.svd(np.concatenate([x, y]) - centre, full_matrices=False)
    return (x - centre) @ axes[:2].T, (y - centre) @ axes[:2].T, ", projected on two principal axes"


def _draw_values(ax: Axes, evidence: Evidence) -> None:
    critic_x, critic_y, exact_x, exact_y = _centred(evidence)
    everything = np.concatenate([critic_x, critic_y, exact_x, exact_y])
    ends = [everything.min(), everything.max()]
    ax.plot(ends, ends, color=TRUTH, linewidth=1.2)
    draw_samples(ax, np.stack([exact_x, critic_x], axis=1), np.stack([exact_y, critic_y], axis=1), smallest=3)
    ax.set(xlabel="exact potential at the samples, 0 on average", ylabel="critic, f / K, 0 on average")
    ax.set_title("values: perfect on the line")
