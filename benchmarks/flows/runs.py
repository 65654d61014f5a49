"""One run: a flow trained on a law of the literature, its samples and its paths."""

from __future__ import annotations

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
#: Points whose paths' energy is taken.
PATHS = 10000
METHODS: dict[str, type[FlowMatching]] = {"flow-matching": FlowMatching, "ot-cfm": OtCfm}


def _moons(n: int, rng: np.random.Generator) -> np.ndarray:
    """`3 x - 1` of torchdyn's moons with noise = 0.2, which is one uniform number in [0, 0.2] for both coordinates.

    Places on the arcs are independent here, where torchdyn spaces them evenly: real samples are further from the law,
    so distances to them are larger.
    """
    turn, lower = rng.uniform(0, np.pi, n), rng.random(n) < 0.5
    x = np.where(lower, 1 - np.cos(turn), np.cos(turn))
    y = np.where(lower, 0.5 - np.sin(turn), np.sin(turn))
    return 3 * (np.column_stack([x, y]) + rng.uniform(0, 0.2, (n, 1))) - 1


#: As in torchcfm/utils.py: `sample_moons` and `sample_8gaussians`, the latter with √0.1 for a covariance.
LAWS: dict[str, Measure] = {"moons": as_measure("moons", _moons), "8gaussians": eight_gaussians(5.0, 0.1**0.25)}


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
        real, other = LAWS[law].sample(n, rng), LAWS[law].sample(n, rng)
        w2, floor = (otgan.wasserstein(real, points, p=2).distance for points in (learnt.sample(n, rng), other))
        samples[str(n)] = {"w2": w2, "floor": floor}
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
