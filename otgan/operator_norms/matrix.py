"""Proven bounds of a matrix's spectral norm and of a symmetric one's eigenvalues."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_points
from otgan.errors import InvalidValueError

#: Unit roundoff of float64, and what stands for everything that underflow can lose when entries are at most 1.
U = 2.0**-53
UNDERFLOW = 1e-280
#: From here on a power of two is an exact factor.
NORMAL = 2.0**-1021


def spectral_norm_upper_bound(matrix: Any) -> float:
    r"""A number that is at least $\|W\|_2$ for the float64 matrix W as it stands, and mostly agrees in 10 digits.

    With the computed factors of W ≈ U S Vᵀ, whatever their quality,

        ‖W‖ ≤ s_max ‖U‖ ‖V‖ + ‖W − U S Vᵀ‖_F    and    ‖U‖² ≤ 1 + ‖UᵀU − I‖_F.

    Each residual is computed in float64, and a bound for its rounding is added: a product of matrices with inner
    dimension k is off by at most γ_k |A| |B| in every entry, γ_k = k u / (1 − k u), in whichever order it sums. Where
    a cheap bound is smaller, ‖W‖_F or √(‖W‖_1 ‖W‖_∞), that one counts; all are rounded upward.

    Args:
        matrix: W, (m, n), finite.

    Returns:
        The bound; infinite if it leaves float64.

    Raises:
        InvalidShapeError, InvalidTypeError, InvalidValueError: If it is not a finite real matrix.

    Source: Higham (2002), Accuracy and Stability of Numerical Algorithms, Ch. 3 (γ_k). The same idea, taken further,
    is in Rump (2011), Verified bounds for singular values, BIT 51.
    """
    W = as_points("matrix", matrix)
    exponent = math.frexp(float(np.abs(W).max()))[1]
    if not W.any():
        return 0.0
    W = np.ldexp(W, -exponent)  # largest entry in [1/2, 1): nothing overflows, and what underflows is negligible
    bounds = [_frobenius(W), _up(math.sqrt(_largest_sum(W, 0) * _largest_sum(W, 1)), 4)]
    try:
        left, s, right = np.linalg.svd(W, full_matrices=False)
    except np.linalg.LinAlgError:  # it did not converge; the cheap bounds stand
        pass
    else:
        bounds.append(_from_factors(W, left, s, right))
    try:
        return scaled_outward(min(bounds), exponent, math.inf)
    except OverflowError:
        return math.inf


def _from_factors(W: FloatArray, left: FloatArray, s: FloatArray, right: FloatArray) -> float:
    """The bound from approximate factors, left (m, k), s (k,), right (k, n); see `spectral_norm_upper_bound`."""
    m, n = W.shape
    k = len(s)
    largest = float(s.max())
    spread_left, spread_right = _frobenius(left), _frobenius(right)
    norm_left = math.sqrt(1 + _frobenius(left.T @ left - np.eye(k)) + _gamma(m + 1) * (spread_left**2 + k))
    norm_right = math.sqrt(1 + _frobenius(right @ right.T - np.eye(k)) + _gamma(n + 1) * (spread_right**2 + k))
    # Entries of |left| s |right| add up to at most this in the Frobenius norm; k + 2: scaling by s and subtracting
    # W are one rounding each, and W itself is no larger than the product plus the residual.
    residual = _frobenius(W - (left * s) @ right)
    rounding = _gamma(k + 2) * (largest * spread_left * spread_right + residual)
    return _up(largest * norm_left * norm_right + residual + rounding, 16)


def _frobenius(A: FloatArray) -> float:
    return _up(math.sqrt(float(np.sum(A * A))), A.size + 4)


def _largest_sum(A: FloatArray, axis: int) -> float:
    return _up(float(np.abs(A).sum(axis).max()), A.shape[axis])


def scaled_outward(bound: float, exponent: int, end: float) -> float:
    """Bound · 2^exponent, which is exact where it is a normal number, and rounded towards this end where it is not."""
    value = math.ldexp(bound, exponent)
    return value if abs(value) >= NORMAL or not bound else math.nextafter(value, end)


def _gamma(k: int) -> float:
    return k * U / (1 - k * U) * (1 + 4 * U)


def _up(value: float, n_roundings: int) -> float:
    """At least the exact result, where value > 0 was reached through so many roundings of positive numbers."""
    return value * (1 + 2 * (n_roundings + 2) * U) + UNDERFLOW


def least_eigenvalue_lower_bound(matrix: Any) -> float:
    r"""A number that is at most every eigenvalue of the symmetric float64 matrix A as it stands.

    With computed eigenvectors Q and eigenvalues Λ, whatever their quality, A = Q Λ Qᵀ + R, so that the least
    eigenvalue is at least that of Q Λ Qᵀ less ‖R‖_F. If l is the least entry of Λ, Q Λ Qᵀ ⪰ l Q Qᵀ, and the eigenvalues
    of Q Qᵀ lie within ‖QᵀQ − I‖_F of 1. Roundings are bounded as in `spectral_norm_upper_bound`.

    Args:
        matrix: A, (n, n), finite and exactly symmetric.

    Returns:
        The bound; −inf where none is proven.

    Raises:
        InvalidShapeError, InvalidTypeError, InvalidValueError: If it is not a finite real matrix, or not symmetric.

    Source: Higham (2002), Accuracy and Stability of Numerical Algorithms, Ch. 3 (γ_k).
    """
    A = as_points("matrix", matrix)
    if not np.array_equal(A, A.T):
        raise InvalidValueError("matrix", "be symmetric", f"shape {A.shape}", "take (A + A.T) / 2")
    if not A.any():
        return 0.0
    exponent = math.frexp(float(np.abs(A).max()))[1]
    A = np.ldexp(A, -exponent)
    n = len(A)
    try:
        values, Q = np.linalg.eigh(A)
    except np.linalg.LinAlgError:
        return -math.inf
    largest = float(np.abs(values).max())
    spread = _frobenius(Q)
    residual = _frobenius(A - (Q * values) @ Q.T)
    rounding = _gamma(n + 2) * (largest * spread**2 + residual)
    skew = _up(_frobenius(Q.T @ Q - np.eye(n)) + _gamma(n + 1) * (spread**2 + n), 4)
    least = float(values.min())
    least = least * (1 - skew) if least > 0 else least * (1 + skew)
    bound = least - _up(residual + rounding, 16) - 16 * U * abs(least)
    try:
        return scaled_outward(bound, exponent, -math.inf)
    except OverflowError:
        return -math.inf
