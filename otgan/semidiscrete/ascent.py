r"""Averaged stochastic ascent on the semi-dual, $E \min_j (c(X, y_j) - g_j) + \langle b, g \rangle$.

It is concave in g, and b less the shares of a batch that lie in each cell is an unbiased supergradient (Genevay,
Cuturi, Peyré and Bach 2016, Stochastic Optimization for Large-scale Optimal Transport: averaged SGD with steps that
fall like 1/√k). Three departures, none of which the bracket depends on:

- It starts at the exact potential of a small sample, so that atoms far from the law have their share from the outset.
- Coordinates are scaled by 1/b, and steps by the mean slack between the best and the second-best atom: raising one g_j
  by that slack moves a share of cell j that is of the order of the cell, so steps need no tuning and no unit.
- The average weighs iterate k by k, and so forgets the beginning.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from otgan.checks import FloatArray
from otgan.costs import PointCosts, rows_per_chunk
from otgan.measures.base import Measure
from otgan.progress import Show
from otgan.semidiscrete.cells import cell_of
from otgan.solution import Status
from otgan.solve import wasserstein

#: Draws of the sample at whose exact potential the ascent starts, at least, and draws for each atom.
START, START_PER_ATOM = 4000, 10
#: Steps between two words on the progress line.
TELL = 100
#: Multiple of ε above which exponentials are 0 in float64.
LOWEST = 800.0


def ascend(
    law: Measure,
    atoms: PointCosts,
    b: FloatArray,
    rng: np.random.Generator,
    *,
    batch_size: int,
    max_iter: int,
    deadline: float,
    epsilon: float,
    interrupted: Callable[[], bool],
    show: Show,
) -> tuple[FloatArray, Status]:
    """A potential near the maximum of the semi-dual.

    Args:
        law: The source.
        atoms: Costs to the atoms, from wherever.
        b: Masses of the atoms, (k,), positive, summing to one.
        rng: Source of randomness.
        batch_size: Draws a step.
        max_iter: Steps.
        deadline: Time by `time.perf_counter` at which to stop.
        epsilon: Smoothing, in units of the cost; 0 for none.
        interrupted: Says whether to stop.
        show: Tells how far it is.

    Returns:
        g, (k,), of weighted mean 0; OPTIMAL where all steps were taken, or what stopped it.
    """
    if len(b) == 1:
        return np.zeros(1), Status.OPTIMAL
    first = law.sample(max(START, START_PER_ATOM * len(b)), rng)
    seconds = max(deadline - time.perf_counter(), 1e-3)
    start = wasserstein(first, atoms.y, None, b, p=atoms.p, metric=atoms.metric.name, max_seconds=seconds)
    g = start.potentials.g.copy()
    slack = _slack(atoms, first, g)
    scale = slack / np.maximum(b, 1 / batch_size)  # a single draw says nothing about masses below 1 / batch
    average, status = g.copy(), Status.OPTIMAL
    for k in range(1, max_iter + 1):
        if interrupted():
            status = Status.INTERRUPTED
            break
        if time.perf_counter() > deadline:
            status = Status.RESOURCE_LIMIT
            break
        shares = _shares(atoms, law.sample(batch_size, rng), g, b, epsilon)
        g += scale / np.sqrt(k) * (b - shares)
        average += 2 / (k + 1) * (g - average)
        if k % TELL == 0:
            show(f"step {k} of {max_iter}")
    return average - b @ average, status


def _costs(atoms: PointCosts, points: FloatArray) -> FloatArray:
    everywhere = slice(None)
    return atoms.to_targets(points).block(everywhere, everywhere)


def _slack(atoms: PointCosts, points: FloatArray, g: FloatArray) -> float:
    """How much dearer the second-best atom is than the best, on average, in units of the cost."""
    some = points[: rows_per_chunk(len(g))]
    two = np.partition(_costs(atoms, some) - g, 1, axis=1)[:, :2]
    return float((two[:, 1] - two[:, 0]).mean())


def _shares(atoms: PointCosts, points: FloatArray, g: FloatArray, b: FloatArray, epsilon: float) -> FloatArray:
    """What part of the points lies in each cell, (k,); with smoothing they are shared out among cells."""
    if epsilon == 0:
        return np.bincount(cell_of(atoms.to_targets(points), g), minlength=len(b)) / len(points)
    height = _costs(atoms, points) - g
    height -= height.min(axis=1, keepdims=True)
    soft = b * np.exp(-np.minimum(height, LOWEST * epsilon) / epsilon)
    return np.asarray((soft / soft.sum(axis=1, keepdims=True)).mean(axis=0))
