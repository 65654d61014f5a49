"""Many small smoothed problems in one call: the Sinkhorn divergence for each problem of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from otgan import entropic
from otgan.autograd.batch import Weights, shares_of
from otgan.autograd.entropic import TOL, warn_if_off
from otgan.autograd.exact import centred
from otgan.autograd.ground import add_pairs_gradient, need_norm
from otgan.autograd.known import common_dtype, with_gradients
from otgan.checks import FloatArray, as_real_array
from otgan.costs import point_costs
from otgan.entropic.batched import smooth_batch

#: Marginal error at which a problem rests; whole matrices come there in a step or two more than `TOL` takes.
FINE = 1e-9
#: Entries of the costs of the problems that are solved together: some arrays of 16 MiB.
CHUNK = 2**21


def divergence_batch(x: Tensor, y: Tensor, a: Weights, b: Weights, *, epsilon: float, p: float, metric: str) -> Tensor:
    """The Sinkhorn divergences of B problems, (B,); see `otgan.autograd.sinkhorn_divergence`.

    Args:
        x: Source points, (B, n, d).
        y: Target points, (B, m, d).
        a: Source weights, (B, n), or None for equal ones.
        b: Target weights, (B, m), or None.
        epsilon: In units of the cost.
        p: Exponent.
        metric: Name of a norm's metric.
    """
    source, target = ((points.double(), weights) for points, weights in ((x, a), (y, b)))
    between, own, other = (
        _smoothed_batch(left[0], right[0], left[1], right[1], epsilon=epsilon, p=p, metric=metric)
        for left, right in ((source, target), (source, source), (target, target))
    )
    inputs = [tensor for tensor in (x, y, a, b) if tensor is not None]
    return (between - (own + other) / 2).to(common_dtype(inputs))


def _smoothed_batch(x: Tensor, y: Tensor, a: Weights, b: Weights, *, epsilon: float, p: float, metric: str) -> Tensor:
    """The smoothed values of B problems, (B,), in float64."""
    norm, points = need_norm(metric), (as_real_array("x", x), as_real_array("y", y))
    (count, n, _), m = x.shape, y.shape[1]
    shares = np.broadcast_to(shares_of("a", a, n), (count, n)), np.broadcast_to(shares_of("b", b, m), (count, m))
    f, g = np.empty((count, n)), np.empty((count, m))
    step = max(1, CHUNK // max(n, m) ** 2)
    for start in range(0, count, step):
        part = slice(start, min(count, start + step))
        costs = np.stack([_costs(*pair, p, metric) for pair in zip(points[0][part], points[1][part], strict=True)])
        found = smooth_batch(costs, shares[0][part], shares[1][part], epsilon, FINE)
        f[part], g[part] = found.f, found.g
        for k in start + np.flatnonzero(~(found.error <= TOL)):  # the general solver has more patience
            alone = entropic.sinkhorn(
                points[0][k], points[1][k], shares[0][k], shares[1][k], epsilon=epsilon, p=p, metric=metric, tol=TOL
            )
            warn_if_off(alone.stats.marginal_violation, TOL)
            f[k], g[k] = alone.f, alone.g
    inputs = [tensor for tensor in (x, y, a, b) if tensor is not None]

    def gradients(wanted: Sequence[bool]) -> list[FloatArray | None]:
        to_points: list[FloatArray | None] = [None, None]
        if wanted[0] or wanted[1]:
            to_x, to_y = np.zeros(points[0].shape), np.zeros(points[1].shape)
            for k in range(count):
                costs = _costs(points[0][k], points[1][k], p, metric)
                density = np.exp(np.minimum((f[k][:, None] + g[k] - costs) / epsilon, 700.0))
                plan = shares[0][k][:, None] * density * shares[1][k]
                add_pairs_gradient(points[0][k], points[1][k], plan, to_x[k], to_y[k], p=p, norm=norm)
            to_points = [to_x, to_y]
        sides = [side for side in ((f, shares[0], a), (g, shares[1], b)) if side[2] is not None]
        return to_points + [
            centred(potential, share, weights) if wants and weights is not None else None
            for wants, (potential, share, weights) in zip(wanted[2:], sides, strict=True)
        ]

    return with_gradients((shares[0] * f).sum(axis=1) + (shares[1] * g).sum(axis=1), gradients, inputs)


def _costs(x: FloatArray, y: FloatArray, p: float, metric: str) -> FloatArray:
    return point_costs(x, y, metric=metric, p=p).block(slice(None), slice(None))
