"""Is a gradient penalty a guarantee that a critic has slope 1?

A penalty looks at random points between the samples and asks for slope 1 there; what the critic does elsewhere, and at
its steepest place, nobody has asked. One sees the slopes at 10,000 points where the penalty looks, and the largest
slope anywhere in the box, bracketed by an audit, before and after training, for two weights of the penalty; and a
critic that is 1-Lipschitz by construction beside them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn

from otgan.critics import Method, get_method, train
from otgan.lipschitz import LipschitzAudit, audit
from otgan.pairs import get_pair

SEED = 0
BOX = [(-2.5, 2.5), (-2.5, 2.5)]
LOOKS = 10_000


def critics(steps: int) -> dict[str, tuple[Method, int]]:
    """What is trained, and for how many steps; one step changes next to nothing."""
    usual, strong = get_method("wgan-gp"), get_method("wgan-gp", penalty_weight=100.0)
    return {
        "wgan-gp, before": (usual, 1),
        "wgan-gp, weight 10": (usual, steps),
        "wgan-gp, weight 100": (strong, steps),
        "groupsort": (get_method("groupsort"), steps),
    }


def slopes_between(critic: nn.Module, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The gradient's norm at points drawn as WGAN-GP draws them, on segments from a source to a target point."""
    share = rng.random((len(x), 1))
    points = torch.from_numpy(share * x + (1 - share) * y).float().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(points).sum(), points)
    return gradient.norm(dim=1).numpy()


def main(figure: Path | None, steps: int) -> None:
    torch.set_num_threads(1)
    pair = get_pair("8gaussians")
    rng = np.random.default_rng(SEED)
    x, y = pair.source.sample(LOOKS, rng), pair.target.sample(LOOKS, rng)
    print(f"{'critic':>20}{'mean slope':>12}{'largest seen':>14}{'largest there is':>25}")
    results: dict[str, tuple[np.ndarray, LipschitzAudit]] = {}
    for name, (method, count) in critics(steps).items():
        critic = train(pair.source, pair.target, method, hidden=(32, 32), steps=count, seed=SEED, threads=1)
        seen = slopes_between(critic, x, y, rng)
        found = audit(critic, domain=BOX, seed=SEED)
        results[name] = seen, found
        bracket = f"[{found.lower:.6f}, {found.upper:.6f}]"
        print(f"{name:>20}{seen.mean():12.4f}{seen.max():14.4f}{bracket:>25}")
    proven = [name for name, (_, found) in results.items() if found.upper <= 1 + 1e-6]
    print(f"proven to have slope 1 at most: {', '.join(proven)}")
    if figure is not None:
        draw(figure, results)


def draw(path: Path, results: dict) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 3.0), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    for row, (seen, found) in enumerate(results.values()):
        # Violins would smooth the ends away, and the ends are what matters.
        ax.plot(np.quantile(seen, [0.0, 1.0]), [row, row], color="#88AACC", linewidth=6, solid_capstyle="butt")
        ax.plot(np.quantile(seen, [0.05, 0.95]), [row, row], color="#004488", linewidth=6, solid_capstyle="butt")
        ax.plot(found.upper, row, "D", color="#BB5566", markersize=7)
    ax.axvline(1.0, color="#6B7280", linestyle=":")
    ax.plot([], [], color="#004488", linewidth=6, label="slopes where the penalty looks, 90 % of them")
    ax.plot([], [], color="#88AACC", linewidth=6, label="all of them")
    ax.plot([], [], "D", color="#BB5566", label="largest slope in the box, proven")
    ax.set(yticks=range(len(results)), yticklabels=results, xlabel="slope", ylim=(len(results) - 0.5, -0.5))
    figure.legend(fontsize="small", frameon=False, loc="outside upper center", ncols=3)
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=90)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1000, help="steps of each training")
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    asked = parser.parse_args()
    main(asked.figure, asked.steps)
