"""The methods, each from two samples to a number, as a user would call it."""

from __future__ import annotations

from typing import NamedTuple

from otgan.checks import FloatArray

OURS, POT, LAZY, SCIPY = "otgan", "POT emd2", "POT emd2_lazy", "SciPy"
PEERS = (POT, LAZY, SCIPY)
#: Pivots after which POT gives up: never.
ALL = 10**9


class Sample(NamedTuple):
    """Points, (n, d) and (m, d), and weights that sum to one, (n,) and (m,), or None for equal ones."""

    x: FloatArray
    y: FloatArray
    a: FloatArray | None
    b: FloatArray | None


class Answer(NamedTuple):
    """W1, and the relative gap where a method has one."""

    value: float
    gap: float | None = None


def rough(tol: float) -> str:
    """Name of our method when it may stop at a relative gap."""
    return f"{OURS}, gap ≤ {tol:.0e}".replace("e-0", "e-")


def tolerance(method: str) -> float | None:
    """The relative gap in such a name; None in others."""
    return float(method.removeprefix(f"{OURS}, gap ≤ ")) if method.startswith(f"{OURS}, ") else None


def run(method: str, sample: Sample) -> Answer:
    """Call one method."""
    if method == POT:
        return Answer(_emd2(*sample))
    if method == LAZY:
        return Answer(_emd2_lazy(*sample))
    if method == SCIPY:
        return Answer(_assignment(sample.x, sample.y))
    if method == OURS or tolerance(method):
        return _ours(sample, tolerance(method))
    raise ValueError(f"{method} is no method")


def _ours(sample: Sample, tol: float | None) -> Answer:
    import otgan

    solution = otgan.wasserstein(*sample) if tol is None else otgan.wasserstein(*sample, tol=tol)
    return Answer(solution.distance, solution.relative_gap)


def _emd2(x: FloatArray, y: FloatArray, a: FloatArray | None, b: FloatArray | None) -> float:
    import ot

    costs = ot.dist(x, y, metric="euclidean")
    return float(ot.emd2([] if a is None else a, [] if b is None else b, costs, numItermax=ALL))


def _emd2_lazy(x: FloatArray, y: FloatArray, a: FloatArray | None, b: FloatArray | None) -> float:
    import ot

    return float(ot.emd2_lazy(x, y, a, b, metric="euclidean", numItermax=ALL, return_matrix=False))


def _assignment(x: FloatArray, y: FloatArray) -> float:
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    costs = cdist(x, y)
    return float(costs[linear_sum_assignment(costs)].mean())
