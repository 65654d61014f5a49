"""Which digits are drawn better, those of a GAN or those of a flow, and is either a copyist?

Both learn scikit-learn's images of 8 × 8 with convolutional networks. W1 to held-out images is exact; a classifier that
was trained on the real images says which classes it finds, and its features are what the Fréchet distance is taken in;
distances to the nearest training image, beside those of held-out images, tell who copies. The training images drawn
again are perfect by everything but that.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from otgan.gan import get_data, get_system, train_gan
from otgan.gan.classifier import train_classifier
from otgan.gan.evaluate import evaluate
from otgan.measures import Measure

SEED = 0
#: Fewer steps of the critic than is usual for images, for a budget of seconds.
GAN = get_system("wgan-gp", n_critic=3, learning_rate=1e-3, critic_rate=2e-3)
FLOW = get_system("flow-matching")
COLUMNS = ("W1", "classes", "rarest class", "Frechet", "to training", "as near as 5 %")


def main(steps: int, flow_steps: int, samples: int, figure: Path | None) -> None:
    torch.set_num_threads(1)
    data = get_data("digits")
    classifier = train_classifier(data, SEED)
    print(f"the classifier is right about {classifier.accuracy:.1%} of {len(data.held_out)} held-out digits")
    laws: dict[str, Measure] = {"training images": data.train}
    for system, budget in ((GAN, steps), (FLOW, flow_steps)):
        laws[system.name] = train_gan(data, system, steps=budget, batch_size=64, ema=0.99, seed=SEED, monitor=False)

    print(f"{'':16}  {'  '.join(f'{column:>5}' for column in COLUMNS)}")
    for name, law in laws.items():
        found = evaluate(law, data, classifier=classifier, n=samples, seed=SEED)
        classes = found.generated.classes
        numbers = (
            f"{found.w1:.3f}", f"{classes.classes_found}", f"{min(classes.shares):.1%}",
            f"{found.generated.frechet.value:.2f}", f"{found.nearest.median_generated:.3f}",
            f"{found.nearest.share_close:.1%}",
        )  # fmt: skip
        print(f"{name:16}  {'  '.join(f'{n:>{max(5, len(of))}}' for n, of in zip(numbers, COLUMNS, strict=True))}")
    again = found.second_real
    print(f"two real samples of this size have W1 = {again.w1:.3f}, Frechet {again.frechet.value:.2f};")
    print(f"held-out images lie {found.nearest.median_held_out:.3f} from the nearest training image")
    if figure is not None:
        draw(figure, {"held out": data.held_out, **laws})


def draw(path: Path, laws: dict[str, Measure]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    laws = {name: law for name, law in laws.items() if name != "training images"}
    figure = Figure(figsize=(8.4, 3.1), layout="constrained")
    FigureCanvasAgg(figure)
    for ax, (name, law) in zip(figure.subplots(1, len(laws)), laws.items(), strict=True):
        images = law.sample(64, np.random.default_rng(SEED)).reshape(8, 8, 8, 8)
        apart = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
        ax.imshow(apart.swapaxes(1, 2).reshape(80, 80), cmap="gray_r", vmin=0, vmax=1)
        ax.set(title=name, xticks=[], yticks=[])
    figure.savefig(path, dpi=90)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300, help="of the GAN")
    parser.add_argument("--flow-steps", type=int, default=300, help="of the flow")
    parser.add_argument("--samples", type=int, default=450, help="images that are drawn by each")
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    arguments = parser.parse_args()
    main(arguments.steps, arguments.flow_steps, arguments.samples, arguments.figure)
