"""The front door to transport from a law to points: read, choose a method, bracket."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_choice, as_count, as_generator, as_number, as_seconds
from otgan.compiled import compilations
from otgan.costs import PointCosts, point_costs
from otgan.dual.potentials import Potentials
from otgan.dual.transform import transform_to_rows
from otgan.errors import Interrupted, InvalidTypeError, InvalidValueError, NotProvidedError
from otgan.interrupts import interrupts
from otgan.interval import Interval
from otgan.measures.convert import as_measure
from otgan.measures.uniform import Uniform
from otgan.problem import read_side
from otgan.progress import progress
from otgan.semidiscrete import bracket
from otgan.semidiscrete.ascent import ascend
from otgan.semidiscrete.newton import solve_plane
from otgan.semidiscrete.solution import SemidiscreteSolution
from otgan.solution import Stats, Status
from otgan.solve import COMPILING

METHODS = ("auto", "stochastic", "power-diagram")
#: Atoms up to which "auto" takes power diagrams, whose time is quadratic in them: some seconds there.
MOST_CELLS = 3000
#: Seconds that the exact solver may take for the bracket after the ascent was stopped early.
LAST_SECONDS = 10.0


def semidiscrete_wasserstein(
    source: Any,
    y: Any,
    b: Any = None,
    *,
    p: float = 1.0,
    metric: str = "euclidean",
    method: str = "auto",
    rng: np.random.Generator | None = None,
    batch_size: int = 256,
    max_iter: int = 1000,
    max_seconds: float = math.inf,
    tol: float = 0.05,
    epsilon: float = 0.0,
    n_fresh: int = 20_000,
    level: float = 0.95,
    diameter: float | None = None,
) -> SemidiscreteSolution:
    r"""Wasserstein distance between a law that can be sampled and weighted points, with an interval of a stated kind.

    $W_p^p = \max_g E[\min_j c(X, y_j) - g_j] + \langle b, g \rangle$: a concave problem in one number for each point.
    "stochastic" climbs on draws, for any law, metric and p. "power-diagram" cuts a rectangle into cells of the right
    areas, for W_2 from a uniform law in the plane: exact up to rounding, without randomness.

    Args:
        source: The law: a measure, a function of (n, rng) that returns n points, or points (their empirical measure).
        y: Target points, (m, d) or (m,), or a `DiscreteMeasure`. Repeated ones are merged, those without mass left out.
        b: Target weights, (m,); None for equal ones.
        p: Exponent, 1 ≤ p ≤ 64.
        metric: Name of the metric.
        method: "stochastic", "power-diagram", or "auto", which takes the latter where it applies, to 3000 atoms.
        rng: Source of randomness; "stochastic" needs it.
        batch_size: Draws for each step of the ascent.
        max_iter: Steps of the ascent, or Newton steps.
        max_seconds: Seconds after which they stop; bracketing comes on top.
        tol: Relative gap at which the result counts as converged.
        epsilon: Smoothing of the ascent in units of the cost, which makes its maximum unique; the interval is that of
            the unsmoothed W_p in any case.
        n_fresh: Draws for the interval, ≥ 100, none of which the ascent has seen. The width falls like 1/√n; the exact
            solver runs on these draws once.
        level: Probability with which the interval of "stochastic" holds W_p, in (0, 1).
        diameter: A bound of the distance of any two points of the law's support, in units of length: a fact about the
            law, with which the interval of "stochastic" holds for every `n_fresh`, and is wider. None for an asymptotic
            interval, from the central limit theorem: it needs E c(X, y)² to be finite.

    Returns:
        The solution: `distance` in units of length, `lower_bound`, `upper_bound` (as certain as `cost_interval.kind`
        says), `g`, `potentials`, `assign`, `cells`, `status`.

    Raises:
        InvalidInputError: If an argument breaks a rule.
        Interrupted: After Ctrl-C; its `partial` is the solution so far, with its interval.
        NotProvidedError: If "power-diagram" is asked for another problem than W_2 from a `Uniform` in the plane.

    Source: Genevay, Cuturi, Peyré and Bach (2016), Stochastic Optimization for Large-scale Optimal Transport; for power
    diagrams Kitagawa, Mérigot and Thibert (2019), Convergence of a Newton algorithm for semi-discrete optimal
    transport.

    >>> square = Uniform([0.0, 0.0], [1.0, 1.0])
    >>> solution = semidiscrete_wasserstein(square, [[0.5, 0.5]], p=2)
    >>> round(solution.cost, 12)  # 1/12 for each coordinate
    0.166666666667
    """
    started = time.perf_counter()
    method = as_choice("method", method, METHODS)
    law = as_measure("source", source)
    atoms, weights = _read_atoms(y, b)
    costs = point_costs(atoms, atoms, metric=metric, p=p)
    if law.dim != atoms.shape[1]:
        raise InvalidValueError(
            "y", f"have the dimension of the source, {law.dim}", atoms.shape[1], "give points of the same space"
        )
    batch_size, max_iter = as_count("batch_size", batch_size), as_count("max_iter", max_iter)
    n_fresh = as_count("n_fresh", n_fresh, low=bracket.LEAST)
    max_seconds, tol = as_seconds("max_seconds", max_seconds), as_number("tol", tol, low=0)
    epsilon = as_number("epsilon", epsilon, low=0)
    level = as_number("level", level, low=0, high=1, open_low=True)
    if level == 1:
        raise InvalidValueError("level", "be in (0, 1), ends excluded", level, "take 0.95 for 95 %")
    if diameter is not None:
        diameter = as_number("diameter", diameter, low=0)
    rectangle = law if isinstance(law, Uniform) and law.dim == 2 and costs.p == 2 and metric == "euclidean" else None
    if method == "power-diagram" and rectangle is None:
        raise NotProvidedError(
            "method 'power-diagram' needs a measures.Uniform in the plane as source, p=2 and the Euclidean metric; "
            "take method='stochastic'"
        )
    if rectangle and (method == "power-diagram" or (method == "auto" and len(weights) <= MOST_CELLS)):
        return _by_cells(rectangle, costs, weights, max_iter, started + max_seconds, tol, started)
    if rng is None:
        raise InvalidTypeError("rng", "be given for method 'stochastic'", "None", "pass numpy.random.default_rng(seed)")
    rng = as_generator("rng", rng)
    with progress("semi-discrete") as show, compilations(lambda: show(COMPILING)), interrupts() as interrupted:
        g, status = ascend(
            law,
            costs,
            weights,
            rng,
            batch_size=batch_size,
            max_iter=max_iter,
            deadline=started + max_seconds,
            epsilon=epsilon,
            interrupted=interrupted,
            show=show,
        )
        show("bracketing")
        found = bracket.bracket(
            costs.to_targets(law.sample(n_fresh, rng)),
            weights,
            g,
            level=level,
            diameter=diameter,
            max_seconds=math.inf if status is Status.OPTIMAL else LAST_SECONDS,
        )
    solution = SemidiscreteSolution(
        law,
        weights,
        found.potentials,
        found.masses,
        found.cost,
        found.dual_cost,
        (),
        _status(status, found.cost, costs.p, tol),
        _stats("averaged ascent", found.masses, weights, tol, started),
    )
    if interrupted():
        raise Interrupted("the solution", solution)
    return solution


def _by_cells(
    law: Uniform, costs: PointCosts, weights: FloatArray, max_iter: int, deadline: float, tol: float, started: float
) -> SemidiscreteSolution:
    """W_2 from a rectangle."""
    with progress("power diagram") as show, compilations(lambda: show(COMPILING)), interrupts() as interrupted:
        found = solve_plane(
            law.low, law.high, costs.y, weights, max_iter=max_iter, deadline=deadline, interrupted=interrupted
        )
    centroids = costs.to_targets(found.centroids)
    solution = SemidiscreteSolution(
        law,
        weights,
        Potentials(transform_to_rows(centroids, found.g), found.g, centroids),
        found.masses,
        found.cost,
        found.dual_cost,
        found.cells,
        _status(found.status, found.cost, costs.p, tol),
        _stats("power diagram", found.masses, weights, tol, started),
    )
    if interrupted():
        raise Interrupted("the solution", solution)
    return solution


def _read_atoms(y: Any, b: Any) -> tuple[FloatArray, FloatArray]:
    """Distinct points that have mass, in the order in which they come, (k, d), and their masses, (k,), of sum one."""
    points, raw = read_side("y", y, "b", b)
    points, raw = points[raw > 0] + 0.0, raw[raw > 0]  # −0 and 0 are one place
    _, first, group = np.unique(points, axis=0, return_index=True, return_inverse=True)
    masses = np.bincount(group, weights=raw / raw.max())
    order = np.argsort(first)
    return points[first[order]], masses[order] / masses.sum()


def _status(ended: Status, cost: Interval, p: float, tol: float) -> Status:
    """OPTIMAL where the interval is as narrow as asked; what a full ascent leaves, more steps and draws narrow."""
    narrow = cost.lower > 0 and 1 - (cost.lower / cost.upper) ** (1 / p) <= tol
    if narrow or cost.upper == 0:
        return Status.OPTIMAL
    return Status.ITERATION_LIMIT if ended is Status.OPTIMAL else ended


def _stats(solver: str, masses: FloatArray, weights: FloatArray, tol: float, started: float) -> Stats:
    return Stats(solver, time.perf_counter() - started, float(abs(masses - weights).sum()), tol)
