"""What is the mean of several shapes?

Three outlines are averaged in W2: on a fixed grid exactly, on points that may lie anywhere (a local minimum, whose
distance from the best is bracketed), and smoothed on the grid, which blurs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from otgan.barycenters import Barycenter, entropic_barycenter, fixed_support_barycenter, free_support_barycenter

SEED = 0


def shapes(n: int = 48) -> list[np.ndarray]:
    """A circle, a lying ellipse and a square, n points on the outline of each."""
    angle = 2 * np.pi * np.arange(n) / n
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    square = circle / np.abs(circle).max(axis=1, keepdims=True)
    return [circle, circle * [2.0, 0.5], square]


def main(figure: Path | None) -> None:
    measures = shapes()
    ticks = np.linspace(-1.5, 1.5, 13)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)

    fixed = fixed_support_barycenter(measures, grid)
    print(f"on the grid, exactly:  {fixed.distance:.6f}, proven within {fixed.relative_gap:.0e}")
    starts = [free_support_barycenter(measures, n_points=48, rng=np.random.default_rng(SEED + k)) for k in range(5)]
    free = min(starts, key=lambda mean: mean.cost)
    print(f"on points anywhere:    {free.distance:.6f}, the best of {len(starts)} local minima")
    print(f"no mean is nearer than {free.lower_bound:.6f}: proven from the distances between the shapes")
    smoothed = entropic_barycenter(measures, grid, epsilon=0.05)
    print(f"smoothed on the grid:  {smoothed.distance:.6f}, on {np.sum(smoothed.masses > 1e-4)} points of the grid,")
    print(f"where the exact mean has {np.sum(fixed.masses > 1e-4)}")
    if figure is not None:
        draw(figure, measures, [fixed, free, smoothed])


def draw(path: Path, measures: list[np.ndarray], means: list[Barycenter]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 2.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 4, sharex=True, sharey=True)
    for points, color in zip(measures, ("#004488", "#DDAA33", "#BB5566"), strict=True):
        axes[0].plot(*points.T, "o", color=color, markersize=2)
    axes[0].set(title="three shapes", aspect="equal")
    for ax, mean, title in zip(axes[1:], means, ("exact on a grid", "local, free points", "smoothed"), strict=True):
        ax.scatter(*mean.points.T, s=400 * mean.masses, color="#004488", linewidths=0)
        ax.set(title=title, aspect="equal")
    figure.savefig(path, dpi=100)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    main(parser.parse_args().figure)
