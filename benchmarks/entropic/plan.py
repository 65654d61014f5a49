"""What is measured: one problem at some sizes and regularisations, and the settings of each peer that are tried."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from benchmarks.entropic.peers import METHODS, FloatArray

#: L1 error of both marginals together that is asked for.
TOL = 1e-5
SIZES = (2_000, 10_000)
EPSILONS = (0.05, 0.01, 0.001)
#: Sizes and regularisations at which otgan goes on alone, and the peak memory that it may take at the first of them.
LARGE = ((50_000, 0.05), (50_000, 0.01), (100_000, 0.05))
MEMORY = 1e9

#: What is tried at the smaller size, the quickest first; what is known to be hopeless at a smaller epsilon is left out.
TRIED: dict[float, tuple[str, ...]] = {
    0.05: (
        "POT sinkhorn",
        "OTT-JAX kernel, adaptive momentum from 40",
        "OTT-JAX, adaptive momentum from 40",
        "OTT-JAX, adaptive momentum from 80",
        "OTT-JAX, momentum 1.5",
        "OTT-JAX, Anderson",
        "OTT-JAX",
        "GeomLoss multiscale, scaling .9",
        "GeomLoss, scaling .9",
        "GeomLoss, scaling .99",
        "POT sinkhorn_log, torch",
        "POT sinkhorn_log",
        "POT sinkhorn_stabilized",
    ),
    0.01: (
        "POT sinkhorn",
        "OTT-JAX kernel, adaptive momentum from 80",
        "OTT-JAX, adaptive momentum from 80",
        "OTT-JAX, schedule .95, adaptive momentum from 160",
        "OTT-JAX, momentum 1.5",
        "OTT-JAX",
        "GeomLoss multiscale, scaling .9",
        "GeomLoss, scaling .9",
        "GeomLoss, scaling .99",
        "POT sinkhorn_log, torch",
        "POT sinkhorn_stabilized",
    ),
    0.001: (
        "POT sinkhorn",
        "OTT-JAX, schedule .98, adaptive momentum from 400",
        "OTT-JAX, adaptive momentum from 80",
        "GeomLoss, scaling .9",
        "GeomLoss, scaling .99",
        "POT sinkhorn_log, torch",
        "POT sinkhorn_stabilized",
    ),
}

Record = dict[str, Any]


def draw(n: int) -> tuple[FloatArray, FloatArray]:
    """Eight Gaussians and a standard normal sample, (n, 2) each: the same for the same n."""
    from otgan.measures import Gaussian, eight_gaussians

    rng = np.random.default_rng([zlib.crc32(b"entropic"), n])
    return eight_gaussians().sample(n, rng), Gaussian.standard(2).sample(n, rng)


def wanted(records: list[Record], n: int, epsilon: float) -> list[str]:
    """Methods to ask: all that are tried, or of each package the best at the next smaller size, where that is known."""
    tried = TRIED[epsilon]
    smaller = max((size for size in SIZES if size < n), default=None)
    past = {r["method"]: r for r in records if (r["n"], r["epsilon"]) == (smaller, epsilon)}
    chosen = []
    for package in dict.fromkeys(METHODS[name].package for name in tried):
        ours = [name for name in tried if METHODS[name].package == package]
        known = [name for name in ours if name in past]
        chosen += [min(known, key=lambda name: rank(past[name]))] if known else ours
    return chosen


def rank(record: Record) -> tuple[bool, float]:
    """What reached the error comes first, the quickest before others; then what came nearest to it."""
    if record.get("reached"):
        return False, record["seconds"]
    error = record.get("error")
    return True, float("inf") if error is None else error
