"""Dual potentials from exact, smoothed and stochastic duals, all of one kind.

Whoever makes them, what comes back is a `Potentials`: feasible by the c-transform, so that its dual value proves a
lower bound, and a function on all of space.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from otgan.checks import as_choice, as_count, as_generator, as_number
from otgan.dual.potentials import Potentials
from otgan.entropic import sinkhorn
from otgan.errors import InvalidTypeError, InvalidValueError
from otgan.measures.base import Measure
from otgan.measures.convert import as_measure
from otgan.measures.discrete import DiscreteMeasure
from otgan.semidiscrete import semidiscrete_wasserstein
from otgan.solve import wasserstein

#: Draws at which "stochastic" gives f. An interval for W_p wants more: see `semidiscrete_wasserstein`.
DRAWS = 1000

METHODS = ("exact", "entropic", "stochastic")


def dual_potentials(
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    method: str = "exact",
    p: float = 1.0,
    metric: str = "euclidean",
    epsilon: float = 0.0,
    rng: np.random.Generator | None = None,
    n_atoms: int = 1000,
    batch_size: int = 256,
    max_iter: int = 1000,
) -> Potentials:
    r"""An estimate of the dual potentials between two measures: $\max E f(X) + E g(Y)$ with f(x) + g(y) ≤ c(x, y).

    "exact" maximises over two samples, "entropic" over the same samples, smoothed, and "stochastic" climbs the
    semi-dual from a law that can be sampled to atoms. The first two know only the samples; the third has a fresh batch
    a step.

    Args:
        x: Source: points, (n, d) or (n,), or a `DiscreteMeasure`; for "stochastic" also another measure, or a function
            of (n, rng) that returns n points.
        y: Target, likewise; of a law, "stochastic" draws `n_atoms` atoms.
        a: Source weights, (n,), where x is points; None for equal ones.
        b: Target weights, (m,), where y is points.
        method: "exact", "entropic" or "stochastic".
        p: Exponent, 1 ≤ p ≤ 64.
        metric: Name of the metric.
        epsilon: Smoothing in units of the cost: positive for "entropic", optional for "stochastic", 0 for "exact".
        rng: Source of randomness, which "stochastic" needs.
        n_atoms: Atoms that "stochastic" draws where y is a law.
        batch_size: Draws for each step of "stochastic".
        max_iter: Steps of "stochastic".

    Returns:
        The potentials: f at source points (for "stochastic" fresh draws), g at target points, and f anywhere by a call.

    Raises:
        InvalidInputError: If an argument breaks a rule.
        Interrupted: After Ctrl-C; its `partial` is the solution so far, which has `potentials`.

    >>> f = dual_potentials([0.0, 1.0], [3.0, 5.0])
    >>> f([0.0, 2.0, 4.0])  # falls along the transport, at slope 1
    array([ 0., -2., -4.])
    """
    method = as_choice("method", method, METHODS)
    epsilon = as_number("epsilon", epsilon, low=0, open_low=method == "entropic")
    if method == "exact" and epsilon:
        raise InvalidValueError("epsilon", "be 0 for method 'exact'", epsilon, "drop it, or take method='entropic'")
    if method == "stochastic":
        count = as_count("n_atoms", n_atoms)
        if rng is None:
            raise InvalidTypeError(
                "rng", "be given for method 'stochastic'", "None", "pass numpy.random.default_rng(seed)"
            )
        target = _read_law("y", y, b)
        if not isinstance(target, DiscreteMeasure):
            target = DiscreteMeasure(target.sample(count, as_generator("rng", rng)))
        return semidiscrete_wasserstein(
            _read_law("x", x, a),
            target,
            p=p,
            metric=metric,
            method="stochastic",
            rng=rng,
            batch_size=batch_size,
            max_iter=max_iter,
            epsilon=epsilon,
            n_fresh=DRAWS,
        ).potentials
    for name, side in (("x", x), ("y", y)):
        if callable(side) or (isinstance(side, Measure) and not isinstance(side, DiscreteMeasure)):
            raise InvalidTypeError(
                name,
                f"be points for method {method!r}",
                repr(side),
                "draw a sample of it, or take method='stochastic'",
            )
    if method == "exact":
        return wasserstein(x, y, a, b, p=p, metric=metric).potentials
    # Looked up by name, so that no solver that is not asked for is loaded.
    return sinkhorn(x, y, a, b, epsilon=epsilon, p=p, metric=metric).potentials


def _read_law(name: str, value: Any, weights: Any) -> Measure:
    """A measure that can be sampled, from points with their weights or from a law that has its own."""
    if weights is None:
        return as_measure(name, value)
    if callable(value) or (isinstance(value, Measure) and not isinstance(value, DiscreteMeasure)):
        raise InvalidTypeError(
            "a" if name == "x" else "b",
            f"be left out where {name} is a law",
            type(weights).__name__,
            "drop the weights, or give points",
        )
    return DiscreteMeasure(value.points if isinstance(value, DiscreteMeasure) else value, weights)
