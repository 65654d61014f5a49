r"""What any plan and any potentials prove of unbalanced transport without smoothing.

The cost of any plan is at least the optimum. Its dual is to make
$ρ \sum_i a_i (1 - e^{-f_i/ρ}) + ρ \sum_j b_j (1 - e^{-g_j/ρ})$ large over f_i + g_j ≤ c_ij (Chizat, Peyré, Schmitzer
and Vialard 2018, Scaling algorithms for unbalanced optimal transport problems), and each feasible pair is at most the
optimum: for each number r ≥ 0, $r f + ρ (r \log(r/a) - r + a) ≥ ρ a (1 - e^{-f/ρ})$, with equality at
$r = a e^{-f/ρ}$. Errors of rounding are bounded and added outward.
"""

from __future__ import annotations

import math

import numpy as np

from otgan.checks import FloatArray
from otgan.costs import Costs
from otgan.exact import down, up
from otgan.metrics import UNIT


def lowered(costs: Costs, block: FloatArray) -> FloatArray:
    """Computed costs less their rounding errors: |computed − true| ≤ r · true + e makes true ≥ (1 − r) computed − e."""
    return np.asarray(block * (1 - costs.relative_error - 4 * UNIT) - costs.absolute_error * (1 + 4 * UNIT))


def raised(costs: Costs, block: FloatArray) -> FloatArray:
    """Computed costs and their rounding errors on top: true ≤ (computed + e) / (1 − r)."""
    factor = 1 + 2 * costs.relative_error + 8 * UNIT
    return np.asarray(block * factor + costs.absolute_error * factor)


def feasible(low: FloatArray, g: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Potentials with f_i + g_j ≤ low_ij in real arithmetic, none of which can be raised by much, from any g.

    Rounding to nearest is monotone, so the exact differences are all at least the float below the smallest rounded one.
    """
    f = np.nextafter((low - g).min(axis=1), -np.inf)
    return f, np.nextafter((low - f[:, None]).min(axis=0), -np.inf)


def shifted(f: FloatArray, g: FloatArray, a: FloatArray, b: FloatArray, rho: float) -> tuple[FloatArray, FloatArray]:
    """Potentials f + t and g − t for the t at which the dual value is largest, no less feasible than before."""
    t = rho / 2 * (log_sum(np.log(a) - f / rho) - log_sum(np.log(b) - g / rho))
    return np.nextafter(f + t, -np.inf), np.nextafter(g - t, -np.inf)


def log_sum(values: FloatArray) -> float:
    """The logarithm of the sum of exponentials."""
    largest = float(values.max())
    return largest + math.log(float(np.exp(values - largest).sum()))


def dual_bound(f: FloatArray, g: FloatArray, a: FloatArray, b: FloatArray, rho: float) -> float:
    """The dual value of feasible potentials, as proven from below; at least 0, which all costs are."""
    terms, error = [], 0.0
    for potential, masses in ((f, a), (g, b)):
        z = -potential / rho
        if z.max() > 600:
            return 0.0
        gain = -masses * np.expm1(z)
        # The quotient rounds, which moves the exponential by its derivative; then the exponential and the product.
        error += float((masses * abs(z) * np.exp(z)).sum() * 4 * UNIT + abs(gain).sum() * 16 * UNIT)
        terms.extend(gain.tolist())
    value = rho * (math.fsum(terms) - error)
    return max(0.0, down(value - 8 * UNIT * abs(value)))  # the power that gives ρ rounds too


def primal_bound(plan: FloatArray, high: FloatArray, a: FloatArray, b: FloatArray, rho: float) -> tuple[float, float]:
    """The cost of a plan, scaled to its best mass, and a proven upper bound of it.

    Args:
        plan: Masses, (n, m), not negative.
        high: Costs with their rounding errors on top, (n, m).
        a: Masses of the source, (n,), positive.
        b: Masses of the target, (m,), positive.
        rho: Price of making or losing mass.
    """
    n, m = plan.shape
    lost = rho * (float(a.sum()) + float(b.sum()))  # what it costs to move nothing
    travel = math.fsum((plan * high).sum(axis=1))
    sides = (plan.sum(axis=1), a), (plan.sum(axis=0), b)
    total = float(plan.sum())
    cost, bound = lost, up(lost * (1 + 8 * UNIT * (1 + n + m)))
    if not total:
        return cost, bound
    slope = travel / rho + sum(float((r * logarithm(r, masses)).sum()) for r, masses in sides)
    best = math.exp(min(600.0, -slope / (2 * total)))  # where the derivative in the scale is zero
    # Sums of terms that are not negative are good to a part in (n + m) · u.
    share = (n + m + 16) * UNIT
    for scale in (1.0, best):
        value, error = scale * travel, 2 * share * scale * travel
        for r, masses in sides:
            moved = scale * r
            log = logarithm(moved, masses)
            value += rho * math.fsum(moved * log - moved + masses)
            # The derivative in r is the logarithm, which bounds what the error of r does; then each term's rounding.
            error += rho * 2 * share * float((moved * abs(log) + moved + masses).sum())
        cost, bound = min(cost, value), min(bound, up(value + error + 16 * UNIT * abs(value)))
    return cost, bound


def logarithm(r: FloatArray, masses: FloatArray) -> FloatArray:
    """Logarithm of r / mass; 0 where r is 0, since it is then multiplied by 0."""
    with np.errstate(over="ignore"):
        ratio = np.divide(r, masses, out=np.ones_like(r), where=r > 0)
    inside = (ratio > 1e-300) & (ratio < 1e300)
    # Outside a quotient loses its digits; the difference has them, to u times the logarithms of the two.
    outside = np.log(np.where(inside, 1.0, r)) - np.log(masses)
    return np.asarray(np.where(inside, np.log(np.where(inside, ratio, 1.0)), outside))


def lower_bound(
    low: FloatArray, f: FloatArray, g: FloatArray, a: FloatArray, b: FloatArray, rho: float
) -> tuple[float, FloatArray]:
    """The better of the bounds that two potentials prove, and a potential of the source that proves it."""
    best, potential = -1.0, f
    from_g = feasible(low, g)
    from_f = feasible(low.T, f)[::-1]
    for pair in (from_g, from_f):
        pair = shifted(*pair, a, b, rho)
        value = dual_bound(*pair, a, b, rho)
        if value > best:
            best, potential = value, pair[0]
    return best, potential
