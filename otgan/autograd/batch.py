"""Many small problems in one call: exact values and gradients for each problem of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from otgan.autograd.exact import centred, root_slope
from otgan.autograd.ground import arcs_gradient, need_norm
from otgan.autograd.known import with_gradients
from otgan.checks import FloatArray, as_real_array, as_weights
from otgan.costs import point_costs
from otgan.masses import Masses, WeightMasses, whole_masses
from otgan.solvers.batched import Batch, solve_batch

#: Weights of one side, (B, n); None for equal ones.
Weights = Tensor | None


def wasserstein_batch(x: Tensor, y: Tensor, a: Weights, b: Weights, *, p: float, metric: str, root: bool) -> Tensor:
    """The exact distances of B problems, (B,), in torch's graph; see `otgan.autograd.wasserstein`.

    Args:
        x: Source points, (B, n, d).
        y: Target points, (B, m, d).
        a: Source weights, (B, n), or None.
        b: Target weights, (B, m), or None.
        p: Exponent.
        metric: Name of a norm's metric.
        root: Whether W_p is asked for, and not W_p^p.
    """
    (count, n, d), m = x.shape, y.shape[1]
    norm = need_norm(metric)
    costs = point_costs(_flat("x", x), _flat("y", y), metric=metric, p=p)
    shares = shares_of("a", a, n), shares_of("b", b, m)
    batch = solve_batch(costs, (count, n, m), norm, *_whole(*shares))
    inputs = [tensor for tensor in (x, y, a, b) if tensor is not None]

    def gradients(wanted: Sequence[bool]) -> list[FloatArray | None]:
        slope = root_slope(batch.cost, costs.p) if root else np.ones(count)
        found: list[FloatArray | None] = []
        if wanted[0] or wanted[1]:
            arcs = _all_arcs(batch, n, m)
            parts = arcs_gradient(costs.x, costs.y, *arcs, p=costs.p, norm=norm)
            found += [slope[:, None, None] * part.reshape(count, -1, d) for part in parts]
        else:
            found += [None, None]
        for tensor, share, potential in ((a, shares[0], batch.f), (b, shares[1], batch.g)):
            if tensor is not None:
                wants = wanted[len(found)]
                found.append(slope[:, None] * centred(potential, share, tensor) if wants else None)
        return found

    return with_gradients(batch.cost ** (1 / costs.p) if root else batch.cost, gradients, inputs)


def _flat(name: str, points: Tensor) -> FloatArray:
    array = as_real_array(name, points)
    return array.reshape(-1, array.shape[-1])


def shares_of(name: str, weights: Weights, n: int) -> FloatArray:
    """Weights as read, (B, n), normalised; (1, n) where they are the same for all problems."""
    if weights is None:
        return np.full((1, n), 1 / n)
    read = np.stack([as_weights(f"{name}[{k}]", row, n) for k, row in enumerate(weights)])
    if (read == read[0]).all():
        read = read[:1]
    return np.asarray(read / read.sum(axis=1, keepdims=True))


def _whole(a: FloatArray, b: FloatArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Weights as integers with the same sum on both sides, problem by problem; zeros stay zeros."""
    count = max(len(a), len(b))
    wholes = np.zeros((count, a.shape[1]), np.int64), np.zeros((count, b.shape[1]), np.int64)
    for k in range(count):
        weights = WeightMasses(a[k if len(a) > 1 else 0], b[k if len(b) > 1 else 0])
        masses = weights.rounded.masses if weights.rounded is not None else weights
        kept = [np.flatnonzero(side > 0) for side in (masses.a, masses.b)]
        parts = whole_masses(Masses(masses.a[kept[0]], masses.b[kept[1]], masses.total))
        for whole, at, part in zip(wholes, kept, parts, strict=True):
            whole[k, at] = part
    return wholes


def _all_arcs(batch: Batch, n: int, m: int) -> tuple[NDArray[Any], NDArray[Any], FloatArray]:
    """Arcs of all problems, between points that are numbered through."""
    used = batch.mass > 0
    problem = np.arange(len(batch.mass))[:, None]
    return (batch.rows + n * problem)[used], (batch.columns + m * problem)[used], batch.mass[used]
