"""How far is smoothed transport from W1, and how narrow a bracket does it prove?

The smoothed plan costs more than the best one, by about epsilon; its bracket of the distance that is not smoothed
closes as epsilon falls. The Sinkhorn divergence, which is 0 for equal samples, lies below W1 where the smoothed value
lies above.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import otgan

SEED = 0
EPSILONS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)


def main(figure: Path | None) -> None:
    rng = np.random.default_rng(SEED)
    x, y = rng.normal(size=(300, 2)), rng.normal(size=(300, 2)) + [1.0, 0.0]
    exact = otgan.wasserstein(x, y).distance
    print(f"W1 = {exact:.6f}")
    smoothed = [otgan.sinkhorn(x, y, epsilon=epsilon) for epsilon in EPSILONS]
    divergences = [otgan.sinkhorn_divergence(x, y, epsilon=epsilon).value for epsilon in EPSILONS]
    for solution, divergence in zip(smoothed, divergences, strict=True):
        print(
            f"epsilon {solution.epsilon:<6g} W1 in [{solution.lower_bound:.6f}, {solution.upper_bound:.6f}]"
            f"   smoothed value {solution.regularised_cost:.4f}   divergence {divergence:.4f}"
        )
    held = all(s.lower_bound <= exact <= s.upper_bound for s in smoothed)
    print(f"every bracket contains W1: {held}")
    if figure is not None:
        draw(figure, exact, smoothed, divergences)


def draw(path: Path, exact: float, smoothed: list[otgan.EntropicSolution], divergences: list[float]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    lower, upper = [s.lower_bound for s in smoothed], [s.upper_bound for s in smoothed]
    ax.fill_between(EPSILONS, lower, upper, color="#004488", alpha=0.25, linewidth=0, label="proven bracket of W1")
    ax.axhline(exact, color="#000000", linewidth=1, label="W1")
    ax.plot(EPSILONS, divergences, color="#DDAA33", marker="o", markersize=3, label="Sinkhorn divergence")
    values = [s.regularised_cost for s in smoothed]
    ax.plot(EPSILONS, values, color="#BB5566", linestyle="--", label="smoothed value")
    ax.set(xscale="log", xlabel="epsilon (units of the cost)", ylabel="distance", xlim=(1, 1e-4), ylim=(0.6, 2.0))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    figure.savefig(path, dpi=100)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    main(parser.parse_args().figure)
