"""Do straighter flows draw better with few steps?

Flow matching moves noise to data along a velocity field. With pairs at random the lines that it learns from cross, so
its paths bend; with the pairs of optimal transport within each batch they hardly do. The energy of the paths says so:
no flow needs less than W_2², and what exceeds it is spent on bends and on ends that are not the nearest ones.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np

import otgan
from otgan.gan import train_gan
from otgan.gan.flow_matching import FlowMatching, OtCfm, flow_paths
from otgan.gan.path_energy import path_energy
from otgan.measures import eight_gaussians

SEED = 0
POINTS = 1000


def main(steps: int, figure: Path | None) -> None:
    law = eight_gaussians()
    real = law.sample(POINTS, np.random.default_rng(SEED + 1))
    kept, energies = {}, {}
    for few in (FlowMatching(solver="euler", sampling_steps=4), OtCfm(solver="euler", sampling_steps=4)):
        learnt = train_gan(law, few, steps=steps, seed=SEED, threads=1, monitor=False)
        paths = flow_paths(learnt, POINTS, np.random.default_rng(SEED))
        distance = otgan.wasserstein(real, paths[-1]).distance
        # The same velocity field, followed closely, for its true paths.
        close = dataclasses.replace(learnt, system=type(few)(sampling_steps=50))
        paths = flow_paths(close, POINTS, np.random.default_rng(SEED))
        energy = path_energy(paths)
        print(
            f"{few.name}: energy {energy.energy:.2f}, {100 * energy.curvature:.0f} % of it in bends, "
            f"least possible {energy.transport.upper:.2f}; W1 to the data with 4 steps {distance:.2f}"
        )
        kept[few.name], energies[few.name] = paths, energy.energy
    print(f"pairs of optimal transport take less energy: {energies['ot-cfm'] < energies['flow-matching']}")

    if figure is not None:
        draw(figure, kept)


def draw(file: Path, kept: dict[str, np.ndarray]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    for ax, (name, paths) in zip(figure.subplots(1, 2), kept.items(), strict=True):
        ax.plot(*paths[:, :120].transpose(2, 0, 1), color="#88AACC", linewidth=0.6, zorder=1)
        ax.plot(*paths[0, :120].T, "o", color="#BB5566", markersize=2.5, label="noise")
        ax.plot(*paths[-1, :120].T, "o", color="#004488", markersize=2.5, label="drawn")
        ax.set(title=name, aspect="equal", xlim=(-4, 4), ylim=(-4, 4))
        ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="upper right", fontsize="small", frameon=False)
    figure.savefig(file, dpi=75)
    print(f"figure: {file}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1500, help="of each training")
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    options = parser.parse_args()
    main(options.steps, options.figure)
