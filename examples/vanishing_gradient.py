"""What is left of the generator's gradient when the discriminator becomes good?

A fixed generator, z -> Az + b, against a normal law, once overlapping with it and once far away. A discriminator is
trained longer and longer, and at each stage one sees how good it is (how large its loss shows the Jensen-Shannon
divergence to be; a mean over fresh points, which only its expectation keeps below that divergence, .1114 for the
overlapping laws and log 2 for the others), and how long the gradient of the generator's losses is: minimax,
log (1 - D), and non-saturating, -log D. Beside them stands the gradient of the exact W1 of a batch, which asks no
discriminator.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from otgan.autograd import wasserstein

SEED = 0
STAGES = (0, 30, 100, 300, 1000)
#: How far apart the two laws are, and their standard deviation.
LAWS = {"overlapping": (1.0, 1.0), "apart": (3.0, 0.3)}
BATCH, FRESH, TRANSPORTED = 256, 2000, 300


def norm_of_gradient(loss: Tensor, generator: nn.Module) -> float:
    parts = torch.autograd.grad(loss, list(generator.parameters()))
    return math.sqrt(sum(float((part**2).sum()) for part in parts))


def stages(shift: float, std: float, numbers: torch.Generator, most: int) -> tuple[list[dict[str, float]], float]:
    """What is measured at each stage of the discriminator's training, and the gradient of W1."""
    generator = nn.Linear(2, 2)
    with torch.no_grad():
        generator.weight.copy_(std * torch.eye(2))
        generator.bias.copy_(torch.tensor([shift, 0.0]))

    def real(n: int) -> Tensor:
        return std * torch.randn(n, 2, generator=numbers)

    def made(n: int) -> Tensor:
        return generator(torch.randn(n, 2, generator=numbers))

    discriminator = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-3)

    def cross_entropy(n: int) -> Tensor:
        """-E log D(real) - E log (1 - D(made)) with D the sigmoid of the network."""
        return softplus(-discriminator(real(n))).mean() + softplus(discriminator(made(n).detach())).mean()

    found = []
    for step in range(most + 1):
        if step in STAGES:
            logits = discriminator(made(FRESH))
            found.append(
                {
                    "step": step,
                    "shows": math.log(2) - cross_entropy(FRESH).item() / 2,
                    "minimax": norm_of_gradient(-softplus(logits).mean(), generator),
                    "non-saturating": norm_of_gradient(softplus(-discriminator(made(FRESH))).mean(), generator),
                }
            )
        optimizer.zero_grad()
        cross_entropy(BATCH).backward()
        optimizer.step()
    return found, norm_of_gradient(wasserstein(made(TRANSPORTED), real(TRANSPORTED)), generator)


def main(figure: Path | None, most: int) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    numbers = torch.Generator().manual_seed(SEED)
    results = {name: stages(*law, numbers, most) for name, law in LAWS.items()}
    for name, (found, straight) in results.items():
        print(f"{name}: {LAWS[name][0]:g} from each other, deviation {LAWS[name][1]:g}; gradient of W1 {straight:.3f}")
        print(f"{'steps':>8}{'JS shown':>12}{'minimax':>12}{'non-saturating':>17}")
        for row in found:
            print(f"{row['step']:8d}{row['shows']:12.4f}{row['minimax']:12.1e}{row['non-saturating']:17.3f}")
    if figure is not None:
        draw(figure, results)


def draw(path: Path, results: dict) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.6, 3.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 2, sharey=True)
    for ax, (name, (found, straight)) in zip(axes, results.items(), strict=True):
        steps = [row["step"] for row in found]
        ax.plot(steps, [row["minimax"] for row in found], "o-", color="#BB5566", label="minimax, log (1 − D)")
        ax.plot(steps, [row["non-saturating"] for row in found], "s--", color="#DDAA33", label="non-saturating, −log D")
        ax.axhline(straight, color="#004488", label="exact W1 of a batch")
        ax.set(title=f"laws {name}", xlabel="steps of the discriminator", yscale="log", xscale="symlog", xlim=(0, None))
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("length of the generator's gradient")
    axes[0].legend(fontsize="small", frameon=False)
    figure.savefig(path, dpi=90)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=STAGES[-1], help="steps of each discriminator")
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    asked = parser.parse_args()
    main(asked.figure, asked.steps)
