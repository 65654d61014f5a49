"""How long does each digit of W1 between many points take?

Ten thousand points a side, solved to several widths of the bracket, and once for as long as half a second allows. Each
bracket holds, however early the solver stopped. `--points 100000` works too: no cost matrix is ever made.
"""

from __future__ import annotations

import argparse

import numpy as np

import otgan
from otgan.measures import Gaussian, eight_gaussians

SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser(description="How long does each digit of W1 between many points take?")
    parser.add_argument("--points", type=int, default=10_000, help="points a side")
    n = parser.parse_args().points
    rng = np.random.default_rng(SEED)
    x, y = eight_gaussians().sample(n, rng), Gaussian.standard(2).sample(n, rng)
    otgan.wasserstein(x[:1000], y[:1000])  # whatever has to be compiled is compiled
    print(f"W1 between {n} and {n} points")
    exact = otgan.wasserstein(x, y)
    holds = True
    for asked in ({"max_seconds": 0.5}, {"tol": 1e-2}, {"tol": 1e-4}, {}):
        found = exact if not asked else otgan.wasserstein(x, y, **asked)
        name = ", ".join(f"{key}={value:g}" for key, value in asked.items()) or "exact"
        bracket = f"[{found.lower_bound:.9f}, {found.upper_bound:.9f}]"
        print(f"{name:>16}  {bracket}  relative width {found.relative_gap:7.1e}  {found.stats.seconds:6.2f} s")
        holds = holds and found.lower_bound <= exact.distance <= found.upper_bound
    print(f"every bracket contains the distance: {holds}")


if __name__ == "__main__":
    main()
