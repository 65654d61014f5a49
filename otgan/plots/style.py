"""What all figures share: colours with one meaning each, and how a figure is opened and saved.

Figures are made without pyplot, so that drawing one changes nothing for the caller: no current figure, no backend, no
window. Nothing that a user typed is written into a figure, since matplotlib would read ``$`` in it as mathematics.
"""

from __future__ import annotations

import functools
import io
import math
import os
from collections.abc import Callable
from typing import Any, BinaryIO, ParamSpec, TypeVar

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure

from otgan.checks import FloatArray

# Four colours that stay apart for every kind of colour vision and in grey; also those of the report's style sheet.
# Source: Paul Tol (2021), Colour Schemes, SRON/EPS/TN/09-002, Fig. 2, "high-contrast".
SOURCE = "#004488"
TARGET = "#DDAA33"
TRUTH = "#000000"
CRITIC = "#BB5566"
#: For what is none of the four: axes, notes, sampling noise.
NEUTRAL = "#6B7280"
INK = "#1F2933"

#: Behind a label, so that it can be read on top of whatever it covers.
PAPER: dict[str, Any] = {"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.9}

#: Values of a potential: low as on the target, high as on the source.
VALUES: Colormap = LinearSegmentedColormap.from_list("values", ["#EBCB83", "#FFFFFF", "#7FA6D1"])
#: Slopes: too flat, as stated, too steep.
SLOPES: Colormap = matplotlib.colormaps["BrBG_r"]
#: Cosines: against the truth, across it, along it.
COSINES: Colormap = LinearSegmentedColormap.from_list("cosines", ["#D5213F", "#E3A0A8", TRUTH])

# Any: matplotlib's own stubs spell out every key, and not the same ones in every version.
_RC: Any = {
    "text.usetex": False,
    "text.color": INK,
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, and has ∇, ‖ and ₁
    "font.size": 10,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": NEUTRAL,
    "axes.labelcolor": INK,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "axes.formatter.useoffset": False,
    "xtick.color": NEUTRAL,
    "ytick.color": NEUTRAL,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",  # looks the same wherever it is opened
    "svg.hashsalt": "otgan",  # and is the same, byte for byte, whenever it is made
}

#: Of PNG files, and of what is rasterized within an SVG.
DPI = 144

P = ParamSpec("P")
R = TypeVar("R")


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Run `draw` in the style of otgan, whatever the caller's rcParams are; they are put back afterwards."""

    @functools.wraps(draw)
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.rc_context(_RC):
            return draw(*args, **kwargs)

    return inner


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches."""
    figure = Figure(figsize=(width, height))
    # Titles over axes of equal aspect are placed after the layout; the padding keeps them on the page.
    figure.set_layout_engine("constrained", h_pad=0.12, w_pad=0.08)
    FigureCanvasAgg(figure)
    return figure


def note(ax: Axes, text: str) -> None:
    """Say in the middle of axes why there is little to see."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", bbox=PAPER, zorder=10)


def draw_samples(ax: Axes, x: FloatArray, y: FloatArray, *, smallest: float) -> None:
    """Both samples as points in the plane, the smaller the more there are.

    They are rasterized, since thousands of them would make an SVG of megabytes.
    """
    size = max(smallest, min(6.0, 50 / math.sqrt(len(x) + len(y))))
    style: dict[str, Any] = {"linestyle": "", "markeredgewidth": 0, "alpha": 0.6, "rasterized": True}
    ax.plot(*x.T, marker="o", color=SOURCE, markersize=size, label="source", **style)
    ax.plot(*y.T, marker="^", color=TARGET, markersize=1.2 * size, label="target", **style)


def name_samples(figure: Figure, ax: Axes) -> None:
    """Say below a figure which points of `ax` are the source's and which the target's."""
    legend = figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set(markersize=6, alpha=1)


def number(value: float) -> str:
    """Four digits, as everywhere in the report."""
    return f"{value:.4g}".replace("-", "−")


@styled
def save_png(figure: Figure, path: str | os.PathLike[str] | BinaryIO) -> None:
    """Write a figure as PNG, to a path or an open file."""
    figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None})


@styled
def as_svg(figure: Figure) -> bytes:
    """A figure as SVG, the same bytes for the same figure."""
    file = io.BytesIO()
    figure.savefig(file, format="svg", dpi=DPI, metadata={"Date": None, "Creator": None})
    return file.getvalue()
