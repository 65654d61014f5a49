"""All figures of a validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from otgan.plots.bounds import bounds_figure
from otgan.plots.histograms import alignment_figure, slopes_figure
from otgan.plots.landscape import landscape_figure
from otgan.plots.training import training_figure
from otgan.plots.transport import transport_figure
from otgan.validation.report import ValidationReport

#: Every name that `validation_figures` may give, in the order of reading.
FIGURE_NAMES = ("bounds", "landscape", "transport", "alignment", "slopes", "training")


def validation_figures(report: ValidationReport, history: Sequence[Mapping[str, float]] = ()) -> dict[str, Figure]:
    """The figures that fit a report: a landscape for d = 2 only, the training only where it was recorded.

    Args:
        report: What was found.
        history: What `otgan.critics.train` told its callback, see `training_figure`.

    Returns:
        Figures by name, in the order of reading.
    """
    figures = {"bounds": bounds_figure(report)}
    if report.dim == 2:
        figures["landscape"] = landscape_figure(report)
    figures["transport"] = transport_figure(report)
    figures["alignment"] = alignment_figure(report)
    figures["slopes"] = slopes_figure(report)
    if history:
        figures["training"] = training_figure(history, report)
    return figures
