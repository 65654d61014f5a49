"""What a Lipschitz constant means: from each of its points, a function stays between two cones."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from otgan.checks import as_count, as_number
from otgan.lipschitz import Section
from otgan.plots.style import CRITIC, NEUTRAL, PAPER, SOURCE, new_figure, number, styled


@styled
def cones_figure(section: Section, *, apex: int | None = None, k: float = 1.0) -> Figure:
    """A critic along a segment, and the two cones of slope k through one of its points, which it must stay between.

    Args:
        section: From `otgan.lipschitz.section`.
        apex: Index of that point; by default the one from which most of the critic is outside.
        k: The constant that was asked for, in values of f per unit of length.

    Returns:
        The figure; what is outside is drawn in another colour.

    Raises:
        InvalidValueError: If k is not positive, or the index is out of range.
    """
    k = as_number("k", k, low=0, open_low=True)
    at, values = section.distances, section.values
    if apex is None:
        apex = int(section.outside(np.arange(len(at))[:, None], k).sum(axis=1).argmax())
    apex = as_count("apex", apex, low=0, high=len(at) - 1)
    outside = section.outside(np.array(apex), k)
    reach = k * np.abs(at - at[apex])
    figure = new_figure(6.4, 3.6)
    ax = figure.subplots()
    ax.fill_between(at, values[apex] - reach, values[apex] + reach, color=NEUTRAL, alpha=0.15, linewidth=0)
    for side in (-1, 1):
        ax.plot(at, values[apex] + side * reach, color=NEUTRAL, linewidth=1)
    ax.plot(at, np.where(outside, np.nan, values), color=SOURCE, linewidth=1.8)
    ax.plot(at, np.where(outside, values, np.nan), color=CRITIC, linewidth=2.6)
    ax.plot(at[apex], values[apex], "o", color="black")
    room = 0.1 * (values.max() - values.min() or 1.0)
    ax.set(ylim=(values.min() - room, values.max() + room), xlim=(at[0], at[-1]))
    ax.set(xlabel="distance along the segment", ylabel="critic f")
    share = float(outside.mean())
    ax.set_title(f"slope {number(k)} allowed: {'all inside' if not share else f'{share:.1%} outside the cones'}")
    if share:
        place = float(at[outside].mean())
        text: dict[str, Any] = {"color": CRITIC, "fontweight": "bold", "ha": "center", "va": "bottom", "bbox": PAPER}
        ax.text(place, values.max() - room / 2, "too far from the point", **text)
    return figure
