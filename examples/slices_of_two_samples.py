"""How far apart do two samples look from different directions?

Seen along a direction, samples lie on a line, where W1 takes no search at all. No direction shows more than W1 itself;
the mean over all directions is the sliced distance, the largest the max-sliced one. In the plane all directions can be
tried, so one sees that the ascent finds the largest.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import otgan

SEED = 0


def main(figure: Path | None) -> None:
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=(400, 2)) * [1.0, 0.3]
    y = rng.normal(size=(400, 2)) * [0.3, 1.0] + [0.5, 0.5]
    exact = otgan.wasserstein(x, y)
    sliced = otgan.sliced_wasserstein(x, y, rng=rng, n_projections=500)
    largest = otgan.max_sliced_wasserstein(x, y, rng=rng)

    angles = np.linspace(0.0, 180.0, 181)
    directions = np.column_stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))])
    every = np.array([otgan.wasserstein(x @ theta, y @ theta).distance for theta in directions])
    print(f"W1:         {exact.distance:.4f}")
    print(f"max-sliced: {largest.distance:.4f}; the largest of 181 directions has {every.max():.4f}")
    print(f"sliced:     {sliced.distance:.4f} ± {sliced.standard_error:.4f}; the mean of all: {every[1:].mean():.4f}")
    print(f"proven from slices alone: W1 is at least {largest.lower_bound:.4f}")
    if figure is not None:
        draw(figure, angles, every, exact.distance, largest, sliced.distance)


def draw(
    path: Path, angles: np.ndarray, every: np.ndarray, exact: float, largest: otgan.MaxSlicedDistance, mean: float
) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    ax.axhline(exact, color="#000000", label="W1")
    ax.plot(angles, every, color="#004488", label="W1 along a direction")
    ax.axhline(mean, color="#DDAA33", linestyle="--", label="sliced: the mean")
    angle = np.degrees(np.arctan2(largest.direction[1], largest.direction[0])) % 180
    ax.plot(angle, largest.distance, "o", color="#BB5566", label="max-sliced: the largest")
    ax.set(xlabel="direction (degrees)", ylabel="distance", xlim=(0, 180), ylim=(0, 1.1 * exact))
    ax.set_xticks(range(0, 181, 45))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="lower left", frameon=False)
    figure.savefig(path, dpi=110)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    main(parser.parse_args().figure)
