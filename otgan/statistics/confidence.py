"""The front door to confidence intervals for the population's W1: read the declarations, choose the method."""

from __future__ import annotations

from typing import Any

import numpy as np

from otgan.checks import as_count, as_number
from otgan.errors import InvalidValueError
from otgan.interval import Interval
from otgan.solve import MAX_MEMORY
from otgan.statistics import asymptotic, finite_sample
from otgan.statistics.inputs import read_level, read_samples

METHODS = ("finite-sample", "asymptotic")


def confidence_interval(
    x: Any,
    y: Any,
    *,
    level: float = 0.95,
    method: str = "finite-sample",
    diameter: Any = None,
    sub_gaussian: Any = None,
    atoms: Any = None,
    n_draws: int = 999,
    seed: int = 0,
    max_memory: float = MAX_MEMORY,
) -> Interval:
    r"""An interval that holds the population's W1 (Euclidean) with at least the given probability.

    "finite-sample" holds for every n and m, in every dimension, for laws whose spread is declared; "asymptotic" holds
    as n and m grow, on the line (for laws with a finite moment of an order above 2) and on finitely many declared
    atoms. Both hold at P = Q too, where the bootstrap of W1 itself fails. x and y must be independent samples of
    independent draws.

    Args:
        x: Sample of the source law P, (n, d) or (n,).
        y: Sample of the target law Q, (m, d) or (m,).
        level: Probability with which the interval holds W1(P, Q), in (0, 1).
        method: "finite-sample" or "asymptotic".
        diameter: For "finite-sample": a bound on the distance of any two points of one law's support, in units of
            length; one number for both laws, or a pair (source, target). A fact about the laws, never taken from the
            samples.
        sub_gaussian: For "finite-sample", instead of a diameter: s, in units of length, with
            E exp(λ (f(X) − E f(X))) ≤ exp(λ² s² / 2) for every 1-Lipschitz f and every λ; one number or a pair.
            A normal law has s = the root of the largest eigenvalue of its covariance; a support of diameter D has
            s = D / 2; X + Z, X and Z independent, has s² = s_X² + s_Z².
        atoms: For "asymptotic" in d > 1: all the points that either law can take, (k, d), each once.
        n_draws: For "asymptotic": draws of the limit law.
        seed: Of the split into halves, or of the draws of the limit law.
        max_memory: Bytes that the exact solver may take.

    Returns:
        The interval; its kind names level and method.

    Raises:
        InvalidInputError: If an argument breaks a rule: a level outside (0, 1), too few points, a spread that is not
            declared or that the samples contradict, points that are no atoms, "asymptotic" where it has no basis.
        MemoryLimitError: If the exact solver would need more than `max_memory`.

    Source: McDiarmid (1989) and Maurer and Pontil (2009) for finite samples; del Barrio, Giné and Matrán (1999) and
    Sommerfeld and Munk (2018) for limits. `otgan.statistics.finite_sample` and `asymptotic` derive the ends.

    >>> rng = np.random.default_rng(0)
    >>> interval = confidence_interval(rng.random(500), rng.random(500) + 1, diameter=1)
    >>> interval.kind, interval.lower < 1 < interval.upper
    ('statistical at level 0.95, finite-sample', True)
    """
    probability = read_level(level)
    rng = np.random.default_rng(as_count("seed", seed, low=0))
    memory = as_number("max_memory", max_memory, low=0, open_low=True)
    if method not in METHODS:
        raise InvalidValueError("method", f"be one of {', '.join(METHODS)}", repr(method), "take one of these")
    kind = f"statistical at level {probability:g}, {method}"
    if method == "finite-sample":
        _refuse(method, atoms=atoms)
        source, target = read_samples(
            x, y, least=finite_sample.LEAST, why="one half fits a function, the other half tests it"
        )
        laws = finite_sample.read_laws(source, target, diameter, sub_gaussian)
        ends = finite_sample.ends(source, target, laws, alpha=1 - probability, rng=rng, max_memory=memory)
        return Interval(*ends, kind)
    _refuse(method, diameter=diameter, sub_gaussian=sub_gaussian)
    source, target = read_samples(x, y, least=asymptotic.LEAST, why="limit laws say nothing about fewer")
    rank = _rank(probability, as_count("n_draws", n_draws))
    if atoms is not None:
        ends = asymptotic.finite_support_ends(source, target, atoms, rank, int(n_draws), rng, memory)
    elif source.shape[1] == 1:
        ends = asymptotic.line_ends(source[:, 0], target[:, 0], rank, int(n_draws), rng)
    else:
        raise InvalidValueError(
            "method",
            "be 'finite-sample' for points off the line without declared atoms (there the samples' W1 is biased by "
            "n^(-1/d), up to logarithms, which does not go away beside its spread of n^(-1/2))",
            f"'asymptotic' in dimension {source.shape[1]}",
            "declare diameter=... or sub_gaussian=... and take method='finite-sample', or declare atoms=...",
        )
    return Interval(*ends, kind)


def _refuse(method: str, **settings: Any) -> None:
    """A declaration that the method would not use is a misunderstanding: say so."""
    for name, value in settings.items():
        if value is not None:
            other = next(other for other in METHODS if other != method)
            raise InvalidValueError(
                name, f"be left out for method={method!r}", "a value", f"drop it, or take method={other!r}"
            )


def _rank(level: float, n_draws: int) -> int:
    """Which order statistic of the draws is a quantile at the level or above it.

    Of B + 1 independent values with one law, the last exceeds the ⌈level (B + 1)⌉-th smallest of the others with
    probability at most 1 − level, since each rank is equally likely: so few draws make the interval wider, not wrong.
    """
    # The product may round above a whole number; a part in 10^12 is no level anyone means.
    rank = int(np.ceil(level * (n_draws + 1) - 1e-12 * n_draws))
    if rank > n_draws:
        least = int(np.ceil(level / (1 - level)))
        raise InvalidValueError(
            "n_draws", f"be at least {least} at level {level:g}", n_draws, "raise it, or lower the level"
        )
    return rank
