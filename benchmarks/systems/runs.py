"""One run: a generator trained on one thread, and judged by what it draws at its last step.

Seconds are those of the processor, of which a training on one thread uses one.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from otgan.gan import evaluate, get_data, get_system, preset, train_gan

#: Laws by the name they have in the tables: the data set and its options.
LAWS: dict[str, tuple[str, dict[str, float]]] = {
    "8gaussians": ("8gaussians", {}),
    "25gaussians": ("25gaussians", {}),
    "8gaussians, σ = .02": ("8gaussians", {"std": 0.02}),
    "25gaussians, σ = .05": ("25gaussians", {"std": 0.05}),
}
#: Those that are studied unless others are asked for.
MAIN = ["8gaussians", "25gaussians"]
#: Hyper-parameters and steps other than the defaults, under a name of their own, run once on the main laws.
VARIANTS: dict[str, tuple[str, dict[str, float], int]] = {
    "wgan-gp, λ = 10": (
        "wgan-gp", {"penalty_weight": 10.0, "n_critic": 5, "learning_rate": 5e-4, "critic_rate": 2e-3}, 7500
    ),
}  # fmt: skip
#: Methods that run with three seeds.
THRICE = ("wgan-gp", "flow-matching")
#: Points that are judged, as in the tables of VEEGAN and PacGAN.
JUDGED = 2500
#: Points of a run that are kept for the pictures.
SHOWN = 400


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
    looks: list[dict[str, float]] = []
    started = time.process_time()
    learnt = train_gan(
        data, system, **settings, seed=seed, threads=1, callbacks=[lambda k, row: looks.append({"step": k, **row})]
    )
    seconds = time.process_time() - started
    seen = [row for row in looks if "w1" in row and "own" in row]
    points = learnt.sample(SHOWN, np.random.default_rng(seed))
    return {
        "method": method,
        "law": law,
        "seed": seed,
        "steps": settings["steps"],
        "seconds": seconds,
        "quality": evaluate(learnt, data, n=JUDGED, seed=seed).numbers,
        "history": [[row["step"], row["own"], row["w1"]] for row in seen],
        "points": np.round(points, 3).tolist(),
    }
