"""The certificate: a lower and an upper bound of W_p, from any plan and any potentials.

Nothing here knows who made the plan or the potentials, and nothing in them is believed. A plan is turned into a true
coupling in integer arithmetic, and the cost of a coupling is at least the optimum; a potential is made feasible by a
c-transform, and the value of a feasible pair is at most the optimum (weak duality: Villani 2003, Topics in Optimal
Transportation, Prop. 1.5). What floating point adds (the costs' evaluation, sums, weights that are no floats) is
bounded and added outward. "Proven" is meant relative to IEEE 754 arithmetic and the error bounds of `costs`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.costs import Costs, PointCosts
from otgan.coupling import Arcs, exact_coupling
from otgan.dual import line
from otgan.dual.transform import proven_transform, transform_to_columns, transform_to_rows
from otgan.errors import CertificateError
from otgan.exact import dot, down, root, up
from otgan.interval import Interval
from otgan.masses import Masses
from otgan.metrics import UNIT
from otgan.problem import OTProblem

#: Potentials shrunk by this share gain slack on all long arcs, which absorbs their rounding errors; they lose the
#: same share of the bound. Worth a try where W1 is tiny beside the diameter and rounding is all that is left.
SHRINK = 2e-12
#: Where a larger share of the bound is missing, it is not rounding that is missing.
MORE_THAN_ROUNDING = 1e-6
#: More than all terms of a sum together can lose to underflow, 2^-1074 each, a few times over.
UNDERFLOW = 2.0**-1000
#: Potentials beyond this multiple of the largest cost are cut to it; optimal ones stay below the cost itself.
LARGEST = 2.0**40


@dataclass(frozen=True, eq=False)
class Certificate:
    """Proof that the cost lies in an interval.

    Attributes:
        cost: Interval of the optimal cost W_p^p, in units of length^p.
        p: Exponent.
        couple: Makes the coupling, which takes time where masses are large integers.
    """

    cost: Interval
    p: float
    couple: Callable[[], Arcs]

    @cached_property
    def coupling(self) -> Arcs:
        """A plan with exactly the right marginals, whose cost lies in the interval, or as near as rounding has it.

        Source indices, target indices, and masses, which are integers over the problem's total.
        """
        return self.couple()

    @property
    def distance(self) -> Interval:
        """Interval of W_p, in units of length."""
        if self.p == 1:
            return self.cost
        return Interval(root(self.cost.lower, self.p, -1), root(self.cost.upper, self.p, 1))


def certify(
    problem: OTProblem,
    plan: tuple[NDArray[np.intp], NDArray[np.intp], FloatArray],
    f: FloatArray,
    g: FloatArray | None = None,
) -> Certificate:
    """Bracket the optimal cost.

    Args:
        problem: The problem.
        plan: Source index, target index and mass of each arc; anything that is not a finite positive mass is ignored.
        f: Potential at the source points, (n,); entries that are not finite are ignored.
        g: Potential at the target points, (m,); likewise. None for the c-transform of f.

    Returns:
        The certificate.
    """
    upper, coupling = upper_bound(problem, plan)
    lower = lower_bound(problem, f, g, enough=upper * (1 - SHRINK))
    if lower > upper:
        raise CertificateError(f"lower bound {lower!r} above upper bound {upper!r}; please report this problem")
    return Certificate(Interval(lower, upper), problem.costs.p, partial(_given, coupling))


def _given(coupling: Arcs) -> Arcs:
    # No lambda, so that a certificate survives a process pool; and so wherever something is made when asked for.
    return coupling


def upper_bound(problem: OTProblem, plan: tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]) -> tuple[float, Arcs]:
    """A proven upper bound of the optimal cost, and the coupling that costs at most that much."""
    rows, columns, mass = plan
    usable = np.isfinite(mass) & (mass > 0)
    arcs = exact_coupling(rows[usable], columns[usable], mass[usable], problem.masses)
    costs = problem.costs
    highest = costs.at(arcs[0], arcs[1])
    if isinstance(costs, PointCosts):
        absolute = np.where(costs.coincide(arcs[0], arcs[1]), 0.0, costs.absolute_error)
        highest = highest * (1 + costs.relative_error + 4 * UNIT) + absolute
    if not highest.any():
        return 0.0, arcs
    total = math.fsum(problem.masses.floats(arcs[2]) * highest)
    # Two roundings a term, the sum's and this product's own.
    return up(total * (1 + 6 * UNIT) + UNDERFLOW * (1 + float(highest.max()))), arcs


def lower_bound(problem: OTProblem, f: FloatArray, g: FloatArray | None = None, *, enough: float = math.inf) -> float:
    """A proven lower bound of the optimal cost, from whichever of the two potentials proves more.

    Args:
        problem: The problem.
        f: Potential at the source points, (n,); entries that are not finite say nothing.
        g: Potential at the target points, (m,); likewise. None for the c-transform of f.
        enough: A bound this good ends the search for a better one.
    """
    costs = problem.costs
    if isinstance(costs, PointCosts) and costs.on_line and costs.p == 1:
        # Every point takes part here; one that has no potential, such as one without mass, gets what the others leave.
        f = np.where(np.isfinite(f), f, -np.inf) if np.isfinite(f).any() else np.zeros(len(f))
        from_f = transform_to_columns(costs, f)
        g = from_f if g is None else np.where(np.isfinite(g), g, from_f)
        f, g = tame(np.where(np.isfinite(f), f, transform_to_rows(costs, g)), g, problem.a, costs.scale)
        bound = line.lower_bound(costs.x[:, 0], costs.y[:, 0], problem.masses, f, g)
        return max(0.0, down(bound - UNDERFLOW * (1 + costs.scale)))
    # For W1 only the difference of the measures counts, and without the mass that they share it has less rounding.
    left = problem.common_mass
    masses = Masses(left.rest_a, left.rest_b, problem.masses.total)
    if not masses.a.any():
        return 0.0
    weights, best = masses.floats(masses.a), 0.0
    for shrink in (0.0, SHRINK) if problem.is_w1 else (0.0,):
        if shrink and best < enough * (1 - MORE_THAN_ROUNDING):
            break
        for to_rows in (False, True):
            if to_rows and g is None:
                g = transform_to_columns(costs, f)
            tamed = tame(f, f if g is None else g, weights, costs.scale)[to_rows]
            best = max(best, dual_value(costs, masses, tamed * (1 - shrink), to_rows=to_rows))
            if best >= enough:
                return best
    return best


def tame(f: FloatArray, g: FloatArray, weights: FloatArray, scale: float) -> tuple[FloatArray, FloatArray]:
    """Finite, far from overflow, and shifted so that f has a weighted median of 0: any such pair proves a bound.

    The shift makes the bound's terms small, and with them its rounding errors, where nearly all mass is in one place.
    """
    f, g = (np.where(np.isfinite(potential), potential, 0.0) for potential in (f, g))
    order, most = np.argsort(f), LARGEST * scale
    below = np.cumsum(weights[order])
    middle = f[order[np.searchsorted(below, below[-1] / 2)]]
    return np.clip(f - middle, -most, most), np.clip(g + middle, -most, most)


def dual_value(
    costs: Costs, masses: Masses, potential: FloatArray, *, to_rows: bool, ceiling: FloatArray | None = None
) -> float:
    """The dual value of one potential and its c-transform, as proven from below; it may be negative.

    Args:
        costs: Costs.
        masses: Exact masses; points without mass restrict nothing.
        potential: Finite potential at the source points, (n,), or with `to_rows` at the target points, (m,).
        to_rows: Whether the c-transform is taken at the source.
        ceiling: A potential on the other side, from which the c-transform only takes away what is infeasible.
    """
    sides = (masses.b, masses.a) if to_rows else (masses.a, masses.b)
    here, there = (np.flatnonzero(side > 0) for side in sides)
    given = potential[here]
    high, low = proven_transform(costs, given, here, there, to_rows=to_rows)
    if ceiling is not None:
        capped = ceiling[there] < high
        high, low = np.where(capped, ceiling[there], high), np.where(capped, np.minimum(low, 0.0), low)
    w, v = masses.two_floats(sides[0][here]), masses.two_floats(sides[1][there])
    total, error = dot(*((part, given) for part in w), *((part, values) for part in v for values in (high, low)))
    # Two floats hold a weight to 2u², doubled here. The rest is for what underflowed.
    size = float(abs(w[0] * given).sum() + (v[0] * (abs(high) + abs(low))).sum())
    largest = float(max(abs(given).max(), abs(high).max()))
    return down(total - error - 4 * UNIT**2 * size - UNDERFLOW * (1 + largest))


def repaired_bound(problem: OTProblem, f: FloatArray, g: FloatArray) -> float:
    """What any potentials prove once a c-transform has taken away what is infeasible: a lower bound, at least 0.

    Args:
        problem: The problem.
        f: Values at the source points, (n,), in units of the cost; entries that are not finite count as 0.
        g: Values at the target points, (m,); for a critic, its negative.
    """
    costs, masses = problem.costs, problem.masses
    f, g = tame(f, g, problem.a, costs.scale)
    return max(dual_value(costs, masses, f, to_rows=False), dual_value(costs, masses, g, to_rows=True), 0.0)
