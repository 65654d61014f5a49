"""Which critics prove what they say, and how much do they leave out?

Two rings of Gaussians, one turned and shrunk against the other. A critic whose Lipschitz constant is at most L proves
that W1 of the samples is at least its estimate / L. For those that are 1-Lipschitz by construction, L is 1 and nothing
is lost; for a penalised or a clipped one the proven L is far above the slope that it has, and little is left.
"""

from __future__ import annotations

import numpy as np
import torch

import otgan
from otgan.critics import get_method, train
from otgan.lipschitz import certified_upper_bound

METHODS = ("cones", "groupsort", "norm-constrained", "spectral-norm", "wgan-lp", "wgan")


def ring(radius: float, turn: float, rng: np.random.Generator, n: int = 1000) -> np.ndarray:
    angles = 2 * np.pi * (rng.integers(8, size=n) / 8 + turn)
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1) + 0.1 * rng.standard_normal((n, 2))


def main() -> None:
    rng = np.random.default_rng(0)
    x, y = ring(2.0, 0.0, rng), ring(1.0, 1 / 16, rng)
    exact = otgan.wasserstein(x, y).distance
    print(f"exact W1 of the samples = {exact:.4f}")
    for name in METHODS:
        critic = train(x, y, name, steps=200, hidden=(32, 32), batch_size=128, threads=1)
        with torch.no_grad():
            estimate = float(critic(torch.tensor(x).float()).mean() - critic(torch.tensor(y).float()).mean())
        bound = certified_upper_bound(critic).value
        proven = estimate / bound
        print(
            f"{name:>16} ({get_method(name).held}): says {estimate:.4f}, is at most {bound:.6g}-Lipschitz, "
            f"so W1 >= {proven:.4f}; {'true' if proven <= exact * (1 + 1e-6) else 'WRONG'}"
        )


if __name__ == "__main__":
    main()
