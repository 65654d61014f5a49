"""Can points be moved onto others by the gradient of the exact distance?

`OTLoss` is a loss like any other: its gradient pulls each point along its arc of the optimal plan. That plan stays
optimal on the way, so each step of the descent on W_2² leaves the same share of the distance.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from otgan.autograd import OTLoss

SEED = 0
POINTS = 80
STEPS = 12


def main(figure: Path | None) -> None:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(SEED)
    angles = 2 * torch.pi * torch.rand(POINTS, generator=generator, dtype=torch.float64)
    y = torch.stack([angles.cos(), angles.sin()], dim=1) * 2
    x = torch.randn(POINTS, 2, generator=generator, dtype=torch.float64) * 0.3
    x.requires_grad_()

    criterion = OTLoss(p=2, value="cost")
    # The gradient at a point is 2 (x − T(x)) / n: a step of n/2 would go all the way, this one a third of it.
    optimizer = torch.optim.SGD([x], lr=POINTS / 6)
    path = [x.detach().clone()]
    for step in range(STEPS + 1):
        optimizer.zero_grad()
        loss = criterion(x, y)
        if step % 3 == 0:
            print(f"step {step:2d}: W2 = {loss.item() ** 0.5:.6f}")
        loss.backward()
        optimizer.step()
        path.append(x.detach().clone())
    ratio = criterion(path[-1], y) / criterion(path[-2], y)
    print(f"each step leaves two thirds of the way: {ratio.item() ** 0.5:.6f}")

    if figure is not None:
        draw(figure, torch.stack(path).numpy(), y.numpy())


def draw(path: Path, x: np.ndarray, y: np.ndarray) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.4, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    ax.plot(x[:, :, 0], x[:, :, 1], color="#88AACC", linewidth=0.5)
    ax.plot(*x[0].T, "o", color="#BB5566", markersize=3, label="source, at the start")
    ax.plot(*x[-1].T, "o", color="#004488", markersize=3, label=f"after {len(x) - 1} steps")
    ax.plot(*y.T, "^", color="#DDAA33", markersize=3, label="target")
    ax.set(title="descent on the exact W2²", aspect="equal", xlim=(-2.4, 2.4), ylim=(-2.4, 2.9))
    ax.legend(loc="upper center", ncols=3, fontsize="small", frameon=False, handletextpad=0.2, columnspacing=0.8)
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=85)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    main(parser.parse_args().figure)
