"""What do a GAN and a flow make of 100 images, where they would like a thousand?

A generator that has seen 100 digits can draw these again, or draw something new that looks worse. Exact W1 to images
that nobody trained on says how well it knows the law; distances to the nearest training image say whether it copies.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import torch

import otgan
from otgan.gan import get_data, train_gan
from otgan.measures import empirical
from otgan.quality import nearest_training

SEED = 0
#: Steps that a flow takes in the time of one of WGAN-GP, which has five steps of a critic in it.
FLOW_STEPS = 3


def main(steps: int, figure: Path | None) -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED)
    data = get_data("digits")
    held_out, images = data.held_out.points, data.train.points
    drawn = {}
    print(
        f"{'':22}  {'W1':>5}  {'W1 of the images':>16}  {'to training':>11}  {'of held out':>11}  {'as near as 5%':>13}"
    )
    for n in (100, len(images)):
        train = images[rng.permutation(len(images))[:n]]
        some = dataclasses.replace(data, train=empirical(train), labels=None)
        floor = otgan.wasserstein(train, held_out).distance
        for method, budget in (("wgan-gp", steps), ("flow-matching", FLOW_STEPS * steps)):
            learnt = train_gan(some, method, steps=budget, batch_size=64, ema=0.99, seed=SEED, monitor=False)
            points = learnt.sample(len(held_out), rng)
            near = nearest_training(points, train, held_out)
            title = f"{method}, {n} images"
            drawn[title] = points, train
            print(
                f"{title:22}  {otgan.wasserstein(points, held_out).distance:5.3f}  {floor:13.3f}"
                f"  {near.median_generated:11.3f}  {near.median_held_out:8.3f}  {near.share_close:13.1%}"
            )
    if figure is not None:
        draw(figure, drawn)


def draw(path: Path, drawn: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.4, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    for ax, (title, (points, train)) in zip(figure.subplots(2, 2).flat, drawn.items(), strict=True):
        some = points[:12]
        nearest = train[np.linalg.norm(some[:, None] - train, axis=2).argmin(axis=1)]
        rows = np.stack([some, nearest]).reshape(2, 12, 8, 8)
        ax.imshow(rows.swapaxes(1, 2).reshape(16, 96), cmap="gray_r", vmin=0, vmax=1)
        ax.set(title=title, xticks=[], yticks=[3.5, 11.5], yticklabels=["drawn", "nearest"])
    figure.savefig(path, dpi=90)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100, help="of the GAN; the flow takes three times as many")
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    arguments = parser.parse_args()
    main(arguments.steps, arguments.figure)
