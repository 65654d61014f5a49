"""One run: a flow trained on a law of the literature, its samples and its paths."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

import otgan
from otgan.gan import Data, train_gan
from otgan.gan.flow_matching import FlowMatching, OtCfm, flow_paths
from otgan.gan.path_energy import path_energy
from otgan.measures import Measure, as_measure, eight_gaussians

#: Euler steps from noise to data.
EULER = 20
#: Points of each side in a comparison.
SIZES = (1000, 10000)
#: Comparisons of each size, with other points: one alone tells little, since they differ by tens of per cent.
COMPARISONS = 5
#: Points whose paths' energy is taken.
PATHS = 2000
METHODS: dict[str, type[FlowMatching]] = {"flow-matching": FlowMatching, "ot-cfm": OtCfm}


def _moons(n: int, rng: np.random.Generator) -> np.ndarray:
    """The law of which `_spaced_moons` is a sample, by independent points."""
    return _moons_at(rng.uniform(0, np.pi, n), rng.random(n) < 0.5, rng)


def _spaced_moons(n: int, rng: np.random.Generator) -> np.ndarray:
    """`3 x - 1` of torchdyn's moons with noise = 0.2: half of the points on each arc, spaced evenly."""
    upper = n // 2
    turn = np.concatenate([np.linspace(0, np.pi, upper), np.linspace(0, np.pi, n - upper)])
    return _moons_at(turn, np.arange(n) >= upper, rng)


def _moons_at(turn: np.ndarray, lower: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The noise is one uniform number in [0, 0.2] for both coordinates of a point."""
    x = np.where(lower, 1 - np.cos(turn), np.cos(turn))
    y = np.where(lower, 0.5 - np.sin(turn), np.sin(turn))
    return 3 * (np.column_stack([x, y]) + rng.uniform(0, 0.2, (len(turn), 1))) - 1


#: As in torchcfm/utils.py: `sample_moons` and `sample_8gaussians`, the latter with √0.1 for a covariance.
LAWS: dict[str, Measure] = {"moons": as_measure("moons", _moons), "8gaussians": eight_gaussians(5.0, 0.1**0.25)}
#: What points are compared with: the functions of those files themselves.
REAL = LAWS | {"moons": as_measure("spaced moons", _spaced_moons)}


def run(law: str, method: str, seed: int, steps: int) -> dict[str, Any]:
    """Train and judge one flow, on one thread.

    Returns:
        A record, ready for JSON.
    """
    data = Data(law, LAWS[law], LAWS[law], (2,))
    system = METHODS[method](solver="euler", sampling_steps=EULER)
    started = time.process_time()
    learnt = train_gan(data, system, steps=steps, seed=seed, threads=1, monitor=False)
    seconds = time.process_time() - started
    rng = np.random.default_rng(10000 + seed)
    samples = {}
    for n in SIZES:
        found: dict[str, list[float]] = {"w2": [], "floor": []}
        for _ in range(COMPARISONS):
            real = REAL[law].sample(n, rng)
            for name, drawn in (("w2", learnt), ("floor", LAWS[law])):
                found[name].append(otgan.wasserstein(real, drawn.sample(n, rng), p=2).distance)
        samples[str(n)] = {name: statistics.fmean(values) for name, values in found.items()}
    energy = path_energy(flow_paths(learnt, PATHS, rng))
    return {
        "law": law,
        "method": method,
        "seed": seed,
        "seconds": seconds,
        "samples": samples,
        "energy": energy.energy,
        "displacement": energy.displacement,
        "transport": energy.transport.upper,
    }
