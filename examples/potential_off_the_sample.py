"""What does a perfect critic look like away from the data?

The dual potential of an exact solution is a function on all of space: the c-transform extends it off the sample, and
for p = 1 the extension is 1-Lipschitz everywhere. One sees its values along a line through both clouds: they fall
along the transport, from the source on the left to the target on the right, and never faster than 1.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import otgan

SEED = 0


def main(figure: Path | None) -> None:
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=(200, 2)) * 0.4 + [-1.5, 0.0]
    y = rng.normal(size=(200, 2)) * 0.4 + [1.5, 0.0]
    solution = otgan.wasserstein(x, y)
    potential = solution.potentials

    places = np.column_stack([np.linspace(-3.0, 3.0, 13), np.zeros(13)])
    for place, value in zip(places, potential(places), strict=True):
        print(f"f({place[0]:+.1f}, 0) = {value:+.4f}")

    anywhere = rng.uniform(-4.0, 4.0, size=(1000, 2, 2))
    rise = np.abs(potential(anywhere[:, 0]) - potential(anywhere[:, 1]))
    run = np.linalg.norm(anywhere[:, 0] - anywhere[:, 1], axis=1)
    print(f"steepest slope between 1000 random pairs of points: {(rise / run).max():.6f} (never above 1)")

    difference = potential(x).mean() - potential(y).mean()
    print(f"mean over the source minus mean over the target: {difference:.10f}")
    print(f"W1:                                              {solution.distance:.10f}")
    if figure is not None:
        draw(figure, x, y, potential)


def draw(path: Path, x: np.ndarray, y: np.ndarray, potential: otgan.Potentials) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    ticks = np.linspace(-3.0, 3.0, 121)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    figure = Figure(figsize=(5.0, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    filled = ax.contourf(ticks, ticks, potential(grid).reshape(121, 121), levels=15, cmap="cividis")
    ax.plot(*x.T, "o", color="#004488", markersize=3, label="source")
    ax.plot(*y.T, "^", color="#DDAA33", markersize=3, label="target")
    ax.set(title="optimal potential: it falls along the transport", aspect="equal")
    ax.legend(loc="lower center", ncols=2)
    figure.colorbar(filled, ax=ax)
    figure.savefig(path, dpi=110)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    main(parser.parse_args().figure)
