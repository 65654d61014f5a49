"""How far apart are two samples of clock times, some of them past midnight?

Half past eleven at night and half past midnight are an hour apart, not twenty-three. On the circle of 24 hours mass
takes the shorter way round, and W1 says how long it is; on the line it crosses the whole day.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import otgan
from otgan.circle import CircleSolution, circle_wasserstein

SEED = 0
DAY = 24.0


def main(figure: Path | None) -> None:
    rng = np.random.default_rng(SEED)
    asleep = rng.normal(23.0, 0.7, 400)
    source, target = asleep % DAY, (asleep + 2.0) % DAY  # two hours later, and most of it on the next day
    solution = circle_wasserstein(source, target, period=DAY)
    print(f"W1 in hours, on the line:   {otgan.wasserstein(source, target).distance:.2f}")
    print(f"W1 in hours, on the circle: {solution.distance:.2f}")
    print(f"proven: it lies in [{solution.lower_bound:.12f}, {solution.upper_bound:.12f}]")
    hours = np.arange(0.0, DAY, 4.0)
    print(
        "potential at", ", ".join(f"{h:.0f}h: {f:+.2f}" for h, f in zip(hours, solution.potentials(hours), strict=True))
    )
    if figure is not None:
        draw(figure, source, target, solution)


def draw(path: Path, source: np.ndarray, target: np.ndarray, solution: CircleSolution) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    clock, plain = figure.subplots(1, 2, width_ratios=(1, 1.3))
    edges = np.linspace(0.0, DAY, 49)
    for sample, colour, name in ((source, "#004488", "source"), (target, "#DDAA33", "target")):
        height, _ = np.histogram(sample, edges)
        middle = (edges[:-1] + edges[1:]) / 2 * 2 * np.pi / DAY
        middle, radius = np.append(middle, middle[0]), 1 + np.append(height, height[0]) / height.max()
        clock.plot(radius * np.sin(middle), radius * np.cos(middle), color=colour, label=name)
        plain.plot(edges[:-1] + 0.25, height / height.max(), color=colour, label=name)
    clock.set(aspect="equal", title="hours on a dial")
    clock.axis("off")
    hours = np.linspace(0.0, DAY, 241)
    values = solution.potentials(hours)
    plain.plot(hours, values - values.min(), color="#BB5566", label="optimal potential")
    plain.set(xlabel="hour", xlim=(0, DAY), xticks=range(0, 25, 6), title="it closes around midnight")
    plain.spines[["top", "right"]].set_visible(False)
    plain.legend(frameon=False)
    figure.savefig(path, dpi=100)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    main(parser.parse_args().figure)
