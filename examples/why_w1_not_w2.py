"""Why is a critic trained for W1, and not for W2?

The dual of any transport problem has two potentials, with f(x) + g(y) <= c(x, y). Where the cost is a distance one
function does: g = -f is as good as any, and the constraint is that f has slope 1 (Kantorovich and Rubinstein). For
the squared distance it is not. A single function would have to obey f(x) - f(y) <= |x - y|^2 wherever a critic may be
asked, in k short steps from x to y as well, which leaves a k-th of the square: nothing, on a connected space. One sees
the exact duals of both, and how much one function proves the more places it has to be feasible at.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.sparse.csgraph import shortest_path
from scipy.spatial.distance import cdist

import otgan

SEED = 0
POINTS = 60
#: Places between the samples, beside the samples themselves, where one function must keep its word.
PLACES = (0, 10, 30, 100, 300)


def one_function(x: np.ndarray, y: np.ndarray, places: np.ndarray, p: int) -> float:
    """The most that E f(x) - E f(y) can be with f(u) - f(v) <= |u - v|^p at all points and places, exactly.

    Such an f obeys the cheapest way in steps too, and every f that obeys those costs, which are a distance, counts:
    so it is transport for the costs of cheapest ways.
    """
    everywhere = np.concatenate([x, y, places])
    costs = cdist(everywhere, everywhere) ** p
    cheapest = shortest_path(costs, method="FW")[: len(x), len(x) : len(x) + len(y)]
    return otgan.transport(cheapest).cost


def main(figure: Path | None) -> None:
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=(POINTS, 2)) * 0.4 + [-1.5, 0.0]
    y = rng.normal(size=(POINTS, 2)) * 0.4 + [1.5, 0.0]
    path = rng.uniform([-3.0, -1.5], [3.0, 1.5], size=(max(PLACES), 2))
    everywhere = np.concatenate([x, y])

    exact, shares = {}, {}
    for p in (1, 2):
        solution = otgan.wasserstein(x, y, p=p)
        exact[p] = solution
        # g anywhere is the c-transform of f at the source points, as f is that of g at the target points.
        g = (cdist(x, everywhere) ** p - solution.potentials.f[:, None]).min(axis=0)
        apart = np.abs(solution.potentials(everywhere) + g)
        print(f"W{p}: at one and the same point f and -g are up to {apart.max():.4f} apart")
        shares[p] = [one_function(x, y, path[:k], p) / solution.cost for k in PLACES]
    print(f"{'places':>8}{'one function proves of W1':>27}{'of W2 squared':>15}")
    for k, ours, theirs in zip(PLACES, shares[1], shares[2], strict=True):
        print(f"{k:8d}{ours:27.4f}{theirs:15.4f}")
    if figure is not None:
        draw(figure, x, exact, shares)


def draw(path: Path, x: np.ndarray, exact: dict, shares: dict) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 2.9), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3)
    line = np.column_stack([np.linspace(-2.0, 2.0, 201), np.zeros(201)])
    for p, ax in zip((1, 2), axes, strict=False):
        potentials = exact[p].potentials
        g = (cdist(x, line) ** p - potentials.f[:, None]).min(axis=0)
        f = potentials(line)
        middle = f[100]
        ax.plot(line[:, 0], f - middle, color="#004488", label="f")
        ax.plot(line[:, 0], -g - middle, "--", color="#DDAA33", label="−g")
        ax.set(title=f"the two potentials of W{p}" + ("²" if p == 2 else ""), xlabel="along the line through both")
        ax.legend(fontsize="small", frameon=False)
    axes[2].plot(PLACES, shares[1], "o-", color="#004488", label="of W1")
    axes[2].plot(PLACES, shares[2], "s-", color="#BB5566", label="of W2²")
    axes[2].set(title="what one function proves", xlabel="places between", ylim=(0.0, 1.08))
    axes[2].legend(fontsize="small", frameon=False)
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=85)
    print(f"figure: {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, help="where to save a picture (PNG)")
    main(parser.parse_args().figure)
