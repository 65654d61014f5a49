"""Two samples of the same law: how far apart are they, and how does that depend on their size?

The true distance is zero, the distance of the samples is not: W1 between samples is too large on average. One sees it
fall with n, fast on the line and slowly in ten dimensions, where no affordable sample makes it small. This is the
noise floor that every comparison of samples stands on.
"""

from __future__ import annotations

import numpy as np

import otgan
from otgan.measures import Gaussian

SEED = 0
SIZES = (25, 50, 100, 200, 400)
REPEATS = 12


def main() -> None:
    rng = np.random.default_rng(SEED)
    print("mean W1 between two samples of n points of the standard Gaussian")
    print("      n" + "".join(f"{f'd = {d}':>10}" for d in (1, 2, 10)))
    for n in SIZES:
        means = []
        for d in (1, 2, 10):
            law = Gaussian.standard(d)
            found = [otgan.wasserstein(law.sample(n, rng), law.sample(n, rng)).distance for _ in range(REPEATS)]
            means.append(np.mean(found))
        print(f"{n:7d}" + "".join(f"{mean:10.4f}" for mean in means))


if __name__ == "__main__":
    main()
