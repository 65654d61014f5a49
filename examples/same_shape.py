"""Do two samples have the same shape, wherever they lie and however they are turned?

Gromov-Wasserstein compares distances within either sample with each other, so that no common space is needed. A copy
that was turned, mirrored and shuffled is found again; for another shape the bracket says how different it is at least.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from otgan.gromov import GromovSolution, gromov_wasserstein

SEED = 0


def main(figure: Path | None) -> None:
    rng = np.random.default_rng(SEED)
    turn = np.sort(rng.uniform(0.0, 1.5 * np.pi, 60))
    spiral = turn[:, None] * np.column_stack([np.cos(turn), np.sin(turn)])
    copy = rng.permutation(spiral @ np.array([[0.0, 1.0], [1.0, 0.0]])) + 10.0
    cloud = rng.normal(size=(60, 3))  # in space, not in the plane

    same, other = gromov_wasserstein(spiral, copy), gromov_wasserstein(spiral, cloud)
    print(f"turned and mirrored: at most {same.upper_bound:.6f}")
    print(f"another shape: {other.distance:.4f} at a local minimum; proven: at least {other.lower_bound:.4f}")
    if figure is not None:
        draw(figure, spiral, copy, same)


def draw(path: Path, spiral: np.ndarray, copy: np.ndarray, same: GromovSolution) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    rows, columns, _ = same.matched_pairs()
    for i, j in zip(rows, columns, strict=True):
        ax.plot(*np.stack([spiral[i], copy[j]]).T, color="#BBBBBB", linewidth=0.6)
    ax.plot(*spiral.T, "o", color="#004488", markersize=4, label="source")
    ax.plot(*copy.T, "^", color="#DDAA33", markersize=4, label="target")
    ax.set(aspect="equal", title="each point finds its own copy")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    figure.savefig(path, dpi=100)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    main(parser.parse_args().figure)
