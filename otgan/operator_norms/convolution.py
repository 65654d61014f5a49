"""A proven upper bound of the norm of a convolution with zero padding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray, as_count, as_real_array
from otgan.errors import InvalidShapeError
from otgan.operator_norms.matrix import scaled_outward

U = 2.0**-53
UNDERFLOW = 1e-280
#: Frequencies along an axis for each two taps of the kernel: between them the norm grows by 0.5 % at most.
DENSITY = 32
#: Complex numbers in a chunk of frequencies: 64 MB.
CHUNK = 2**22


def convolution_norm_upper_bound(kernel: Any, *, size: Sequence[int] | None = None) -> float:
    r"""At least the operator norm of a convolution, for any zero padding, stride and dilation.

    On all of $\mathbb{Z}^D$ a convolution is multiplication by $\hat K(\theta) = \sum_j K_j e^{i j \theta}$, a matrix
    (out, in) at each frequency, so its norm is the largest spectral norm of these. With zero padding, points of an
    image continue as zeros into all of space, and only some values of the result are kept (a stride keeps fewer), which
    never makes it larger; dilation by δ replaces θ by δθ, over all frequencies the same. The reshaped kernel's norm
    is no bound: a kernel of k equal entries has √k times less than the convolution.

    Norms are bounded at the frequencies of a grid. With $\sigma = (k - 1) / 2$ along an axis, entries
    $u^* \hat K(\theta)\, v$ are, up to a phase, exponential sums with exponents in [−σ, σ]; so by Bernstein's
    inequality their second derivative is at most σ² times their maximum; at the maximum of a real one the first
    vanishes; and at a distance of $\delta$ at most π / M from it, on a grid of M points, it is still at least
    $1 - \sigma^2 \delta^2 / 2$ times the maximum. That makes a factor for each axis. Where the size of the image is
    known, the image fits into a torus of n + k − 1 points along each axis, whose frequencies are all there are.

    Roundings are bounded for each frequency as in `spectral_norm_upper_bound`, with constants for complex numbers.

    Args:
        kernel: K, (out, in, k) or (out, in, k, k'), as PyTorch stores it.
        size: Points of the image along each axis, without padding, for a convolution without dilation.

    Returns:
        The bound.

    Raises:
        InvalidShapeError: If the kernel has no such shape, or the size another number of axes.
        InvalidTypeError, InvalidValueError: If an entry is not a finite number, or a size not positive.

    Source: Sedghi, Gupta and Long (2019), The Singular Values of Convolutional Layers, for the torus.
    """
    K = as_real_array("kernel", kernel)
    if K.ndim not in (3, 4):
        raise InvalidShapeError("kernel", "have shape (out, in, k) or (out, in, k, k')", f"{K.shape}", "add axes")
    lengths = K.shape[2:]
    if size is not None and len(size) != len(lengths):
        raise InvalidShapeError("size", f"have {len(lengths)} axes", f"{len(size)}", "give one number for each")
    if not K.any():
        return 0.0
    exponent = math.frexp(float(np.abs(K).max()))[1]
    K = np.ldexp(K, -exponent)
    axes, growth = [], 1.0
    for axis, k in enumerate(lengths):
        if size is None:
            m = DENSITY * (k - 1) // 2 if k > 1 else 1
            growth /= 1 - ((k - 1) / 2 * math.pi / m) ** 2 / 2
        else:
            m = as_count("size", size[axis]) + k - 1
        # A real kernel has conjugate matrices at θ and −θ: half of the first axis will do.
        points = np.arange(m // 2 + 1 if axis == 0 else m) * (2 * math.pi / m)
        axes.append(np.exp(1j * np.outer(points, np.arange(k))))
    largest = _largest(K, axes)
    try:
        return scaled_outward(largest * growth * (1 + 32 * U), exponent, math.inf)
    except OverflowError:
        return math.inf


def _largest(K: FloatArray, axes: list[NDArray[Any]]) -> float:
    """At least the largest norm over all frequencies, each a row of exponentials for each axis."""
    n_out, n_in = K.shape[:2]
    flat = K.reshape(n_out, n_in, -1)
    waves = axes[0]
    if len(axes) == 2:
        waves = np.einsum("aj,bk->abjk", *axes).reshape(len(axes[0]) * len(axes[1]), -1)
    taps = flat.shape[2]
    # The angle is good to 8 u k, the exponential to a few u more, the product of two to as much again.
    longest = max(axis.shape[1] for axis in axes)
    off = (64 * longest + 8 * taps) * U * float(np.linalg.norm(np.abs(flat).sum(axis=2)))
    step = max(1, CHUNK // (n_out * n_in))
    largest = 0.0
    for start in range(0, len(waves), step):
        A = np.einsum("oij,fj->foi", flat, waves[start : start + step], optimize=True)
        largest = max(largest, float((_norms(A)).max()))
    return (largest + off) * (1 + 4 * U) + UNDERFLOW


def _norms(A: NDArray[Any]) -> FloatArray:
    """At least the spectral norm of each complex matrix, (f, m, n) -> (f,)."""
    m, n = A.shape[1:]
    k = min(m, n)
    frobenius = _frobenius(A)
    try:
        left, s, right = np.linalg.svd(A, full_matrices=False)
    except np.linalg.LinAlgError:
        return frobenius
    eye = np.eye(k)
    adjoint = left.conj().transpose(0, 2, 1)
    g = 8 * (m + n + 8) * U  # twice over for complex products and for the sums of squares
    spread_left, spread_right = _frobenius(left), _frobenius(right)
    norm_left = np.sqrt(1 + _frobenius(adjoint @ left - eye) + g * (spread_left**2 + k))
    norm_right = np.sqrt(1 + _frobenius(right @ right.conj().transpose(0, 2, 1) - eye) + g * (spread_right**2 + k))
    residual = _frobenius(A - (left * s[:, None, :]) @ right)
    top = s.max(axis=1)
    bound = top * norm_left * norm_right + (1 + g) * residual + g * top * spread_left * spread_right
    return np.asarray(np.minimum(bound * (1 + 32 * U) + UNDERFLOW, frobenius))


def _frobenius(A: NDArray[Any]) -> FloatArray:
    size = A.shape[1] * A.shape[2]
    return np.sqrt((A.real**2 + A.imag**2).sum(axis=(1, 2))) * (1 + 2 * (size + 8) * U) + UNDERFLOW
