"""Which digits are drawn better, those of a GAN or those of a flow, and is either a copyist?

Both learn scikit-learn's images of 8 × 8 with convolutional networks. A classifier that is trained on the real images
says how often it is sure of a generated one, and which classes it finds; W1 to held-out images is exact; and distances
to the nearest training image, beside those of held-out images, tell who copies. The training images themselves, drawn
again, are perfect by everything but that.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

import otgan
from otgan.gan import get_data, train_gan
from otgan.gan.classifier import train_classifier
from otgan.quality import class_score, nearest_training

SEED = 0
#: Steps that a flow takes in the time of one of WGAN-GP, which has five steps of a critic in it.
FLOW_STEPS = 3


def main(steps: int, samples: int, figure: Path | None) -> None:
    torch.set_num_threads(1)
    data = get_data("digits")
    train, held_out = data.train.points, data.held_out.points
    classifier = train_classifier(data, SEED, steps=min(400, steps))
    print(f"the classifier is right about {classifier.accuracy:.1%} of {len(held_out)} held-out digits")

    rng = np.random.default_rng(SEED)
    drawn = {"held out": held_out, "training": train[rng.choice(len(train), samples)]}
    for method, budget in (("wgan-gp", steps), ("flow-matching", FLOW_STEPS * steps)):
        learnt = train_gan(data, method, steps=budget, batch_size=64, ema=0.99, seed=SEED, monitor=False)
        drawn[method] = learnt.sample(samples, rng)

    print(f"{'':14}  {'sure':>5}  {'classes':>7}  {'rarest':>6}  {'W1':>5}  {'to training':>11}  {'as near as 5%':>13}")
    for name, points in drawn.items():
        chances = classifier.probabilities(points)
        score = class_score(chances)
        near = nearest_training(points, train, held_out)
        distance = 0.0 if points is held_out else otgan.wasserstein(points, held_out).distance
        print(
            f"{name:14}  {np.mean(chances.max(axis=1) > 0.9):5.0%}  {score.classes_found:7}  {min(score.shares):6.1%}"
            f"  {distance:5.3f}  {near.median_generated:11.3f}  {near.share_close:13.1%}"
        )
    if figure is not None:
        draw(figure, drawn)


def draw(path: Path, drawn: dict[str, np.ndarray]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [name for name in drawn if name != "training"]
    figure = Figure(figsize=(8.4, 3.1), layout="constrained")
    FigureCanvasAgg(figure)
    for ax, name in zip(figure.subplots(1, len(names)), names, strict=True):
        rows = drawn[name][:100].reshape(10, 10, 8, 8)
        ax.imshow(rows.swapaxes(1, 2).reshape(80, 80), cmap="gray_r", vmin=0, vmax=1)
        ax.set(title=name, xticks=[], yticks=[])
    figure.savefig(path, dpi=90)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200, help="of the GAN; the flow takes three times as many")
    parser.add_argument("--samples", type=int, default=1000, help="images that are drawn by each")
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    arguments = parser.parse_args()
    main(arguments.steps, arguments.samples, arguments.figure)
