"""What does a discriminator say of two thin laws, and what does W1?

Images fill little of the space that they live in. Here the real points lie on a closed curve in 20 dimensions and the
generated ones on the same curve moved by delta, out of the space that the curve spans: two laws on lines, which never
meet. W1 is delta exactly. A discriminator that is trained long enough parts them at every delta, and its loss then
shows that the Jensen-Shannon divergence is near log 2, the same for curves that are far apart and that nearly touch.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

import otgan

SEED = 0
DIM = 20
DELTAS = (1.0, 0.3, 0.1)
STAGES = (10, 30, 100, 300, 1000)
BATCH, FRESH, TRANSPORTED = 256, 2000, 1000


class Curve:
    """A closed curve, (cos t, sin t, cos 2t, sin 2t) / √2 in a random space of 4 of the 20 dimensions."""

    def __init__(self, rng: np.random.Generator) -> None:
        frame, _ = np.linalg.qr(rng.normal(size=(DIM, 5)))
        self.inside, self.out = frame[:, :4], frame[:, 4]

    def sample(self, n: int, delta: float, rng: np.random.Generator) -> np.ndarray:
        """Draw n points of the curve that was moved by delta, (n, 20)."""
        t = rng.uniform(0.0, 2 * np.pi, n)
        shape = np.column_stack([np.cos(t), np.sin(t), np.cos(2 * t), np.sin(2 * t)]) / math.sqrt(2)
        return shape @ self.inside.T + delta * self.out


def shown(curve: Curve, delta: float, most: int, rng: np.random.Generator) -> list[tuple[int, float]]:
    """What a discriminator shows of JS at each stage.

    That is log 2 less half its cross-entropy, which is at most JS; here a mean over fresh points.
    """
    discriminator = nn.Sequential(nn.Linear(DIM, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=2e-3)

    def cross_entropy(n: int) -> Tensor:
        real, made = (torch.from_numpy(curve.sample(n, place, rng)).float() for place in (0.0, delta))
        return softplus(-discriminator(real)).mean() + softplus(discriminator(made)).mean()

    found = []
    for step in range(1, most + 1):
        optimizer.zero_grad()
        cross_entropy(BATCH).backward()
        optimizer.step()
        if step in STAGES:
            with torch.no_grad():
                found.append((step, math.log(2) - cross_entropy(FRESH).item() / 2))
    return found


def main(figure: Path | None, most: int) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    curve = Curve(rng)
    stages = [step for step in STAGES if step <= most]
    print("JS is at least this, says a discriminator after so many steps; log 2 is 0.6931")
    print(f"{'delta':>7}" + "".join(f"{step:>9d}" for step in stages) + f"{'W1 of points':>15}")
    results = {}
    for delta in DELTAS:
        found = shown(curve, delta, most, rng)
        x, y = curve.sample(TRANSPORTED, 0.0, rng), curve.sample(TRANSPORTED, delta, rng)
        results[delta] = found, otgan.wasserstein(x, y).distance
        print(f"{delta:7.2f}" + "".join(f"{value:9.4f}" for _, value in found) + f"{results[delta][1]:15.4f}")
    if figure is not None:
        draw(figure, results)


def draw(path: Path, results: dict) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.6, 3.0), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    colours = ("#004488", "#BB5566", "#DDAA33")
    for (delta, (found, _)), colour in zip(results.items(), colours, strict=True):
        left.plot(*zip(*found, strict=True), "o-", color=colour, label=f"δ = {delta:g}")
    left.axhline(math.log(2), color="#6B7280", linestyle=":", label="log 2")
    left.set(
        title="JS is at least this, says a discriminator", xlabel="steps of training", xscale="log", ylim=(-0.05, 0.75)
    )
    left.legend(fontsize="small", frameon=False)
    deltas = list(results)
    right.plot([0, max(deltas)], [0, max(deltas)], color="#6B7280", linestyle=":", label="δ, W1 of the laws")
    right.plot(deltas, [distance for _, distance in results.values()], "o", color="#004488", label="W1 of the points")
    right.set(title="exact W1", xlabel="δ")
    right.legend(fontsize="small", frameon=False)
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=90)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=STAGES[-1], help="steps of each discriminator")
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    asked = parser.parse_args()
    main(asked.figure, asked.steps)
