"""One problem: solved, and everything that its solution claims is checked."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.soak.problems import Problem
from benchmarks.soak.truth import between, distances, normalised, pot_cost

#: A share of the largest cost, which covers POT's rounding: its flows and reduced costs are float64 numbers of about
#: that size, summed a few thousand times (1e-16 each).
POT_ROUNDING = 1e-12
#: A share of the largest cost that our check itself may be wrong by: long doubles, and a plan in float64.
OWN_ROUNDING = 1e-15
#: Masses of the plan are rounded once each.
PLAN_ROUNDING = 4 * np.finfo(float).eps
#: A share of the largest cost: what rounding may leave between the bounds of the cost, at the most.
ROUNDING = 1e-12
#: L1 violation of the solver's own marginals: they come from integers.
VIOLATION = 1e-12
#: Seconds by which a limit of time may be overrun.
LATE = 5.0


@dataclass
class Outcome:
    """What was found.

    Attributes:
        failures: What is wrong, in words; nothing, it is hoped.
        seconds: Time of the solve.
        gap: Relative gap, if the solve converged.
        converged: Whether it did.
        peer: "agrees", "silent" (warned, or no answer) or "disagrees" (though duality proves it wrong).
        apart: Distance of POT's cost from the truth, as a share of the largest cost.
    """

    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    gap: float = 0.0
    converged: bool = True
    peer: str = "silent"
    apart: float = 0.0


def check(problem: Problem, stage: Callable[[str], None] = lambda name: None) -> Outcome:
    """Solve a problem, and check the solution.

    Args:
        problem: The problem.
        stage: Told "ours" and "peer" when those begin, so that it is known who hangs.
    """
    import otgan

    outcome = Outcome()
    stage("ours")
    arguments, p = (problem.x, problem.y, problem.a, problem.b), problem.settings["p"]
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", otgan.errors.WeightsWarning)
        try:
            solution = finished = otgan.wasserstein(*arguments, **problem.settings)
            outcome.seconds = time.perf_counter() - started
            if problem.stopped:  # the truth comes from a solve that came to its end
                finished = otgan.wasserstein(*arguments, metric=problem.settings["metric"], p=p)
        except Exception as error:  # whatever it is, it should not be
            outcome.failures.append(f"{type(error).__name__}: {error}")
            return outcome
    outcome.gap, outcome.converged = solution.relative_gap if solution.converged else 0.0, solution.converged
    outcome.failures += _claims(problem, solution, outcome.seconds)
    apart, exponent = distances(problem)
    costs = apart ** np.longdouble(p)
    largest = float(costs.max())
    low, high = between(problem, finished, costs, exponent)
    bracket = [float(np.ldexp(np.longdouble(v), -exponent) ** p) for v in (solution.lower_bound, solution.upper_bound)]
    slack = OWN_ROUNDING * largest + 1e-14 * high
    if bracket[0] > high + slack or bracket[1] < low - slack:
        outcome.failures.append(f"the cost is in [{low!r}, {high!r}] by duality, and not in the bracket {bracket}")
    stage("peer")
    value, _ = pot_cost(problem, costs)
    if value is not None:
        blur = POT_ROUNDING * largest
        inside = bracket[0] - blur <= value <= bracket[1] + blur
        proven = high - low <= blur
        outcome.apart = max(low - value, value - high, 0.0) / largest if largest else 0.0
        outcome.peer = "agrees" if inside and outcome.apart <= POT_ROUNDING else "disagrees"
        if not inside and not proven:
            outcome.failures.append(f"POT says {value!r}, not in the bracket {bracket}, and duality does not decide")
    return outcome


def _claims(problem: Problem, solution: Any, seconds: float) -> Iterator[str]:
    """What is wrong with a solution that needs no other to be seen."""
    tol = problem.settings.get("tol", 1e-11)
    if not 0 <= solution.lower_bound <= solution.distance <= solution.upper_bound < np.inf:
        yield f"not in order: {solution.lower_bound!r}, {solution.distance!r}, {solution.upper_bound!r}"
    if solution.converged != (solution.relative_gap <= tol):
        yield f"{solution.status.name} at a relative gap of {solution.relative_gap:.3g}, tol {tol:.3g}"
    width = solution.certificate.cost.width
    if solution.status.name == "ROUNDING" and width > ROUNDING * solution.problem.costs.scale:
        yield f"ROUNDING, at a relative gap of {solution.relative_gap:.3g}, which rounding does not explain"
    if not solution.stats.marginal_violation <= VIOLATION:
        yield f"marginals of the solver are off by {solution.stats.marginal_violation:.3g}"
    plan = solution.plan
    for axis, weights, points in ((1, problem.a, problem.x), (0, problem.b, problem.y)):
        off = float(abs(plan.sum(axis=axis) - normalised(weights, len(points))).sum())
        if not off <= PLAN_ROUNDING * (10 + np.sqrt(plan.nnz)):
            yield f"marginals of the plan are off by {off:.3g}"
    if plan.nnz and plan.data.min() < 0:
        yield f"the plan has a negative mass, {plan.data.min()!r}"
    if problem.known is not None:
        low, high = problem.known - problem.blur, problem.known + problem.blur
        if solution.lower_bound > high or solution.upper_bound < low:
            yield f"{problem.known!r} by construction, not in [{solution.lower_bound!r}, {solution.upper_bound!r}]"
        if problem.kind == "identical" and problem.settings["p"] == 1 and solution.upper_bound > 0:
            yield f"identical measures, and an upper bound of {solution.upper_bound!r}"
    if not problem.stopped and solution.status.name not in ("OPTIMAL", "ROUNDING"):
        yield f"nothing was to stop it, and it says {solution.status.name}"
    if seconds > problem.settings.get("max_seconds", np.inf) + LATE:
        yield f"took {seconds:.3g} s, with max_seconds={problem.settings['max_seconds']:.3g}"
