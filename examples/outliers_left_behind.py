"""How far apart are two samples if some points have no counterpart?

One in twenty points of the source is a mistake far away. W1 has to move it all the same. Partial transport moves
the rest and says what the dearest share of mass pays; unbalanced transport loses, at a price, what is out of reach.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import otgan
from otgan.unbalanced import PartialTransport, partial_wasserstein, unbalanced_wasserstein

SEED = 0


def main(figure: Path | None) -> None:
    rng = np.random.default_rng(SEED)
    clean, y = rng.normal(size=(190, 2)), rng.normal(size=(200, 2)) + [1.0, 0.0]
    x = np.vstack([clean, rng.normal(size=(10, 2)) * 0.3 + [-6.0, 4.0]])

    print(f"W1, outliers and all:        {otgan.wasserstein(x, y).distance:.3f}")
    print(f"W1 without the outliers:     {otgan.wasserstein(clean, y).distance:.3f}")
    for share in (0.9, 0.94, 0.96):
        part = partial_wasserstein(x, y, mass=share)
        print(f"moving {share:.0%}: {part.cost / part.mass:.3f} for each unit; a little more costs {part.price:.2f}")
    part = partial_wasserstein(x, y, mass=0.95)
    print(f"outliers moved at 95%: {part.source_moved[190:].sum():.3f} of 0.05")

    loose = unbalanced_wasserstein(x, y, reach=3.0, epsilon=0.02)
    print(f"unbalanced, reach 3: cost in [{loose.cost_bounds.lower:.3f}, {loose.cost_bounds.upper:.3f}]")
    print(f"of each outlier's mass it moves {loose.source_moved[190:].mean() * 200:.3f}")
    if figure is not None:
        draw(figure, x, y, part)


def draw(path: Path, x: np.ndarray, y: np.ndarray, part: PartialTransport) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 2.8), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    for ax, title, arcs in (
        (left, "balanced: everything moves", otgan.wasserstein(x, y).matched_pairs()),
        (right, "partial: 95% moves", part.arcs),
    ):
        for i, j in zip(*arcs[:2], strict=True):
            ax.plot(*zip(x[i], y[j], strict=True), color="0.6", linewidth=0.5)
        ax.plot(*x.T, "o", color="#004488", markersize=2, label="source")
        ax.plot(*y.T, "^", color="#DDAA33", markersize=2, label="target")
        ax.set(title=title, aspect="equal")
    left.legend(loc="lower left")
    figure.savefig(path, dpi=90)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    main(parser.parse_args().figure)
