"""One run: a generator trained on one thread, and judged by what it draws at its last step.

Seconds are those of the processor, of which a training on one thread uses one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from statistics import fmean
from typing import Any

import numpy as np

from otgan import wasserstein
from otgan.gan import Data, Generated, evaluate, get_data, get_system, preset, train_gan

#: Laws by the name they have in the tables: the data set and its options.
LAWS: dict[str, tuple[str, dict[str, float]]] = {
    "8gaussians": ("8gaussians", {}),
    "25gaussians": ("25gaussians", {}),
    "8gaussians, σ = .02": ("8gaussians", {"std": 0.02}),
    "25gaussians, σ = .05": ("25gaussians", {"std": 0.05}),
}
#: Those that are studied unless others are asked for.
MAIN = ["8gaussians", "25gaussians"]
#: Hyper-parameters and steps other than the defaults, under a name of their own, run on the main laws.
VARIANTS: dict[str, tuple[str, dict[str, float], int]] = {
    "wgan-gp, λ = 10": (
        "wgan-gp", {"penalty_weight": 10.0, "n_critic": 5, "learning_rate": 5e-4, "critic_rate": 2e-3}, 7500
    ),
}  # fmt: skip
#: Points that are judged, as in the tables of VEEGAN and PacGAN.
JUDGED = 2500
#: Points of a run that are kept for the pictures.
SHOWN = 400
#: Moments at which own loss and exact W1 are compared: the first of them, and how many, evenly by the logarithm of the
#: step, since most happens early; and how many more, evenly by the step, in the second half.
FIRST, MOMENTS, LATE = 10, 40, 25
#: Points of each side at such a moment.
LOOKED_AT = 1000


def run(method: str, law: str, seed: int) -> dict[str, Any]:
    """Train and judge one generator.

    Returns:
        A record, ready for JSON.
    """
    name, options = LAWS[law]
    data = get_data(name, **options)
    if method in VARIANTS:
        name, chosen, steps = VARIANTS[method]
        system, settings = get_system(name, **chosen), {"steps": steps}
    else:
        system = get_system(method)
        settings = preset(data, system)
    looks = Looks(data, settings["steps"], seed)
    started = time.process_time()
    learnt = train_gan(data, system, **settings, seed=seed, threads=1, monitor=False, every=1, callbacks=[looks])
    seconds = time.process_time() - started
    points = (
        learnt.sample(SHOWN, np.random.default_rng(seed)) if seed == 0 else np.empty((0, 2))
    )  # pictures are of seed 0
    return {
        "method": method,
        "law": law,
        "seed": seed,
        "steps": settings["steps"],
        "seconds": seconds,
        "quality": evaluate(learnt, data, n=JUDGED, seed=seed).numbers,
        "history": looks.history,
        "points": np.round(points, 3).tolist(),
    }


def moments(steps: int) -> set[int]:
    """Steps that are spread evenly by their logarithm."""
    return {round(step) for step in np.geomspace(min(FIRST, steps), steps, MOMENTS)}


class Looks:
    """Own loss, a mean over the steps since the moment before, and the exact W1 of fresh points, at some moments.

    The loss of one batch is mostly chance, once a generator is near the law.
    """

    def __init__(self, data: Data, steps: int, seed: int) -> None:
        self._moments = moments(steps) | {round(step) for step in np.linspace(steps / 2, steps, LATE)}
        self._data, self._rng, self._own = data, np.random.default_rng([seed, 5]), list[float]()
        self.history: list[list[float]] = []

    def begin(self, learnt: Generated) -> None:
        """Take what will be drawn from."""
        self._learnt = learnt

    def __call__(self, step: int, numbers: Mapping[str, float]) -> None:
        """Look, if it is time."""
        self._own.append(numbers["own"])
        if step in self._moments:
            real, drawn = (side.sample(LOOKED_AT, self._rng) for side in (self._data.held_out, self._learnt))
            self.history.append([step, fmean(self._own), wasserstein(real, drawn).distance])
            self._own.clear()
