"""What do a GAN and a flow make of 100 images, where they would like a thousand?

A generator that has seen 100 digits can draw these again, or draw something new that looks worse. Exact W1 to images
that nobody trained on says how well it knows the law, beside what the images that it was given know of it; distances
to the nearest training image, beside those of held-out images, say whether it copies.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import torch

import otgan
from otgan.gan import get_data, get_system, train_gan
from otgan.measures import empirical
from otgan.quality import nearest_training

SEED = 0
#: Fewer steps of the critic than is usual for images, for a budget of seconds.
GAN = get_system("wgan-gp", n_critic=3, learning_rate=1e-3, critic_rate=2e-3)
FLOW = get_system("flow-matching")
COLUMNS = ("W1", "of the images", "to training", "held out", "as near as 5 %")


def main(steps: int, flow_steps: int, samples: int, figure: Path | None) -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED)
    data = get_data("digits")
    held_out, images = data.held_out.points, data.train.points
    drawn = {}
    print(f"{'':27}  {'  '.join(f'{column:>5}' for column in COLUMNS)}")
    for n in (100, len(images)):
        train = images[rng.permutation(len(images))[:n]]
        some = dataclasses.replace(data, train=empirical(train), labels=None)
        known = otgan.wasserstein(train, held_out).distance
        for system, budget in ((GAN, steps), (FLOW, flow_steps)):
            learnt = train_gan(some, system, steps=budget, batch_size=64, ema=0.99, seed=SEED, monitor=False)
            points = learnt.sample(samples, rng)
            near = nearest_training(points, train, held_out)
            numbers = (
                f"{otgan.wasserstein(points, held_out).distance:.3f}", f"{known:.3f}",
                f"{near.median_generated:.3f}", f"{near.median_held_out:.3f}", f"{near.share_close:.1%}",
            )  # fmt: skip
            title = f"{system.name}, {n} images"
            row = (f"{number:>{max(5, len(of))}}" for number, of in zip(numbers, COLUMNS, strict=True))
            print(f"{title:27}  {'  '.join(row)}")
            drawn[title] = points, train
    if figure is not None:
        draw(figure, drawn)


def draw(path: Path, drawn: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.4, 2.2), layout="constrained")
    FigureCanvasAgg(figure)
    for ax, (title, (points, train)) in zip(figure.subplots(2, 2).flat, drawn.items(), strict=True):
        some = points[:12]
        nearest = train[np.linalg.norm(some[:, None] - train, axis=2).argmin(axis=1)]
        apart = np.pad(np.stack([some, nearest]).reshape(2, 12, 8, 8), ((0, 0), (0, 0), (1, 1), (1, 1)))
        ax.imshow(apart.swapaxes(1, 2).reshape(20, 120), cmap="gray_r", vmin=0, vmax=1)
        ax.set(title=title, xticks=[], yticks=[4.5, 14.5], yticklabels=["drawn", "nearest"])
    figure.savefig(path, dpi=80)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=150, help="of the GAN")
    parser.add_argument("--flow-steps", type=int, default=150, help="of the flow")
    parser.add_argument("--samples", type=int, default=450, help="images that are drawn by each")
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    arguments = parser.parse_args()
    main(arguments.steps, arguments.flow_steps, arguments.samples, arguments.figure)
