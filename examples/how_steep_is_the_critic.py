"""How steep is a critic that was trained with a gradient penalty, where, and what is proven about it?

The penalty asks for slope 1 and gets it nearly everywhere. One sees three proven upper bounds of the Lipschitz
constant: the product of the layers' norms, ECLipsE-Fast, and the linear pieces of the network, which give the constant
itself; the two points that show it; and how much of W1 the critic proves on fresh samples.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import otgan
from otgan.critics import train
from otgan.lipschitz import audit, certified_w1_lower_bound
from otgan.pairs import get_pair

SEED = 0
BOX = [(-2.5, 2.5), (-2.5, 2.5)]


def main(figure: Path | None) -> None:
    pair = get_pair("8gaussians")
    critic = train(pair.source, pair.target, hidden=(32, 32), steps=300, seed=SEED, threads=1)
    found = audit(critic, domain=BOX, seed=SEED)
    for bound in found.bounds:
        print(f"{bound.method:>28}: at most {bound.value:.6f}")
    x, other = found.witness
    print(f"slope {found.lower:.6f} between {np.round(x, 3)} and {np.round(other, 3)}")
    print(f"the constant is known to a factor of {found.ratio:.9f}")

    rng = np.random.default_rng(SEED)
    x, y = pair.source.sample(500, rng), pair.target.sample(500, rng)
    bound = certified_w1_lower_bound(critic, x, y, seed=SEED)
    print(f"W1 of two samples {otgan.wasserstein(x, y).distance:.4f}; the critic says {bound.estimate:.4f}, and proves")
    print(f"  {bound.by_lipschitz:.4f} by its Lipschitz constant, {bound.by_c_transform:.4f} by c-transform")
    if figure is not None:
        from otgan.lipschitz import slope_map
        from otgan.plots import save_png, steepness_figure

        save_png(steepness_figure(found, slope_map(critic, domain=BOX)), figure)
        print(f"figure: {figure}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, help="where to save a picture of the slopes (PNG)")
    main(parser.parse_args().figure)
