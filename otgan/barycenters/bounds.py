r"""What is proven of means: by exact distances from above, and by potentials from below.

For any potentials with $f^k_s + g^k_j ≤ c^k_{sj}$ and any masses w on the support,
$\sum_k λ_k W(w, μ_k) ≥ \sum_k λ_k \langle μ_k, g^k \rangle + \sum_s w_s \sum_k λ_k f^k_s$, and the last sum is at least
the smallest $\sum_k λ_k f^k_s$. So nothing is lost where that is the same at all points, as it is made here.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from otgan.checks import FloatArray
from otgan.costs import PointCosts
from otgan.dual.potentials import FeasiblePotentials, Potentials
from otgan.errors import CertificateError
from otgan.exact import down, up
from otgan.interval import Interval
from otgan.metrics import UNIT
from otgan.problem import OTProblem
from otgan.solution import OTSolution
from otgan.solve import solve


def lower_bound(
    low: list[FloatArray], masses: list[FloatArray], counts: FloatArray, potentials: list[FloatArray]
) -> tuple[float, list[FloatArray]]:
    """A proven lower bound of the smallest cost on a support, and potentials of the support that prove it.

    Args:
        low: Costs from the support to each measure, less their rounding errors, (n, n_k).
        masses: Weights of each measure, (n_k,), positive, good to a few roundings.
        counts: How much each measure counts, (k,).
        potentials: Any potentials at the points of each measure, (n_k,).
    """
    f = [(costs - g).min(axis=1) for costs, g in zip(low, potentials, strict=True)]
    height = sum(count * values for count, values in zip(counts, f, strict=True))
    level = (height - np.min(height)) / counts.sum()
    f = [values - level for values in f]
    # Rounding to nearest is monotone, so the exact differences are at least the float below the smallest rounded one.
    g = [np.nextafter((costs - values[:, None]).min(axis=0), -np.inf) for costs, values in zip(low, f, strict=True)]
    lowest = sum(count * values for count, values in zip(counts, f, strict=True))
    total = math.fsum(count * float(w @ v) for count, w, v in zip(counts, masses, g, strict=True))
    size = sum(
        count * (float(w @ abs(v)) + float(abs(values).max()))
        for count, w, v, values in zip(counts, masses, g, f, strict=True)
    )
    # A sum of n products is good to n · u of its absolute terms, the weights to a few u, and the sum over k to k · u.
    terms = max(len(w) for w in masses) + len(masses) + 16
    return max(0.0, down(total + float(np.min(lowest)) - 2 * terms * UNIT * float(size))), f


def solve_exactly(problem: OTProblem, *, max_memory: float) -> OTSolution:
    """The transport between a mean and a measure, as `otgan.wasserstein` finds it by default."""
    return solve(problem, method="auto", tol=1e-11, max_iter=10**8, max_seconds=math.inf, max_memory=max_memory)


def combined(solutions: list[OTSolution], counts: FloatArray) -> Interval:
    """The interval of the cost of a mean, a weighted sum of costs."""
    ends = [(solution.certificate.cost.lower, solution.certificate.cost.upper) for solution in solutions]
    below, above = (math.fsum(c * end[side] for c, end in zip(counts, ends, strict=True)) for side in (0, 1))
    return Interval(max(0.0, down(below * (1 - 4 * UNIT))), up(above * (1 + 4 * UNIT)) if above else 0.0)


def potentials_from(costs: PointCosts, f: FloatArray) -> Potentials:
    """The best feasible potentials above one on the support."""
    return FeasiblePotentials(costs, partial(np.asarray, f))


def proven(lower: float, upper: float) -> Interval:
    """The interval between two bounds that have been proven."""
    if lower > upper:
        raise CertificateError(f"lower bound {lower!r} above upper bound {upper!r}; please report this problem")
    return Interval(lower, upper)
