"""The training loop, which knows nothing of what it trains."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from otgan.checks import as_count
from otgan.errors import TrainingDivergedError

Metrics = Mapping[str, float]
Callback = Callable[[int, Metrics], None]


def run_steps(
    step: Callable[[int], Metrics], n_steps: int, *, callback: Callback | None = None, every: int = 1
) -> None:
    """Run ``step(1)``, ..., ``step(n_steps)``, and watch.

    An exception of the step or the callback, KeyboardInterrupt among them, passes through unchanged: what the step
    trains is then as the last whole step left it, or half-way through the one that raised.

    Args:
        step: Does one step, given its number, and returns what it measured.
        n_steps: How many, at least 1.
        callback: Called as ``callback(k, metrics)`` after the first step, every `every`-th and the last one.
        every: Steps between two calls.

    Raises:
        TrainingDivergedError: If a measured number is NaN or infinite; the message names it and the step.
        InvalidValueError: If `n_steps` or `every` is below 1.
    """
    n_steps, every = as_count("n_steps", n_steps), as_count("every", every)
    for k in range(1, n_steps + 1):
        metrics = step(k)
        for name, value in metrics.items():
            if not math.isfinite(value):
                raise TrainingDivergedError(
                    f"{name} must stay finite during training, got {value} at step {k} of {n_steps}; "
                    "lower the learning rate, or look for extreme points in the data"
                )
        if callback is not None and (k == 1 or k % every == 0 or k == n_steps):
            callback(k, metrics)
