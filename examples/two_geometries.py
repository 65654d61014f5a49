"""Which way is straight from one normal law to another?

It depends on the geometry. For W2 mean and standard deviation go straight: the bell moves over as it is. For Fisher-Rao
a law between two distant narrow ones is wide, since only a wide one is hard to tell from both. One sees both geodesics
at the same times, and that each is the shorter one when measured with its own ruler.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np

import otgan
from otgan.divergences import fisher_rao_distance, fisher_rao_geodesic, wasserstein_geodesic
from otgan.measures import Gaussian

SOURCE, TARGET = Gaussian([-2.0], 0.25), Gaussian([2.0], 1.0)
TIMES = np.linspace(0.0, 1.0, 5)
#: Steps that a path is cut into to measure it.
STEPS = 200
COLOURS = {"W2": "#004488", "Fisher-Rao": "#BB5566"}


def w2(one: Gaussian, other: Gaussian) -> float:
    return otgan.gaussian_wasserstein(one, other).distance


def main(figure: Path | None) -> None:
    ways = {"W2": wasserstein_geodesic, "Fisher-Rao": fisher_rao_geodesic}
    for name, way in ways.items():
        steps = way(SOURCE, TARGET, TIMES)
        shown = ", ".join(f"({law.mean[0]:+.2f}, {law.cov[0, 0] ** 0.5:.2f})" for law in steps)
        print(f"{name:>10}, mean and deviation: {shown}")
    fine = np.linspace(0.0, 1.0, STEPS + 1)
    for ruler, measure in (("W2", w2), ("Fisher-Rao", fisher_rao_distance)):
        lengths = {
            name: sum(measure(one, other) for one, other in pairwise(way(SOURCE, TARGET, fine)))
            for name, way in ways.items()
        }
        print(
            f"measured by {ruler}: the W2 path is {lengths['W2']:.4f} long, the Fisher-Rao path "
            f"{lengths['Fisher-Rao']:.4f}; the distance is {measure(SOURCE, TARGET):.4f}"
        )
    if figure is not None:
        draw(figure, ways)


def draw(path: Path, ways: dict) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 2.9), layout="constrained")
    FigureCanvasAgg(figure)
    plane, *bells = figure.subplots(1, 3)
    x = np.linspace(-5.0, 5.5, 300)
    for (name, way), ax in zip(ways.items(), bells, strict=True):
        trace = way(SOURCE, TARGET, np.linspace(0.0, 1.0, 60))
        plane.plot(
            [law.mean[0] for law in trace], [law.cov[0, 0] ** 0.5 for law in trace], color=COLOURS[name], label=name
        )
        for t, law in zip(TIMES, way(SOURCE, TARGET, TIMES), strict=True):
            plane.plot(law.mean[0], law.cov[0, 0] ** 0.5, "o", color=COLOURS[name], markersize=4)
            ax.plot(x, np.exp(law.log_density(x)), color=COLOURS[name], alpha=1 - 0.7 * abs(1 - 2 * t) ** 2)
        ax.set(title=f"along {name}", xlabel="x", yticks=[], ylim=(0.0, 0.85))
    plane.set(title="the same way in (mean, deviation)", xlabel="mean", ylabel="standard deviation", ylim=(0.0, None))
    plane.legend(fontsize="small", frameon=False, loc="lower right")
    for ax in (plane, *bells):
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=85)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    main(parser.parse_args().figure)
