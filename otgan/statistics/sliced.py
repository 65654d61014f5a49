"""Lower bounds from projections: moving points along the line is never harder than moving them in space."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_count, as_generator
from otgan.exact import down
from otgan.interval import Interval
from otgan.metrics import UNIT
from otgan.solve import wasserstein
from otgan.statistics.inputs import read_samples


def unit_directions(count: int, dim: int, rng: np.random.Generator) -> FloatArray:
    """Random directions, uniform on the sphere, (count, dim), each of a norm at most 1 in real arithmetic."""
    normal = rng.standard_normal((count, dim))
    return _shorten(normal)


def _shorten(vectors: FloatArray) -> FloatArray:
    """Vectors scaled to a norm at most 1 and within some units of rounding of it; 0 stays 0."""
    largest = abs(vectors).max(axis=1, keepdims=True)  # so that squares neither overflow nor vanish
    scaled = np.divide(vectors, largest, out=np.zeros_like(vectors), where=largest > 0)
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    units = np.divide(scaled, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    # Squares, their sum and the root round to a relative (d + 2) u, the quotient to u (Higham 2002, Sec. 3.1); doubled.
    return np.asarray(units * (1 - 2 * (vectors.shape[1] + 4) * UNIT))


def sliced_lower_bound(x: Any, y: Any, n_projections: int, rng: np.random.Generator) -> Interval:
    r"""A proven lower bound on the W1 of two samples, from W1 on the line.

    $z \mapsto \langle θ, z \rangle$ with ‖θ‖ ≤ 1 is 1-Lipschitz, so any projection has a W1 of at most that of the
    samples; the largest is the bound. It costs two sorts a projection, whatever the dimension, where the exact
    distance costs a linear program. The directions are the difference of the means and random ones. It says nothing
    about the population: for that, see `confidence_interval`.

    Args:
        x: Source sample, (n, d) or (n,).
        y: Target sample, (m, d) or (m,).
        n_projections: Random directions, ≥ 1.
        rng: Source of randomness.

    Returns:
        [bound, ∞), of the kind "proven, for the samples".

    Raises:
        InvalidInputError: If an argument breaks a rule.

    Source: Bonneel, Rabin, Peyré and Pfister (2015), Sliced and Radon Wasserstein barycenters of measures, for slicing;
    Villani (2003), Thm 1.14, for the bound.

    >>> interval = sliced_lower_bound([[0.0, 0.0], [1.0, 0.0]], [[0.0, 3.0], [1.0, 3.0]], 8, np.random.default_rng(0))
    >>> round(interval.lower, 12), interval.upper
    (3.0, inf)
    """
    source, target = read_samples(x, y, least=1, why="an empty sample is no measure")
    count = as_count("n_projections", n_projections)
    dim = source.shape[1]
    kind = "proven, for the samples"
    if dim == 1:
        return Interval(wasserstein(source, target).lower_bound, math.inf, kind)
    random = unit_directions(count, dim, as_generator("rng", rng))
    # Subtracting one point from all moves each by at most u of its distance, and shortens the sums that follow.
    centre = target.mean(axis=0)
    source, target = source - centre, target - centre
    directions = np.concatenate([_shorten(source.mean(axis=0)[None] - target.mean(axis=0)[None]), random])
    reach = max(float(np.linalg.norm(points, axis=1).max()) for points in (source, target))
    # A projection is a sum of d products: off by at most d u Σ|θ_k z_k| ≤ d u ‖z‖ (Higham 2002, Sec. 3.1), and the
    # subtraction moved z by u ‖z‖. Points that are off by e at most change W1 by at most e, on either side; doubled.
    error = 2 * 2 * (dim + 2) * UNIT * reach
    best = max(wasserstein(source @ theta, target @ theta).lower_bound for theta in directions)
    return Interval(max(0.0, down(best - error)), math.inf, kind)
