r"""The cheapest transport of a given mass, exactly: a balanced problem with one more point on either side.

The further source point sends, at no cost, what the targets shall go without, and the further target point takes, at
no cost, what stays at the sources. Nothing flows between the two where that has a positive price, since it would
leave more than the given mass to be moved. So both problems have the same optimal cost, and what is proven of the one
holds of the other.
"""

from __future__ import annotations

import math
import time
from fractions import Fraction
from typing import Any

import numpy as np

from otgan.certificate import upper_bound
from otgan.checks import FloatArray, as_number
from otgan.costs import MatrixCosts, PointCosts, check_memory, coordinate_bytes, point_costs
from otgan.coupling import Arcs
from otgan.errors import Interrupted, InvalidValueError
from otgan.exact import down, up
from otgan.interval import Interval
from otgan.masses import EXACT_FLOAT, Masses, sums_by
from otgan.metrics import UNIT
from otgan.problem import OTProblem
from otgan.solution import OTSolution, Stats, Status
from otgan.solve import MAX_MEMORY, solve
from otgan.unbalanced.inputs import as_floats, read_masses
from otgan.unbalanced.results import PartialPotentials, PartialTransport

#: A mass this near to all that there is, as a share of it, is all: sums of weights round by far less.
ALL = 1e-12
#: Bytes at the peak: the costs with the further points, the solver's copy of them, and a temporary array of that size;
#: masses as fractions of whole numbers, and the solver's tree.
BYTES_PER_PAIR, BYTES_PER_POINT = 24, 512


def partial_wasserstein(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    mass: float,
    p: float = 1.0,
    metric: str = "euclidean",
    tol: float = 1e-11,
    max_iter: int = 10**8,
    max_seconds: float = math.inf,
    max_memory: float = MAX_MEMORY,
) -> PartialTransport:
    r"""The cheapest way to move a given mass, and no more, from one measure to another.

    $\min_\pi \sum_{ij} \pi_{ij}\, d(x_i, y_j)^p$ over π ≥ 0 that take no more than a_i from each source point, bring no
    more than b_j to each target point, and move the mass m in all. What is left stays at no cost, so a few points
    that lie far from all others do not count. Masses are taken as given, and are not normalised.

    Args:
        x: Source points, (n, d) or (n,), or a `DiscreteMeasure`, whose weights sum to one.
        y: Target points, (m, d) or (m,), or a `DiscreteMeasure`.
        a: Masses of the source points, (n,), of any sum; None for equal ones that sum to one.
        b: Masses of the target points, (m,), likewise.
        mass: How much is to be moved: at most the smaller of the two sums. With the default masses it is a share.
            What is within a part in 10^12 of that sum is taken for it; `mass` of the result says what was moved.
        p: Exponent, 1 ≤ p ≤ 64.
        metric: Name of the metric; see `otgan.wasserstein`.
        tol: Relative gap at which the solver may stop, and the result counts as converged.
        max_iter: Pivots after which the simplex stops; the bracket then is wide, and holds.
        max_seconds: Seconds after which it stops.
        max_memory: Bytes that it may take; it holds the cost matrix, and for a while three of that size.

    Returns:
        The transport; `cost` is the whole cost, not one for each unit of mass, and `distance` its root. `price` is the
        slope of the cost in the mass.

    Raises:
        InvalidInputError: If an argument breaks a rule; the message names it and the fix.
        Interrupted: After Ctrl-C; its `partial` is the transport so far, with its bracket.
        MemoryLimitError: If the solver would need more than `max_memory`.

    Source: Chapel, Alaya and Gasso (2020), Partial Optimal Transport with Applications on Positive-Unlabeled Learning,
    for the further points.

    >>> moved = partial_wasserstein([0.0, 1.0, 90.0], [0.5, 1.0, 3.0], mass=2 / 3)  # (0.5 + 0) / 3
    >>> round(moved.cost, 12)
    0.166666666667
    """
    started = time.perf_counter()
    source, given_a = read_masses("x", x, "a", a)
    target, given_b = read_masses("y", y, "b", b)
    costs = point_costs(source, target, metric=metric, p=p)
    n, m = costs.shape
    needed = BYTES_PER_PAIR * (n + 1) * (m + 1) + BYTES_PER_POINT * (n + m) + coordinate_bytes(costs)
    check_memory(needed, as_number("max_memory", max_memory, low=0, open_low=True), "partial transport")
    masses, moved, unit = _padded_masses(given_a, given_b, n, m, mass)
    padded = OTProblem(MatrixCosts(_padded_matrix(costs)), masses)

    def finished(solution: OTSolution) -> PartialTransport:
        real = _real_arcs(solution, costs, moved)
        amount = moved * unit
        bounds = _bounds(solution, costs, real, moved, amount)
        flow = np.array([k * unit for k in real[2].tolist()], dtype=np.float64)
        primal = math.fsum(flow * costs.at(real[0], real[1]))
        status = solution.status
        if status in (Status.OPTIMAL, Status.ROUNDING):
            width = Interval(bounds.lower ** (1 / costs.p), bounds.upper ** (1 / costs.p)).relative_width
            status = Status.OPTIMAL if width <= solution.stats.tol else Status.ROUNDING
        stats = Stats(
            solution.stats.solver,
            time.perf_counter() - started,
            solution.stats.marginal_violation * float(masses.total * unit),
            solution.stats.tol,
        )
        return PartialTransport(
            costs,
            as_floats(given_a, n),
            as_floats(given_b, m),
            float(amount),
            costs.p,
            bounds,
            primal,
            _potentials(solution, costs),
            (real[0], real[1], flow),
            status,
            stats,
        )

    limits: dict[str, Any] = {"tol": tol, "max_iter": max_iter, "max_seconds": max_seconds, "max_memory": max_memory}
    try:
        # Whole numbers, so that a further point with next to no mass is no matter for floats.
        return finished(solve(padded, method="dense", **limits))
    except Interrupted as stopped:
        raise Interrupted("the transport", finished(stopped.partial)) from None


