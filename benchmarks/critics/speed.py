"""Training steps a second of a WGAN-GP critic: ours, and the plain loop that everybody writes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

from otgan.critics import train, train_many
from otgan.pairs import get_pair

#: Sizes of the networks, and points of each side in a step.
SIZES = (((2, 128, 128, 1), 1024), ((128, 256, 256, 1), 1024), ((2, 128, 128, 1), 256))
#: Steps that are not timed, and steps that are.
WARM_UP, TIMED = 20, 150
#: Points of each data set.
N_POINTS = 20_000
#: Critics in a stack.
STACK = 8


def plain(sizes: Sequence[int], batch: int, sample: Callable[[], tuple[torch.Tensor, torch.Tensor]]) -> float:
    """The loop of the usual implementations: autograd for the penalty, Adam as it comes."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    critic = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.9))
    started = 0.0
    for k in range(WARM_UP + TIMED):
        if k == WARM_UP:
            started = time.perf_counter()
        x, y = sample()
        t = torch.rand(batch, 1)
        between = (t * x + (1 - t) * y).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        penalty = ((gradient.norm(2, dim=1) - 1) ** 2).mean()
        loss = critic(y).mean() - critic(x).mean() + 10 * penalty
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
    return TIMED / (time.perf_counter() - started)


def data(dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Two data sets, float64: 8-Gaussians and normal points in the plane, two normal laws in other dimensions."""
    rng = np.random.default_rng(0)
    if dim == 2:
        pair = get_pair("8gaussians")
        return pair.source.sample(N_POINTS, rng), pair.target.sample(N_POINTS, rng)
    return rng.standard_normal((N_POINTS, dim)) + 1, rng.standard_normal((N_POINTS, dim))


def sampler(dim: int, batch: int) -> Callable[[], tuple[torch.Tensor, torch.Tensor]]:
    """Batches as a plain loop draws them: rows of tensors in float32."""
    x, y = (torch.from_numpy(points).float() for points in data(dim))
    return lambda: (x[torch.randint(N_POINTS, (batch,))], y[torch.randint(N_POINTS, (batch,))])


def ours(sizes: Sequence[int], batch: int, threads: int, seeds: Sequence[int] = (0,)) -> float:
    """Steps a second of all critics together."""
    times: dict[int, float] = {}
    source, target = data(sizes[0])
    options: dict[str, Any] = {
        "hidden": sizes[1:-1], "batch_size": batch, "steps": WARM_UP + TIMED, "threads": threads,
        "callbacks": [lambda k, _: times.setdefault(k, time.perf_counter())],
    }  # fmt: skip
    if len(seeds) == 1:
        train(source, target, seed=seeds[0], **options)
    else:
        train_many(source, target, seeds=seeds, **options)
    return len(seeds) * TIMED / (times[WARM_UP + TIMED] - times[WARM_UP])


def measure(repetitions: int, threads: Sequence[int] = (1, 2)) -> list[dict[str, Any]]:
    """Medians of steps a second, all methods in turn."""
    rows = []
    for sizes, batch in SIZES:
        for count in threads:
            torch.set_num_threads(count)
            found: dict[str, list[float]] = {"plain": [], "otgan": [], "stack": []}
            for _ in range(repetitions):
                found["plain"].append(plain(sizes, batch, sampler(sizes[0], batch)))
                found["otgan"].append(ours(sizes, batch, count))
                if batch == 256:
                    found["stack"].append(ours(sizes, batch, count, range(STACK)))
            medians = {name: statistics.median(values) for name, values in found.items() if values}
            rows.append({"sizes": list(sizes), "batch": batch, "threads": count, "steps_per_second": medians})
            print("-".join(map(str, sizes)), f"batch {batch}, {count} threads:", end=" ")
            print(", ".join(f"{name} {value:.0f}" for name, value in medians.items()), "steps/s", flush=True)
    return rows
