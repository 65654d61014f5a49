"""How far apart are two Gaussian mixtures, and is the mixture distance W2?

Between single Gaussians W2 has a closed form. Between mixtures it has none; the mixture distance MW2 sends components
to components, is cheap, and is an upper bound of W2. Samples show how far above it lies here.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import otgan
from otgan.gaussians import MixtureSolution, gaussian_wasserstein, mixture_wasserstein
from otgan.measures import GaussianMixture

SEED = 0


def main(figure: Path | None) -> None:
    source = GaussianMixture(
        [[-2.0, 0.0], [0.0, 1.0]], [[[0.6, 0.3], [0.3, 0.3]], [[0.2, 0.0], [0.0, 0.5]]], [0.4, 0.6]
    )
    target = GaussianMixture([[1.0, -1.0], [2.0, 1.5]], [[[0.3, 0.0], [0.0, 0.3]], [[0.5, -0.3], [-0.3, 0.5]]])
    for k, one in enumerate(source.components):
        for l, other in enumerate(target.components):  # noqa: E741
            print(f"W2 from component {k} to component {l}: {gaussian_wasserstein(one, other).distance:.4f}")
    solution = mixture_wasserstein(source, target)
    print(f"the mixture distance is {solution.distance:.4f}, so W2 is at most {solution.upper_bound:.2f}")
    print(f"mass between the components: {solution.plan.toarray().round(3).tolist()}")
    rng = np.random.default_rng(SEED)
    samples = otgan.wasserstein(source.sample(600, rng), target.sample(600, rng), p=2)
    print(f"W2 between samples of 600 points: {samples.distance:.4f}")
    if figure is not None:
        draw(figure, source, target, solution)


def draw(path: Path, source: GaussianMixture, target: GaussianMixture, solution: MixtureSolution) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    turn = np.linspace(0, 2 * np.pi, 200)
    circle = np.column_stack([np.cos(turn), np.sin(turn)])
    for mixture, colour, name in ((source, "#004488", "source"), (target, "#DDAA33", "target")):
        for k, part in enumerate(mixture.components):
            ellipse = part.mean + 1.5 * circle @ np.linalg.cholesky(part.cov).T
            ax.fill(*ellipse.T, color=colour, alpha=0.35, label=name if k == 0 else None)
    plan = solution.plan.tocoo()
    for k, l, mass in zip(plan.row, plan.col, plan.data, strict=True):  # noqa: E741
        ends = np.stack([source.components[k].mean, target.components[l].mean])
        ax.plot(*ends.T, color="#BB5566", linewidth=8 * mass)
        ax.annotate(f"{mass:.2f}", ends.mean(axis=0), ha="center", va="center")
    ax.set(aspect="equal", title="components to components")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="lower left", frameon=False)
    figure.savefig(path, dpi=100)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    main(parser.parse_args().figure)