def _padded_masses(
    a: FloatArray | None, b: FloatArray | None, n: int, m: int, mass: Any
) -> tuple[Masses, int, Fraction]:
    """Exact masses with a further point on either side; the mass to be moved, and the unit of both."""
    left, right = _fractions(a, n), _fractions(b, m)
    most = min(sum(left, Fraction(0)), sum(right, Fraction(0)))
    wanted = Fraction(as_number("mass", mass, low=0, open_low=True))
    if abs(wanted - most) <= Fraction(ALL) * most:
        wanted = most
    if wanted > most:
        raise InvalidValueError(
            "mass",
            f"be at most the smaller of the two masses, {float(most):g}",
            mass,
            "move less, or give a and b as masses rather than weights",
        )
    left.append(sum(right) - wanted)
    right.append(sum(left[:-1]) - wanted)
    whole = math.lcm(*(value.denominator for value in [*left, *right, wanted]))
    sides = [[int(value * whole) for value in side] for side in (left, right)]
    divisor = math.gcd(*sides[0], *sides[1], int(wanted * whole))
    total = sum(sides[0]) // divisor
    dtype: Any = np.int64 if total < EXACT_FLOAT else object
    first, second = (np.array([k // divisor for k in side], dtype=dtype) for side in sides)
    return Masses(first, second, total), int(wanted * whole) // divisor, Fraction(divisor, whole)


def _fractions(masses: FloatArray | None, n: int) -> list[Fraction]:
    return [Fraction(1, n)] * n if masses is None else [Fraction(value) for value in masses.tolist()]


def _padded_matrix(costs: PointCosts) -> FloatArray:
    n, m = costs.shape
    matrix = np.zeros((n + 1, m + 1))
    matrix[:n, :m] = costs.block(slice(None), slice(None))
    matrix[n, m] = matrix.max() or 1.0  # any positive price does; this one is of the size of the others
    return matrix


def _real_arcs(solution: OTSolution, costs: PointCosts, moved: int) -> Arcs:
    """The arcs between true points, carrying exactly what was asked for."""
    n, m = costs.shape
    rows, columns, flow = solution.certificate.coupling
    real = (rows < n) & (columns < m)
    rows, columns, flow = rows[real], columns[real], flow[real].copy()
    # A solver that was stopped may leave mass between the further points, and then moves too much: the dearest goes.
    excess = int(flow.sum()) - moved
    for arc in np.argsort(-costs.at(rows, columns), kind="stable").tolist() if excess else ():
        cut = min(excess, int(flow[arc]))
        flow[arc] -= cut
        excess -= cut
    carrying = flow > 0
    return rows[carrying], columns[carrying], flow[carrying]


def _bounds(solution: OTSolution, costs: PointCosts, arcs: Arcs, moved: int, amount: Fraction) -> Interval:
    """The interval of the cost, with the rounding of the costs between points, which a matrix does not know of."""
    n, m = costs.shape
    rows, columns, flow = arcs
    # What is moved is a balanced problem of its own, and its optimum no more than what this plan costs.
    part = OTProblem(costs, Masses(sums_by(rows, flow, n), sums_by(columns, flow, m), moved))
    share = np.array([k / moved for k in flow.tolist()], dtype=np.float64)
    above, _ = upper_bound(part, (rows, columns, share))
    # |computed − true| ≤ r · true + e for each pair, so any plan truly costs at least (computed − e · mass) / (1 + r).
    total = solution.problem.masses.total
    per_unit = solution.certificate.cost.lower * (total / moved) * (1 - 4 * UNIT)
    below = (per_unit - costs.absolute_error) / (1 + costs.relative_error + 4 * UNIT)
    weight = float(amount)
    return Interval(max(0.0, down(below * weight, 4)), up(above * weight, 4) if above else 0.0)


def _potentials(solution: OTSolution, costs: PointCosts) -> PartialPotentials:
    """Potentials without the further points, whose own say what it is worth to move one unit less."""
    f, g = solution.potentials.f, solution.potentials.g
    price = -float(f[-1] + g[-1])
    return PartialPotentials(f[:-1] - f[-1], g[:-1] + f[-1], costs, price)
