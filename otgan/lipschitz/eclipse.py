"""A proven upper bound from layer after layer, which sees how neighbouring layers align: ECLipsE-Fast."""

from __future__ import annotations

import math

import numpy as np

from otgan.checks import FloatArray
from otgan.lipschitz.chain import Chain, Stage
from otgan.operator_norms import least_eigenvalue_lower_bound, spectral_norm_upper_bound

U = 2.0**-53
#: Eigenvectors of a matrix of this size take half a minute.
LARGEST_WIDTH = 2048


def layerwise_bound(chain: Chain) -> float:
    r"""At least the Lipschitz constant of the chain on all of R^d; infinite where nothing is proven.

    For activations with slopes in [0, 1], increments v of the units and their inputs u satisfy
    $\lambda\, v^T (W u - v) \ge 0$ for any λ > 0. If $X \succ 0$ and $X' = \lambda I - (\lambda^2/4)\, W X^{-1} W^T$
    then, completing the square, $v^T X' v \le u^T X u$; so from X = I at the input, through all layers as long as X
    stays positive definite, $|w v|^2 \le (w X^{-1} w^T)\, \|\Delta x\|^2$ for the last row w. The choice
    $\lambda = 2 / \|W X^{-1} W^T\|$ keeps X' ⪰ λ/2.

    Nothing computed is believed. For the computed inverse Z of X, with the residual $\rho = \|I - X Z\| < 1$,
    $X^{-1} \preceq Z + \eta I$, $\eta = \|Z\| \rho / (1 - \rho)$; the next X is made of Z, and a margin is taken off
    its diagonal that covers η and all roundings; that it is positive definite is proven before it is used.

    Args:
        chain: With activations whose slopes lie in [0, 1].

    Returns:
        The bound, in values of f per unit of length.

    Source: Xu and Sivaranjani (2024), ECLipsE: Efficient Compositional Lipschitz Constant Estimation for Deep Neural
    Networks, for α = 0 and β = 1, as in the function ECLipsE_Fast of the authors' code.
    """
    if any(stage.kind == "none" or not has_unit_slopes(stage) for stage in chain.stages[:-1]):
        return math.inf
    if max(len(stage.weight) for stage in chain.stages) > LARGEST_WIDTH:
        return math.inf
    Z, eta = None, 0.0  # the identity
    for stage in chain.stages[:-1]:
        X = _next(stage.weight, Z, eta)
        inverse = None if X is None else _inverse(X)
        if inverse is None:
            return math.inf
        Z, eta = inverse
    w = chain.stages[-1].weight
    square, rounding = _product(w, Z)
    bound = math.sqrt(max(float(square[0, 0]) + eta * _square(w) + rounding, 0.0)) * (1 + 16 * U)
    return bound if 1e-140 < bound < 1e140 else math.inf


def has_unit_slopes(stage: Stage) -> bool:
    """Whether all slopes of the activation are proven to lie in [0, 1]."""
    if stage.kind in ("leaky", "elu"):
        return 0 <= stage.number <= 1
    return stage.kind in ("none", "tanh", "sigmoid", "softplus")


def _inverse(X: FloatArray) -> tuple[FloatArray, float] | None:
    """Z and η with 0 ≺ X and X⁻¹ ⪯ Z + η I; None where that is not proven."""
    n = len(X)
    if not (np.isfinite(X).all() and least_eigenvalue_lower_bound(X) > 0):
        return None
    try:
        Z = np.linalg.inv(X)
    except np.linalg.LinAlgError:
        return None
    Z = (Z + Z.T) / 2
    if not np.isfinite(Z).all():
        return None
    rounding = (n + 4) * U * float(np.linalg.norm(np.abs(X) @ np.abs(Z))) + n * U
    residual = (float(np.linalg.norm(np.eye(n) - X @ Z)) + rounding) * (1 + 4 * (n * n + 8) * U)
    if not residual < 0.5:
        return None
    return Z, spectral_norm_upper_bound(Z) * residual / (1 - residual) * (1 + 16 * U)


def _next(W: FloatArray, Z: FloatArray | None, eta: float) -> FloatArray | None:
    """The next X, rounded downward as a matrix."""
    m = len(W)
    product, rounding = _product(W, Z)
    if not (np.isfinite(product).all() and math.isfinite(rounding)):
        return None
    norm = spectral_norm_upper_bound(product)
    if not 1e-140 < norm < 1e140:
        return None
    scale = 2 / norm
    doubt = 1.01 * (rounding + eta * _square(W))
    X = scale * np.eye(m) - (scale * scale / 4) * product
    margin = (scale * scale / 4) * doubt + 16 * U * (scale * m + scale * scale * float(np.linalg.norm(product)))
    return np.asarray(X - 1.01 * margin * np.eye(m))


def _product(W: FloatArray, Z: FloatArray | None) -> tuple[FloatArray, float]:
    """W Z Wᵀ, exactly symmetric, and how far it is off in the Frobenius norm; None stands for the identity."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is noticed
        left = W if Z is None else W @ Z
        sizes = np.abs(W) if Z is None else np.abs(W) @ np.abs(Z)
        product = left @ W.T
        # Both products' roundings, the symmetrisation's, and twice that for the sizes' own.
        rounding = 2 * (2 * W.shape[1] + 8) * U * float(np.linalg.norm(sizes @ np.abs(W.T)))
        return (product + product.T) / 2, rounding


def _square(W: FloatArray) -> float:
    """At least ‖W‖²."""
    norm = spectral_norm_upper_bound(W)
    return norm * norm * (1 + 4 * U)  # infinite beyond float64, where a power would raise
