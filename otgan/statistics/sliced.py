"""Lower bounds from projections: moving points along the line is never harder than moving them in space."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from otgan.checks import as_count, as_generator
from otgan.interval import Interval
from otgan.sliced import read_slices, unit_directions
from otgan.solve import wasserstein
from otgan.statistics.inputs import read_samples


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
    slices = read_slices(source, target)
    random = unit_directions(count, dim, as_generator("rng", rng))
    _, lower = slices.along(np.concatenate([slices.shift[None], random]))
    return Interval(float(lower.max()), math.inf, kind)
