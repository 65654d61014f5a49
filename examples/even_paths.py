"""Does noise that moves by one unit move what is drawn by the same length everywhere?

A generator may crowd one part of its noise into a corner and stretch another over a mode. StyleGAN2's path-length
regulariser holds ‖Jᵀy‖, y uniform on the unit sphere, to its running mean; its coefficient of variation says how uneven
the generator is, before and after, and the exact W1 says what that costs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

import otgan
from otgan.gan import Generated, get_data, path_length_variation, train_gan
from otgan.gan.dual import WganGpSystem

SEED = 0
POINTS = 1000
#: Lines of a grid in the noise, and how far they reach.
LINES, REACH = 21, 2.0


def main(steps: int, figure: Path | None) -> None:
    data = get_data("swissroll")
    real = data.held_out.sample(POINTS, np.random.default_rng(SEED))
    kept = {}
    for weight in (0.0, 1.0):
        system = WganGpSystem(path_length=weight)
        learnt = train_gan(data, system, steps=steps, seed=SEED, threads=1, monitor=False)
        uneven = path_length_variation(learnt)
        drawn = learnt.sample(POINTS, np.random.default_rng(SEED + 1))
        distance = otgan.wasserstein(real, drawn).distance
        print(f"weight {weight:g}: path lengths vary by {uneven:.2f} of their mean; W1 to the data {distance:.3f}")
        kept[f"weight {weight:g}"] = learnt, uneven
    before, after = (uneven for _, uneven in kept.values())
    print(f"the regulariser evens them out: {after < before}")
    if figure is not None:
        draw(figure, {name: learnt for name, (learnt, _) in kept.items()}, real)


def grid(learnt: Generated) -> np.ndarray:
    """What lines of the noise are drawn to, (2 · lines, points, 2)."""
    ticks, along = np.linspace(-REACH, REACH, LINES), np.linspace(-REACH, REACH, 200)
    lines = [np.stack(np.broadcast_arrays(tick, along), -1) for tick in ticks]
    noise = torch.from_numpy(np.stack([*lines, *(line[:, ::-1] for line in lines)])).float()
    with torch.no_grad():
        drawn = learnt.networks["generator"](noise.reshape(-1, 2)).numpy().reshape(2 * LINES, -1, 2)
    return learnt.centre + learnt.scale * drawn


def draw(file: Path, kept: dict[str, Generated], real: np.ndarray) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    for ax, (name, learnt) in zip(figure.subplots(1, 2), kept.items(), strict=True):
        ax.plot(*real.T, ".", color="#BBBBBB", markersize=3, zorder=1)
        for line in grid(learnt):
            ax.plot(*line.T, color="#004488", linewidth=0.5, zorder=2)
        ax.set(title=name, aspect="equal", xlim=(-2.5, 2.5), ylim=(-2.5, 2.5))
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=75)
    print(f"figure: {file}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=800, help="of each training")
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    options = parser.parse_args()
    main(options.steps, options.figure)
