import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otgan.errors import InvalidValueError
from otgan.operator_norms import (
    convolution_norm_upper_bound,
    least_eigenvalue_lower_bound,
    row_norms_upper_bound,
    spectral_norm_upper_bound,
)


def exact(matrix):
    """The spectral norm to 40 digits."""
    with mpmath.workdps(60):
        W = mpmath.matrix(np.asarray(matrix, dtype=float).tolist())
        return mpmath.sqrt(max(mpmath.eigsy(W.T * W if W.cols <= W.rows else W * W.T, eigvals_only=True)))


def assert_bound(matrix, rel=1e-10):
    truth, bound = exact(matrix), spectral_norm_upper_bound(matrix)
    assert mpmath.mpf(bound) >= truth
    assert bound == pytest.approx(float(truth), rel=rel)


@settings(max_examples=40, deadline=None)
@given(
    m=st.integers(1, 6),
    n=st.integers(1, 6),
    rank=st.integers(1, 6),
    exponent=st.integers(-300, 300),
    seed=st.integers(0, 10**6),
)
def test_it_is_above_the_exact_norm_and_close(m, n, rank, exponent, seed):
    rng = np.random.default_rng(seed)
    assert_bound(10.0**exponent * rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n)))


@pytest.mark.parametrize(
    "matrix",
    [
        np.eye(4),
        np.ones((3, 5)),
        [[3.0, 4.0]],
        [[3.0], [4.0]],
        np.diag([1.0, 1e-200]),
        [[1.0, 1.0], [1.0, np.nextafter(1, 2)]],
        1 / (np.arange(6)[:, None] + np.arange(6) + 1),
        np.float32(np.random.default_rng(1).standard_normal((20, 15))),
    ],
    ids=["identity", "ones", "row", "column", "graded", "nearly singular", "hilbert", "float32"],
)
def test_known_matrices(matrix):
    assert_bound(matrix)


def test_extremes():
    assert spectral_norm_upper_bound(np.zeros((3, 2))) == 0
    assert spectral_norm_upper_bound(np.full((2, 2), 1e308)) == math.inf
    assert 5e-324 <= spectral_norm_upper_bound([[5e-324]]) <= 1e-322
    with pytest.raises(InvalidValueError, match="matrix must be finite"):
        spectral_norm_upper_bound([[np.nan]])


def test_a_failing_decomposition_leaves_the_cheap_bounds(monkeypatch):
    def fail(*_, **__):
        raise np.linalg.LinAlgError

    monkeypatch.setattr("numpy.linalg.svd", fail)
    assert spectral_norm_upper_bound([[3.0, 4.0]]) == pytest.approx(5, rel=1e-12)
    assert spectral_norm_upper_bound([[3.0, 0.0], [0.0, 3.0]]) == pytest.approx(3, rel=1e-12)


@pytest.mark.parametrize("damage", [0.9, 1.0 + 1e-6])
def test_bad_factors_loosen_the_bound_and_never_break_it(monkeypatch, damage):
    right_one = np.linalg.svd

    def poor(*arguments, **options):
        left, s, right = right_one(*arguments, **options)
        return left * damage, s * 0.5, right

    matrix = np.random.default_rng(2).standard_normal((5, 4))
    truth = float(exact(matrix))
    monkeypatch.setattr("numpy.linalg.svd", poor)
    assert spectral_norm_upper_bound(matrix) >= truth


@pytest.mark.parametrize("n", [2, 3, 5])
def test_subnormal_norms_are_rounded_upward(n):
    """A row of n smallest numbers has a norm of √n of them, which lies between two floats."""
    row = np.full((1, n), 5e-324)
    smallest = Fraction(5e-324)
    assert Fraction(spectral_norm_upper_bound(row)) ** 2 >= n * smallest**2
    assert Fraction(float(row_norms_upper_bound(row, 2)[0])) ** 2 >= n * smallest**2
    assert Fraction(convolution_norm_upper_bound(row[:, :, None])) ** 2 >= n * smallest**2


def test_subnormal_eigenvalues_are_rounded_downward():
    """The eigenvalues of [[2, 1], [1, 3]] are (5 ± √5) / 2, so 1.38 smallest numbers and more."""
    least = least_eigenvalue_lower_bound(5e-324 * np.array([[2.0, 1.0], [1.0, 3.0]]))
    assert least <= 5e-324
    # Of [[1, 1], [1, −1]], ±√2: rounding to the nearest would make −1 of −1.41.
    assert least_eigenvalue_lower_bound(5e-324 * np.array([[1.0, 1.0], [1.0, -1.0]])) <= -1e-323
