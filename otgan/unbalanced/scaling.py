r"""Scaling for unbalanced transport with Kullback-Leibler penalties, in the log domain.

The dual of the smoothed problem, to be made large over all f and g, is
$-ρ \sum_i a_i (e^{-f_i/ρ} - 1) - ρ \sum_j b_j (e^{-g_j/ρ} - 1) - ε \sum_{ij} a_i b_j (e^{(f_i + g_j - c_ij)/ε} - 1)$.
For one potential with the other one given it has a closed form, a softened c-transform times ρ/(ρ + ε) (Chizat, Peyré,
Schmitzer and Vialard 2018, Scaling algorithms for unbalanced optimal transport problems). What these steps do slowly is
to move mass from one side to the other by a constant, f + t and g − t, where ρ is large beside ε; the best t has a
closed form too, and is taken after each pair of steps (Séjourné et al. 2022, Faster Unbalanced
Optimal Transport, who name its absence as what makes the plain steps slow).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from otgan.checks import FloatArray
from otgan.compiled import compiled, in_parts
from otgan.metrics import UNIT
from otgan.progress import Show
from otgan.solution import Status
from otgan.unbalanced.bounds import log_sum

#: Smoothing is lowered by this factor from one stage to the next, and a stage has so many steps before the last one.
FACTOR, STEPS = 0.25, 10
#: Pairs of steps between two looks at the gap, each of which costs about half a pair.
LOOK = 5
#: The logarithm of how much more than all mass an entry of a plan may be.
MORE = 40.0
#: Entries of a row block that are worth a thread.
PER_THREAD = 100_000


@dataclass(frozen=True, eq=False)
class Scaled:
    """Potentials of the smoothed problem.

    Attributes:
        f: Potential at the source points, (n,).
        g: Potential at the target points, (m,).
        plan: Their plan $a_i b_j e^{(f_i + g_j - c_ij)/ε}$, (n, m).
        value: Its cost in the smoothed problem, entropy included.
        violation: L1 distance of its marginals from those that the potentials ask for, $a e^{-f/ρ}$ and $b e^{-g/ρ}$.
        status: How the steps ended.
    """

    f: FloatArray
    g: FloatArray
    plan: FloatArray
    value: float
    violation: float
    status: Status


def scale(
    costs: FloatArray,
    a: FloatArray,
    b: FloatArray,
    *,
    rho: float,
    epsilon: float,
    tol: float,
    max_iter: int,
    deadline: float,
    interrupted: Callable[[], bool],
    show: Show,
) -> Scaled:
    """Solve the smoothed problem.

    Args:
        costs: Cost matrix, (n, m).
        a: Masses, (n,), positive.
        b: Masses, (m,), positive.
        rho: Price of making or losing mass, in units of the cost.
        epsilon: Smoothing, in units of the cost.
        tol: Gap between primal and dual, as a share of the primal, at which to stop.
        max_iter: Pairs of steps after which to stop.
        deadline: When to stop, by `time.perf_counter`.
        interrupted: Whether to stop.
        show: Is told now and then how far it is.
    """
    across = np.ascontiguousarray(costs.T)
    log_a, log_b = np.log(a), np.log(b)
    f, g = np.zeros(len(a)), np.zeros(len(b))
    # A gap below the rounding of its own terms is none.
    floor = 64 * UNIT * (rho * (a.sum() + b.sum()) + epsilon * a.sum() * b.sum())
    softness, count, status = max(epsilon, float(costs.max())), 0, Status.CONVERGED
    while True:
        last = softness <= epsilon
        softness = max(softness, epsilon)
        damping = rho / (rho + softness)
        for step in range(max_iter if last else STEPS):
            f = damping * soft_transform(costs, g, log_b, softness)
            g = damping * soft_transform(across, f, log_a, softness)
            t = rho / 2 * (log_sum(log_a - f / rho) - log_sum(log_b - g / rho))
            f, g = f + t, g - t
            count += 1
            if last and (count >= max_iter or step % LOOK == LOOK - 1):
                found = _assess(costs, a, b, f, g, rho, epsilon)
                show(f"step {count}, gap {found[0]:.2g}")
                if found[0] <= tol * found[1].value + floor:
                    break
            if count >= max_iter:
                status = Status.ITERATION_LIMIT
            elif interrupted():
                status = Status.INTERRUPTED
            elif time.perf_counter() > deadline:
                status = Status.RESOURCE_LIMIT
            if status is not Status.CONVERGED:
                break
        if last or status is not Status.CONVERGED:
            break
        softness *= FACTOR
    if softness > epsilon:  # stopped on the way: the plan of softer potentials would overflow, after a step it does not
        damping = rho / (rho + epsilon)
        f = damping * soft_transform(costs, g, log_b, epsilon)
        g = damping * soft_transform(across, f, log_a, epsilon)
    result = _assess(costs, a, b, f, g, rho, epsilon)[1]
    return Scaled(result.f, result.g, result.plan, result.value, result.violation, status)


def _assess(
    costs: FloatArray, a: FloatArray, b: FloatArray, f: FloatArray, g: FloatArray, rho: float, epsilon: float
) -> tuple[float, Scaled]:
    r"""The gap between primal and dual, and the plan.

    With the plan P of two potentials, the costs drop out of the difference, and what remains is
    $ρ KL(P1 \,|\, a e^{-f/ρ}) + ρ KL(P^T1 \,|\, b e^{-g/ρ})$: no term of it is negative.
    """
    heights = f / epsilon + np.log(a), g / epsilon + np.log(b)
    # No plan worth having moves e^MORE times all mass; one that does comes of an ε below the rounding of potentials.
    most = math.log(float(a.sum()) + float(b.sum())) + MORE
    plan = np.exp(np.minimum(heights[0][:, None] + heights[1] - costs / epsilon, most))
    sides = (plan.sum(axis=1), f, a), (plan.sum(axis=0), g, b)
    asked = [np.log(mass) - potential / rho for _, potential, mass in sides]
    gap = rho * sum(divergence(has, logs) for (has, _, _), logs in zip(sides, asked, strict=True))
    dual = -rho * sum(float(mass @ np.expm1(-potential / rho)) for _, potential, mass in sides)
    dual -= epsilon * (float(plan.sum()) - float(a.sum()) * float(b.sum()))
    violation = float(sum(abs(has - np.exp(logs)).sum() for (has, _, _), logs in zip(sides, asked, strict=True)))
    return gap, Scaled(f, g, plan, dual + gap, violation, Status.CONVERGED)


def divergence(p: FloatArray, log_q: FloatArray) -> float:
    """Kullback-Leibler divergence Σ p log(p/q) − p + q of masses of any sums; q is given by its logarithm."""
    log_p = np.log(p, out=np.zeros_like(p), where=p > 0)
    return math.fsum(p * (log_p - log_q) - p + np.exp(log_q))


def soft_transform(costs: FloatArray, potential: FloatArray, log_masses: FloatArray, epsilon: float) -> FloatArray:
    """The softened c-transform −ε log Σ_j exp(log mass_j + (potential_j − c_ij)/ε) of each row, (n,)."""
    out = np.empty(len(costs))
    heights = potential / epsilon + log_masses

    def work(start: int, stop: int) -> None:
        _soft_rows(costs, heights, 1 / epsilon, out, start, stop)

    in_parts(work, len(costs), smallest=1 + PER_THREAD // len(heights))
    return -epsilon * out


@compiled
def _soft_rows(costs: FloatArray, heights: FloatArray, scale: float, out: FloatArray, start: int, stop: int) -> None:
    """The logarithm of the sum of exp(height_j − scale · c_ij) over each row, with the largest term taken out first."""
    for i in range(start, stop):
        largest = -np.inf
        for j in range(len(heights)):
            largest = max(largest, heights[j] - scale * costs[i, j])
        total = 0.0
        for j in range(len(heights)):
            total += np.exp(heights[j] - scale * costs[i, j] - largest)
        out[i] = largest + np.log(total)
