import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from otgan.errors import InvalidShapeError, InvalidValueError
from otgan.operator_norms import convolution_norm_upper_bound, least_eigenvalue_lower_bound


def dense(kernel, size, **options):
    """The matrix of a convolution, from its values at all unit images; its norm in float64."""
    K = torch.tensor(kernel, dtype=torch.float64)
    n_in = K.shape[1] * options.get("groups", 1)
    units = torch.eye(n_in * math.prod(size), dtype=torch.float64).reshape(-1, n_in, *size)
    convolve = functional.conv1d if len(size) == 1 else functional.conv2d
    return np.linalg.norm(convolve(units, K, **options).reshape(len(units), -1).numpy(), 2)


@pytest.mark.parametrize(
    ("shape", "size", "options"),
    [
        ((1, 1, 3), (40,), {"padding": 1}),
        ((3, 2, 5), (12,), {"padding": 4}),
        ((1, 1, 3, 3), (12, 12), {"padding": 1}),
        ((2, 3, 3, 3), (7, 9), {}),
        ((3, 2, 4, 2), (8, 8), {"padding": 2, "stride": 2}),
        ((2, 2, 2, 2), (9, 9), {"padding": 1, "dilation": 2}),
        ((4, 3, 1, 1), (5, 5), {}),
        ((4, 3, 1, 3), (5, 12), {"padding": (0, 1)}),
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_it_is_above_the_dense_matrix_and_not_far(shape, size, options, seed):
    kernel = np.random.default_rng(seed).standard_normal(shape)
    truth = dense(kernel, size, **options)
    bound = convolution_norm_upper_bound(kernel)
    assert truth <= bound
    wide = dense(kernel, tuple(6 * k for k in shape[2:]), padding=tuple(k // 2 for k in shape[2:]))
    assert bound <= 1.35 * wide  # small images keep less of the operator
    if "dilation" not in options:
        assert truth <= convolution_norm_upper_bound(kernel, size=size)


def test_the_norm_over_all_frequencies_where_it_is_known():
    """A kernel of k ones has norm k at frequency 0; 1, −1 has 2 at frequency π, whatever the grid."""
    for k in (1, 2, 3, 5):
        assert k <= convolution_norm_upper_bound(np.ones((1, 1, k))) <= 1.01 * k
        assert k <= convolution_norm_upper_bound(np.ones((1, 1, k)), size=[50]) <= k * (1 + 1e-9)
    assert 2 <= convolution_norm_upper_bound([[[1.0, -1.0]]]) <= 2.01
    # The maximum of |1 + z − 1.645 z²| lies at θ = 17π/32, halfway between two frequencies of the grid.
    z = np.exp(1j * np.linspace(0, math.pi, 200001))
    truth = np.abs(1 + z - 1.645 * z**2).max()
    assert truth <= convolution_norm_upper_bound([[[1.0, 1.0, -1.645]]]) <= 1.006 * truth
    assert truth > np.linalg.norm([1.0, 1.0, -1.645]) * 1.1  # which is the reshaped kernel's


def test_a_convolution_of_one_tap_is_its_matrix():
    W = np.random.default_rng(0).standard_normal((5, 4))
    assert convolution_norm_upper_bound(W[:, :, None, None]) == pytest.approx(np.linalg.norm(W, 2), rel=1e-10)


def test_scale_and_zero():
    kernel = np.random.default_rng(0).standard_normal((2, 2, 3))
    for scale in (1e-200, 1e200):
        assert convolution_norm_upper_bound(scale * kernel) == pytest.approx(
            scale * convolution_norm_upper_bound(kernel), rel=1e-12
        )
    assert convolution_norm_upper_bound(np.zeros((2, 2, 3))) == 0


def test_refusals():
    with pytest.raises(InvalidShapeError, match="kernel must have shape"):
        convolution_norm_upper_bound(np.ones((2, 2)))
    with pytest.raises(InvalidShapeError, match="size must have 2 axes"):
        convolution_norm_upper_bound(np.ones((1, 1, 3, 3)), size=[4])
    with pytest.raises(InvalidValueError, match="kernel must be finite"):
        convolution_norm_upper_bound([[[math.nan]]])


@pytest.mark.parametrize("seed", range(5))
def test_least_eigenvalues_of_matrices_made_of_known_ones(seed):
    rng = np.random.default_rng(seed)
    # Householder reflections of integer vectors have rational entries; with these the eigenvalues are known closely.
    v = rng.integers(1, 9, 6).astype(float)
    H = np.eye(6) - 2 * np.outer(v, v) / (v @ v)
    values = np.array([-3.0, 1e-3, 0.5, 1, 7, 1e3]) if seed % 2 else np.array([1e-6, 1e-3, 0.5, 1, 7, 1e3])
    A = H @ np.diag(values) @ H
    A = (A + A.T) / 2
    bound = least_eigenvalue_lower_bound(A)
    assert bound <= values.min() + 1e-12
    assert bound == pytest.approx(values.min(), abs=1e-10)


def test_a_singular_matrix_is_not_called_definite():
    for A in (np.ones((4, 4)), np.zeros((2, 2)), np.array([[1.0, 1.0], [1.0, 1.0]])):
        assert least_eigenvalue_lower_bound(A) <= 0
    # 1 + 2⁻⁵² beside 1: det = 2⁻⁵², and the least eigenvalue half of it, too little to be proven, never overstated.
    assert least_eigenvalue_lower_bound([[1 + 2.0**-52, 1.0], [1.0, 1.0]]) <= 2.0**-53
    with pytest.raises(InvalidValueError, match="matrix must be symmetric"):
        least_eigenvalue_lower_bound([[1.0, 2.0], [0.0, 1.0]])
