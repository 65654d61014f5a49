"""Distances on batches of tensors, for objectives that are written with costs; stacks of batches among them."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def lengths(moves: Tensor) -> Tensor:
    """Euclidean norms of vectors, (..., d) -> (...); where a vector is exactly 0, so is the norm's derivative here."""
    squares = moves.square().sum(-1)
    # The square root has an infinite derivative at 0, and 0 times infinity would turn the weights into NaN.
    still = squares == 0
    return torch.where(still, 0.0, torch.where(still, 1.0, squares).sqrt())


def pairwise(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distances between all pairs, (..., n, d) and (..., m, d) -> (..., n, m).

    From the differences and not from scalar products, which would lose half of the digits where points are close.
    Where two points agree, the derivative is 0.
    """
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def transform(costs: Tensor, values: Tensor, epsilon: float = 0.0) -> Tensor:
    r"""The (c, ε)-transform over a batch, $-\varepsilon \log \frac1n \sum_i \exp((f_i - c_{ij}) / \varepsilon)$.

    It is above the c-transform $\min_i c_{ij} - f_i$, by at most ε log n, and tends to it as ε falls to 0.

    Args:
        costs: c, (..., n, m).
        values: f, (..., n).
        epsilon: ε ≥ 0 in units of the cost; 0 for the minimum itself.

    Returns:
        (..., m).

    Source: Mallasto, Montúfar and Gerolin (2019), How Well Do WGANs Estimate the Wasserstein Metric?, for
    the c-transform over a batch.
    """
    left = costs - values.unsqueeze(-1)
    if not epsilon:
        return left.amin(-2)
    return -epsilon * (torch.logsumexp(-left / epsilon, dim=-2) - math.log(left.shape[-2]))
