"""I have a training loop of my own; how far is my critic from the truth while it learns?

A critic is trained by a plain PyTorch loop, with its slopes held by spectral normalisation. A monitor looks every 50
steps at samples that nobody trains on. One sees the critic's number climb towards the exact W1 of these samples, and
the share of W1 that its values prove.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from otgan.training import W1Monitor

SEED = 0


def main() -> None:
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED)
    held_out = torch.randn(300, 2), torch.randn(300, 2) + torch.tensor([3.0, 0.5])
    layers = nn.Linear(2, 32), nn.Linear(32, 32), nn.Linear(32, 1)
    critic = nn.Sequential(*(part for layer in layers for part in (spectral_norm(layer), nn.ReLU())))[:-1]
    optimizer = torch.optim.Adam(critic.parameters(), lr=0.01)

    monitor = W1Monitor(*held_out, critic=critic, every=50)
    for step in range(1, 201):
        x = torch.from_numpy(rng.normal(size=(128, 2))).float()
        y = torch.from_numpy(rng.normal(size=(128, 2)) + [3.0, 0.5]).float()
        loss = critic(y).mean() - critic(x).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if monitor(step):
            last = monitor.last
            print(f"step {step}: the critic says {last.estimate:.3f}, W1 lies in {last.bracket}")
    print(f"exact W1 of the held-out samples: {monitor.last.distance:.3f}")


if __name__ == "__main__":
    main()
