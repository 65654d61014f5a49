"""Matrices with orthonormal columns or, where these are more than the rows, orthonormal rows; and the way to them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

#: The iteration squares the distance from orthonormal: four of them take 0.1 to below what float32 can tell.
ITERATIONS = 4

#: Distance in the Frobenius norm above which the iteration has not converged, and a decomposition is computed.
FAR = 1e-3


def bjorck_step(matrix: Tensor) -> Tensor:
    r"""One iteration towards the nearest orthonormal matrix, $W (3 - W^T W) / 2$, for (..., m, n).

    Where W is orthonormal already, its value is W, and its derivative projects onto the directions in which W stays
    orthonormal to first order.

    Source: Anil, Lucas and Grosse (2019), Sorting out Lipschitz function approximation, on the iteration of
    Björck and Bowie.
    """
    if matrix.shape[-2] < matrix.shape[-1]:
        return bjorck_step(matrix.mT).mT
    return 1.5 * matrix - 0.5 * matrix @ (matrix.mT @ matrix)


def orthonormalize(matrix: Tensor) -> Tensor:
    """The nearest orthonormal matrix, (m, n): by a few iterations where it is near, by a decomposition where not.

    A singular value above √3 may come out with the other sign, so that the result is orthonormal and not the nearest.
    """
    if matrix.shape[-2] < matrix.shape[-1]:
        return orthonormalize(matrix.mT).mT
    result = matrix
    for _ in range(ITERATIONS):
        result = bjorck_step(result)
    error = (result.mT @ result - torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)).norm()
    if error <= FAR or not matrix.isfinite().all():
        return result
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    return left @ right


class Bjorck(nn.Module):
    """A weight that is kept orthonormal by `keep_orthonormal` after each step; the gradient is projected here."""

    def forward(self, weight: Tensor) -> Tensor:
        """One iteration."""
        return bjorck_step(weight)


@torch.no_grad()
def keep_orthonormal(network: nn.Module) -> None:
    """Move the free weight of each `Bjorck` in the network to the nearest orthonormal one."""
    for module in network.modules():
        if isinstance(module, parametrize.ParametrizationList) and isinstance(module[0], Bjorck):
            module.original.copy_(orthonormalize(module.original))
