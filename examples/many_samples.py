"""Which of many samples are alike?

Six samples of three laws: the matrix of their distances shows which two belong together. Every entry has a proven
bracket, each pair is solved once, and with `path=` the work can be stopped and taken up again.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import otgan
from otgan.measures import Gaussian, eight_gaussians

SEED = 0


def main() -> None:
    rng = np.random.default_rng(SEED)
    laws = [Gaussian.standard(2), eight_gaussians(), Gaussian([3.0, 0.0], np.eye(2))]
    samples = [law.sample(150, rng) for law in laws for _ in range(2)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "distances.npz"
        found = otgan.pairwise(samples, n_jobs=2, path=path)
        otgan.pairwise(samples, path=path)  # reads what is there, and solves nothing
    print("W1 between six samples")
    for row in found.distances:
        print("".join(f"{distance:8.3f}" for distance in row))
    apart = found.distances + np.diag(np.full(len(samples), np.inf))
    print("nearest to each:", apart.argmin(axis=1).tolist())
    print(f"all brackets as narrow as asked: {found.converged.all()}")


if __name__ == "__main__":
    main()
