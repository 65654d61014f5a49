"""What does a critic that is systematically too steep do to the estimate of W1?

It scales it: E f(x) - E f(y) of a K-Lipschitz critic is at most K times W1, and a trained one comes near that. Critics
are trained for slopes of 1/2, 1 and 2, with a penalty and by construction. One sees their estimates over the exact W1,
and what is left after division by the slope that an audit proves: a number that is never above W1.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

import otgan
from otgan.critics import get_method, train
from otgan.lipschitz import audit, certified_w1_lower_bound

SEED = 0
SLOPES = (0.5, 1.0, 2.0)
METHODS = ("wgan-gp", "groupsort")
POINTS = 1000


def ring(radius: float, turn: float, rng: np.random.Generator) -> np.ndarray:
    angles = 2 * np.pi * (rng.integers(8, size=POINTS) / 8 + turn)
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1) + 0.1 * rng.standard_normal((POINTS, 2))


def main(figure: Path | None, steps: int) -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED)
    x, y = ring(2.0, 0.0, rng), ring(1.0, 1 / 16, rng)
    exact = otgan.wasserstein(x, y).distance
    print(f"exact W1 of the samples = {exact:.4f}")
    print(f"{'critic':>10}{'K':>6}{'audited slope':>15}{'estimate / W1':>15}{'over K':>9}{'over the audited':>18}")
    reached = np.abs(np.concatenate([x, y])).max()
    box = [(-reached, reached)] * 2
    rows = []
    for name in METHODS:
        for slope in SLOPES:
            method = get_method(name, lipschitz=slope)
            critic = train(x, y, method, hidden=(32, 32), steps=steps, seed=SEED, threads=1)
            steepness = audit(critic, domain=box, seed=SEED).upper
            bound = certified_w1_lower_bound(critic, x, y, lipschitz=steepness)
            row = name, slope, steepness, bound.estimate / exact, bound.by_lipschitz / exact
            rows.append(row)
            print(f"{name:>10}{slope:6.1f}{steepness:15.4f}{row[3]:15.4f}{row[3] / slope:9.4f}{row[4]:18.4f}")
    print(f"divided by what was audited, none is above W1: {all(row[4] <= 1 for row in rows)}")
    if figure is not None:
        draw(figure, rows)


def draw(path: Path, rows: list) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.6, 3.0), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for name, colour, mark in zip(METHODS, ("#BB5566", "#004488"), "os", strict=True):
        slopes, steepness, estimates, repaired = np.array([row[1:] for row in rows if row[0] == name]).T
        left.plot(steepness, estimates, mark, color=colour, label=name)
        right.plot(slopes, estimates / slopes, mark, color=colour, fillstyle="none", label=f"{name}, over K")
        right.plot(slopes, repaired, mark, color=colour, label=f"{name}, over the audited slope")
    largest = max(row[2] for row in rows) * 1.05
    left.plot([0, largest], [0, largest], color="#6B7280", linestyle=":", label="the most there can be")
    left.set(title="estimate over W1", xlabel="audited slope")
    right.axhline(1.0, color="#6B7280", linestyle=":")
    right.set(title="estimate over W1, divided", xlabel="K asked for", xscale="log", xticks=SLOPES, ylim=(0.0, 1.6))
    right.set_xticks(SLOPES, [f"{slope:g}" for slope in SLOPES])
    right.minorticks_off()
    for ax in (left, right):
        ax.legend(fontsize="small", frameon=False)
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=90)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=500, help="steps of each training")
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    asked = parser.parse_args()
    main(asked.figure, asked.steps)
