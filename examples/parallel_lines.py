"""Why does a GAN's gradient vanish where that of W1 does not?

Two parallel segments, theta apart: the real law on {0} x [0, 1], the generated one on {theta} x [0, 1]. As soon as
they differ their Jensen-Shannon divergence is log 2, whatever theta is, so nothing tells the generator which way to go;
W1 is |theta|, with slope 1. Noise on both gives JS a slope, but only within a few widths of the noise.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch

import otgan
from otgan.autograd import wasserstein
from otgan.divergences import histogram_jensen_shannon, jensen_shannon
from otgan.measures import parallel_line

SEED = 0
POINTS = 200
THETAS = (-1.0, -0.5, -0.1, -0.01, 0.0, 0.01, 0.1, 0.5, 1.0)
#: Bins across the lines, narrow enough to part them, and along them; chosen before any point is drawn.
EDGES = [np.linspace(-1.0025, 1.0025, 402), np.linspace(0.0, 1.0, 6)]
NOISE = 0.1
GRID = np.linspace(-1.2, 1.2, 97)


def w1_and_slope(theta: float, heights: np.ndarray) -> tuple[float, float]:
    """W1 to the segment at 0 and its derivative for theta; the same heights on both sides leave theta alone to see."""
    shift = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
    column = torch.from_numpy(heights)
    generated = torch.stack([shift.expand(len(column)), column], dim=1)
    distance = wasserstein(generated, torch.stack([torch.zeros(len(column), dtype=torch.float64), column], dim=1))
    distance.backward()
    return distance.item(), shift.grad.item()


def noisy(theta: float) -> float:
    """JS of the two laws after noise across the lines: that of two normal laws theta apart."""
    return jensen_shannon(([0.0], NOISE**2), ([theta], NOISE**2)).value


def main(figure: Path | None) -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED)
    print(f"{'theta':>7}{'JS counted':>12}{'its slope':>11}{'JS of noisy':>13}{'its slope':>11}{'W1':>8}{'slope':>7}")
    for theta in THETAS:
        x, y = (parallel_line(place).sample(POINTS, rng) for place in (0.0, theta))
        counted = histogram_jensen_shannon(x, y, EDGES).value
        step = 1e-3
        if theta:  # with the same heights, a small move changes no count
            moved = histogram_jensen_shannon(x, y + [step * theta, 0.0], EDGES).value
            slope, noisy_slope = (moved - counted) / step, (noisy(theta + step) - noisy(theta - step)) / (2 * step)
        else:
            slope, noisy_slope = math.nan, 0.0
        distance, pull = w1_and_slope(theta, x[:, 1])
        print(
            f"{theta:7.2f}{counted:12.6f}{slope:11.3f}{noisy(theta):13.6f}{noisy_slope:11.1e}{distance:8.4f}{pull:7.2f}"
        )
    x, y = (parallel_line(place).sample(POINTS, rng) for place in (0.0, 0.5))
    solution = otgan.wasserstein(x, y)
    print(f"JS at theta = 0.5 is log 2 exactly: {histogram_jensen_shannon(x, y, EDGES).value == math.log(2)}")
    print(f"W1 of independent points at theta = 0.5: {solution.distance:.4f}, and 0.5 of the laws")
    if figure is not None:
        draw(figure)


def draw(path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    blurred = np.array([noisy(theta) for theta in GRID])
    figure = Figure(figsize=(7.6, 3.0), layout="constrained")
    FigureCanvasAgg(figure)
    values, slopes = figure.subplots(1, 2)
    values.axhline(math.log(2), color="#BB5566", label="JS = log 2")
    values.plot(GRID, blurred, "--", color="#BB5566", label=f"JS with noise {NOISE:g}")
    values.plot(0.0, 0.0, "o", color="#BB5566", markersize=5)
    values.plot(GRID, np.abs(GRID), color="#004488", label="W1 = |θ|")
    values.set(title="value", xlabel="θ", ylim=(-0.03, 1.25))
    slopes.axhline(0.0, color="#BB5566", label="JS: 0")
    slopes.plot(GRID, np.gradient(blurred, GRID), "--", color="#BB5566", label=f"JS with noise {NOISE:g}")
    slopes.plot(GRID[GRID < 0], np.sign(GRID[GRID < 0]), color="#004488", label="W1: sign θ")
    slopes.plot(GRID[GRID > 0], np.sign(GRID[GRID > 0]), color="#004488")
    slopes.set(title="what the generator is told, d/dθ", xlabel="θ")
    for ax in (values, slopes):
        ax.legend(fontsize="small", frameon=False)
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=90)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    main(parser.parse_args().figure)
