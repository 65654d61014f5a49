"""How far apart are two laws, and how much further apart are samples of them?

The W1 of a Gaussian mixture and a Gaussian in the plane is bracketed without drawing a point: a flux proves the upper
end, a 1-Lipschitz function the lower one. Samples of the same two laws overshoot it, the less the more points there
are.
"""

from __future__ import annotations

import numpy as np

import otgan
from otgan.measures import Gaussian, GaussianMixture

SEED = 0
#: Points a side, and how often they are drawn.
SIZES = ((100, 16), (400, 8), (1600, 4))


def main() -> None:
    corners = [[-0.8, -0.8], [-0.8, 0.8], [0.8, -0.8], [0.8, 0.8]]
    source, target = GaussianMixture(corners, 0.36), Gaussian([0.0, 0.0], 1.0)  # of one mean and one covariance
    laws = otgan.population_w1(source, target, rtol=0.02)
    print(f"W1 of the laws lies in [{laws.lower_bound:.4f}, {laws.upper_bound:.4f}], {laws.interval.kind}")
    print(f"{'n':>7}{'mean W1 of samples':>21}{'standard error':>17}{'too large by':>15}")
    rng = np.random.default_rng(SEED)
    for n, repeats in SIZES:
        found = [otgan.wasserstein(source.sample(n, rng), target.sample(n, rng)).distance for _ in range(repeats)]
        mean, error = np.mean(found), np.std(found, ddof=1) / repeats**0.5
        print(f"{n:7d}{mean:21.4f}{error:17.4f}{mean / laws.distance - 1:15.0%}")


if __name__ == "__main__":
    main()
