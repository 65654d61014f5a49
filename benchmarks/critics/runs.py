"""One run: a critic trained for some seconds between two laws, and judged by exact transport on held-out samples.

Seconds are those of the processor, of which a training on one thread uses one: so what else the machine does, another
run among it, does not shorten a training.
"""

from __future__ import annotations

import math
import time
import warnings
from typing import Any

from otgan.critics import get_method, train
from otgan.measures import Measure
from otgan.pairs import get_pair, truth
from otgan.validation import validate

#: Pairs by the name they have in the table: the pair's name and its options.
PAIRS: dict[str, tuple[str, dict[str, int]]] = {
    "8gaussians": ("8gaussians", {}),
    "funnels (2, 16)": ("funnels", {"dim": 2, "n_funnels": 16}),
    "funnels (16, 16)": ("funnels", {"dim": 16, "n_funnels": 16}),
}

#: Steps that are taken to see how many fit into the time; they belong to another training.
TRIAL = 60
#: Points of each side that a critic is judged on.
HELD_OUT = 2000
#: Seconds for bracketing its Lipschitz constant.
AUDIT = 3.0


def run(method: str, pair: str, seed: int, seconds: float) -> dict[str, Any]:
    """Train and judge one critic, on one thread.

    Returns:
        A record, ready for JSON.
    """
    name, options = PAIRS[pair]
    sides = get_pair(name, **options)
    steps = _steps(method, sides.source, sides.target, seconds)
    started = time.process_time()
    critic = train(sides.source, sides.target, get_method(method), steps=steps, seed=seed, threads=1)
    trained = time.process_time() - started
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = validate(critic, sides.source, sides.target, n_samples=HELD_OUT, seed=seed, audit_seconds=AUDIT)
    return {
        "method": method,
        "pair": pair,
        "seed": seed,
        "steps": steps,
        "seconds": trained,
        "estimate": report.estimate.value,
        "truth": report.truth.distance,
        "error": report.relative_error,
        "cosine": report.alignment.mean,
        "repaired": report.lower_bounds.best,
        "seen": report.slopes.lower,
        "proven": report.slopes.upper if math.isfinite(report.slopes.upper) else None,
    }


def laws(pair: str) -> dict[str, Any]:
    """W1 between the laws of a pair, from which a sample's may be far away: bounds, and what backs them."""
    name, options = PAIRS[pair]
    w1 = truth(get_pair(name, **options)).w1
    return {"lower": w1.lower, "upper": w1.upper, "kind": w1.kind}


def _steps(method: str, source: Measure, target: Measure, seconds: float) -> int:
    """How many steps take that long, to two digits: how long a setup and the later half of a short training take."""
    train(source, target, method, steps=1, threads=1)  # what only the first training of a process takes is left out
    times = {0: time.process_time()}
    train(
        source,
        target,
        method,
        steps=TRIAL,
        threads=1,
        callbacks=[lambda k, _: times.setdefault(k, time.process_time())],
    )
    setup, each = times[1] - times[0], (times[TRIAL] - times[TRIAL // 2]) / (TRIAL - TRIAL // 2)
    steps = max(1.0, (seconds - setup) / each)
    digit = 10 ** (math.floor(math.log10(steps)) - 1)
    return max(1, round(steps / digit) * digit) if digit >= 1 else round(steps)
