"""Which part of a square goes to which point, if each point must get its share?

The cells of the nearest point have the areas that they have. For W_2 the cells of the optimal transport are those of a
power diagram, whose weights are the dual potential: exact in the plane. For any other law, averaged ascent on random
draws finds such a potential, and fresh draws bracket the distance.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from otgan.measures import Uniform
from otgan.semidiscrete import SemidiscreteSolution, power_diagram, semidiscrete_wasserstein

SEED = 0


def main(figure: Path | None) -> None:
    rng = np.random.default_rng(SEED)
    square = Uniform([0.0, 0.0], [1.0, 1.0])
    points = rng.beta(2.0, 4.0, size=(24, 2))  # more of them in one corner
    shares = np.where(np.arange(24) < 6, 3.0, 1.0) / 36  # six of them get three times as much

    exact = semidiscrete_wasserstein(square, points, shares, p=2)
    print(f"power diagram: W_2 = {exact.distance:.10f}, bracket of width {exact.gap:.0e} ({exact.cost_interval.kind})")
    print(f"largest error of a cell's share: {abs(exact.masses - shares).max():.0e}")

    drawn = semidiscrete_wasserstein(square, points, shares, p=2, method="stochastic", rng=rng)
    print(f"from draws:    W_2 in {drawn.distance_interval}")
    print(f"the exact value is inside: {exact.distance in drawn.distance_interval}")

    anywhere = square.sample(10_000, rng)
    agree = (exact.assign(anywhere) == drawn.assign(anywhere)).mean()
    print(f"both send the same place to the same point for {agree:.1%} of the square")
    if figure is not None:
        draw(figure, exact)


def draw(path: Path, solution: SemidiscreteSolution) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import PolyCollection
    from matplotlib.figure import Figure

    corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    nearest = power_diagram(corners, solution.atoms, np.zeros(len(solution.atoms)))  # without weights: Voronoi's cells
    figure = Figure(figsize=(6.6, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    sides = figure.subplots(1, 2)
    for ax, cells, areas, title in (
        (
            sides[0],
            [nearest.cell(j) for j in range(len(nearest.areas))],
            nearest.areas,
            "each place to the nearest point",
        ),
        (sides[1], solution.cells, solution.masses, "each point gets its share"),
    ):
        filled = PolyCollection(cells, array=areas, cmap="cividis", edgecolor="white", linewidth=0.8)
        filled.set_clim(0.0, max(nearest.areas.max(), solution.masses.max()))
        ax.add_collection(filled)
        for atom, cell in zip(solution.atoms, cells, strict=True):
            ax.plot(*np.array([atom, cell.mean(axis=0)]).T, color="black", linewidth=0.5)
        ax.plot(*solution.atoms.T, "o", color="black", markersize=2.5)
        ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=[], yticks=[], title=title)
    figure.colorbar(filled, ax=sides, label="share of the square")
    figure.savefig(path, dpi=75)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    main(parser.parse_args().figure)
