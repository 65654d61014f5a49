"""Assertions on plans, potentials and brackets, recomputed from the numbers themselves."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from scipy import sparse

from otgan.certificate import certify
from otgan.checks import FloatArray, as_number, as_real_array, as_weights
from otgan.costs import Costs, PointCosts, point_costs, rows_per_chunk
from otgan.errors import CertificateError, InvalidShapeError, InvalidTypeError
from otgan.interval import Interval
from otgan.problem import read_side
from otgan.solution import OTSolution
from otgan.testing.witness import show

#: Default tolerance, a share of the largest number involved: sums of a million rounded terms stay below it, and
#: float32 or an entropic solver need a larger one.
TOL = 1e-9


def assert_dual_feasible(
    f: Any, g: Any, x: Any, y: Any, *, p: float = 1.0, metric: str = "euclidean", tol: float = TOL
) -> None:
    r"""Assert that $f_i + g_j \le d(x_i, y_j)^p$ for all pairs.

    Args:
        f: Potential at the source points, (n,), in units of the cost; or a function of points, (n, d) -> (n,).
        g: Potential at the target points, (m,), likewise; None for −f, where p = 1 and f is a function.
        x: Source points, (n, d) or (n,), or a `DiscreteMeasure`.
        y: Target points, (m, d) or (m,), or a `DiscreteMeasure`.
        p: Exponent of the cost.
        metric: Name of the metric.
        tol: What f_i + g_j may exceed the cost by, as a share of the largest of |f|, |g| and the cost.

    Raises:
        AssertionError: If a pair breaks it; the message shows the worst one.
        InvalidShapeError, InvalidTypeError, InvalidValueError: If an argument breaks its rule.

    >>> assert_dual_feasible([0.0, -1.0], [2.0], [0.0, 1.0], [2.0])
    """
    __tracebackhide__ = True
    source, target = read_side("x", x, "a", None)[0], read_side("y", y, "b", None)[0]
    costs = point_costs(source, target, metric=metric, p=p)
    at_x = _potential("f", f, source)
    if g is None:
        if not callable(f) or costs.p != 1:
            raise InvalidTypeError("g", "be given unless f is a function and p = 1", "None", "pass the potential on y")
        at_y = -_potential("f", f, target)
    else:
        at_y = _potential("g", g, target)
    _assert_feasible(at_x, at_y, costs, as_number("tol", tol, low=0))


def assert_coupling(plan: Any, a: Any = None, b: Any = None, *, tol: float = TOL) -> None:
    """Assert that a plan moves the masses a to the masses b: no negative entry, and the right sums.

    Args:
        plan: Mass from each source to each target point, (n, m), dense or SciPy sparse.
        a: Source weights, (n,), brought to sum to one as everywhere in otgan; None for equal ones.
        b: Target weights, (m,), likewise.
        tol: What an entry may be below 0, or a row or column off its mass, as a share of the whole mass.

    Raises:
        AssertionError: If an entry is negative, or a sum is off; the message shows the worst.
        InvalidShapeError, InvalidTypeError, InvalidValueError, InvalidWeightsError: If an argument breaks its rule.

    >>> assert_coupling([[0.5, 0.0], [0.25, 0.25]], b=[0.75, 0.25])
    """
    __tracebackhide__ = True
    tol = as_number("tol", tol, low=0)
    matrix = sparse.coo_array(plan) if sparse.issparse(plan) else None
    entries = as_real_array("plan", plan if matrix is None else (matrix.data if matrix.nnz else [0.0]))
    shape = entries.shape if matrix is None else matrix.shape
    if len(shape) != 2:
        raise InvalidShapeError("plan", "have shape (n, m)", f"shape {shape}", "give one row for each source point")
    wanted = [as_weights(name, w, size, points="rows") for name, w, size in zip("ab", (a, b), shape, strict=True)]
    lowest = float(entries.min())
    if lowest < -tol:
        k = int(entries.argmin())
        place = divmod(k, shape[1]) if matrix is None else (int(matrix.coords[0][k]), int(matrix.coords[1][k]))
        raise AssertionError(f"plan must not be negative, got {lowest:.6g} from source {place[0]} to target {place[1]}")
    for axis, (name, side, weights) in enumerate(zip("ab", ("source", "target"), wanted, strict=True)):
        mass = weights / weights.sum()
        sums = np.asarray((plan if matrix is not None else entries).sum(axis=1 - axis)).reshape(-1)
        k = int(np.abs(sums - mass).argmax())
        if abs(sums[k] - mass[k]) > tol:
            raise AssertionError(
                f"plan must have the marginals a and b, got {sums[k]:.9g} in all at {side} {k}, where {name} is "
                f"{mass[k]:.9g}; the plan's mass is {float(entries.sum()):.9g}"
            )


def assert_brackets(solution: OTSolution, truth: Any = None, *, tol: float = TOL) -> None:
    r"""Assert that a solution's numbers hold, none of them believed.

    lower_bound ≤ distance ≤ upper_bound; the plan is a coupling; the potentials are feasible. Then both bounds are
    found again from plan and potentials: in plain float64, the plan's cost must not exceed the upper bound and the
    dual value not fall below the lower one, by more than tol; and the bracket that `otgan.certificate` proves anew must
    meet the claimed one. At last, the truth must lie inside.

    Args:
        solution: As from `otgan.wasserstein` or `otgan.transport`.
        truth: The distance, if it is known: an `Interval` that holds it or a Fraction, taken as exact; or a float,
            which may be off by a relative 1e-12, the rounding of some thousand operations.
        tol: Tolerance of sums in float64, a share of the largest number involved.

    Raises:
        AssertionError: If a number does not hold; the message says which.
        InvalidTypeError, InvalidValueError: If an argument breaks its rule.

    >>> import otgan
    >>> assert_brackets(otgan.wasserstein([[0.0, 0.0]], [[3.0, 4.0]]), truth=5.0)
    """
    __tracebackhide__ = True
    if not isinstance(solution, OTSolution):
        raise InvalidTypeError(
            "solution", "be an OTSolution", type(solution).__name__, "pass what otgan.wasserstein returned"
        )
    tol = as_number("tol", tol, low=0)
    known = _truth(truth)
    lower, upper, claim = solution.lower_bound, solution.upper_bound, f"[{solution.lower_bound!r}, "
    claim += f"{solution.upper_bound!r}]"
    if not lower <= solution.distance <= upper:
        raise AssertionError(f"distance must lie in the bracket {claim}, got {solution.distance!r}")
    problem = solution.problem
    assert_coupling(solution.plan, problem.a, problem.b, tol=tol)
    f, g = solution.potentials.f, solution.potentials.g
    _assert_feasible(f, g, problem.costs, tol)
    rows, columns, mass = solution.matched_pairs()
    primal = math.fsum(mass * problem.costs.at(rows, columns))
    dual = math.fsum([*(problem.a * f), *(problem.b * g)])
    # Sums of mass times cost round in the size of their terms, those of potentials in that of the potentials.
    room = tol * max(problem.costs.scale, float(np.abs(f).max()), float(np.abs(g).max()))
    cost = solution.certificate.cost
    if primal > cost.upper + room:
        raise AssertionError(
            f"upper bound must be proven by the plan, got {cost.upper!r} and a plan of cost {primal!r}"
        )
    if dual < cost.lower - room:
        raise AssertionError(
            f"lower bound must be proven by the potentials, got {cost.lower!r} and a dual value of {dual!r}"
        )
    try:
        again = certify(problem, (rows, columns, mass), f, g).distance
    except CertificateError as error:
        raise AssertionError(f"plan and potentials must not contradict each other, got: {error}") from error
    if again.lower > upper or again.upper < lower:
        raise AssertionError(f"bracket must hold, got {claim}, while plan and potentials prove {again}")
    if known is not None and (known[0] > upper or known[1] < lower):
        raise AssertionError(f"bracket must contain the truth, got {claim} and the truth {truth}")


def _potential(name: str, values: Any, points: FloatArray) -> FloatArray:
    array = as_real_array(name, values(points.copy()) if callable(values) else values)
    if array.shape not in ((len(points),), (len(points), 1)):
        raise InvalidShapeError(name, f"have shape ({len(points)},)", f"shape {array.shape}", "give one per point")
    return array.reshape(-1)


def _assert_feasible(f: FloatArray, g: FloatArray, costs: Costs, tol: float) -> None:
    __tracebackhide__ = True
    room = tol * max(costs.scale, float(np.abs(f).max()), float(np.abs(g).max()))
    n, m = costs.shape
    worst, place, broken = 0.0, (0, 0), 0
    step = rows_per_chunk(m)
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        excess = f[rows, None] + g - costs.block(rows, slice(None))
        broken += int((excess > room).sum())
        k = int(excess.argmax())
        if excess.flat[k] > max(worst, room):
            worst, place = float(excess.flat[k]), (start + k // m, k % m)
    if not broken:
        return
    i, j = place
    cost = float(costs.at(np.array([i]), np.array([j]))[0])
    where = f"source {i} and target {j}"
    if isinstance(costs, PointCosts):
        where = f"x[{i}] = {show(costs.x[i])} and y[{j}] = {show(costs.y[j])}"
    raise AssertionError(
        f"potentials must satisfy f + g <= c, got f + g = {f[i] + g[j]:.9g} > c = {cost:.9g} at {where}; "
        f"{broken} of {n * m} pairs break it, this one most"
    )


def _truth(truth: Any) -> tuple[Any, Any] | None:
    """Lower and upper end of what is known."""
    if truth is None:
        return None
    if isinstance(truth, Interval):
        return truth.lower, truth.upper
    if isinstance(truth, Fraction):
        return truth, truth
    value = as_number("truth", truth, low=0)
    return value * (1 - 1e-12), value * (1 + 1e-12)
