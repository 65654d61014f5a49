"""Bad input to the solvers: a typed error that names the argument, the rule, the value and the fix, on one line."""

from __future__ import annotations

import math

import hypothesis.extra.numpy as hnp
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import otgan
from otgan.errors import (
    InvalidInputError,
    InvalidShapeError,
    InvalidTypeError,
    InvalidValueError,
    InvalidWeightsError,
    NotProvidedError,
)
from tests.strategies import contains
from tests.truth import certain_optimum

GOOD = np.zeros((3, 2))
BAD_POINTS = [
    ([[0.0, np.nan]], InvalidValueError, "must be finite, got nan at index (0, 1)"),
    ([[0.0, -np.inf]], InvalidValueError, "must be finite, got -inf"),
    (np.zeros((0, 2)), InvalidShapeError, "must not be empty"),
    ([], InvalidShapeError, "must not be empty"),
    (np.zeros((2, 2, 2)), InvalidShapeError, "must have shape (n, d)"),
    (1.0, InvalidShapeError, "must have shape (n, d)"),
    ([["a", "b"]], InvalidTypeError, "must hold real numbers, got text"),
    ([[1j, 0]], InvalidTypeError, "complex numbers"),
    (torch.zeros(2, 2, dtype=torch.complex64), InvalidTypeError, "complex numbers"),
    (np.array([[1, None]], dtype=object), InvalidTypeError, "objects"),
    ([[1.0, 2.0], [3.0]], InvalidShapeError, "rows of one length"),
    (np.array([[True, False]]), InvalidTypeError, "booleans"),
    (np.array(["2020-01-01"], dtype="M8[D]"), InvalidTypeError, "datetime64"),
    (np.ma.masked_array([[1.0, 2.0]], mask=[[True, False]]), InvalidTypeError, "masked"),
    (None, InvalidTypeError, "objects"),
    ({0.0, 1.0}, InvalidTypeError, "objects"),
    ((v for v in [0.0]), InvalidTypeError, "objects"),
    (torch.eye(2).to_sparse(), InvalidTypeError, "must be an array, got Tensor"),
    (pd.DataFrame({"u": [1, None]}, dtype="Int64"), InvalidValueError, "must be finite"),
    (pd.DataFrame({"u": ["1", "2"]}), InvalidTypeError, "hold real numbers"),
    ("file.csv", InvalidTypeError, "text"),
    ([[1e301, 0.0]], InvalidValueError, "below 1e300"),
]


@pytest.mark.parametrize(("points", "error", "message"), BAD_POINTS)
@pytest.mark.parametrize("side", ["x", "y"])
def test_bad_points(points, error, message, side):
    arguments = (points, GOOD) if side == "x" else (GOOD, points)
    with pytest.raises(error) as caught:
        otgan.wasserstein(*arguments)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{side} must")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([0.5, 0.5, -0.1], "a must not be negative, got -0.1 at index 2"),
        ([0, 0, 0], "a must have a positive entry, got all zeros"),
        ([0.5, np.nan, 0.5], "a must be finite, got nan at index 1"),
        ([0.5, np.inf, 0.5], "a must be finite, got inf at index 1"),
        ([0.5, 0.5], "a must have shape (3,), got shape (2,)"),
        ([[1, 1, 1]], "a must have shape (3,), got shape (1, 3)"),
        ([], "a must have shape (3,)"),
    ],
)
def test_bad_weights(weights, message):
    with pytest.raises(InvalidWeightsError) as caught:
        otgan.wasserstein(GOOD, GOOD, weights)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"p": 0.5}, "p must be in [1, 64], got 0.5"),
        ({"p": math.nan}, "p must be in [1, 64], got nan"),
        ({"p": "1"}, "p must be a real number, got '1'"),
        ({"metric": "cosine"}, "metric must be one of euclidean, cityblock, chebyshev, haversine, got 'cosine'"),
        ({"metric": abs}, "metric must be a name"),
        ({"p": 10**400}, "p must be in [1, 64], got inf"),
        ({"method": np.array(["a", "b"])}, "method must be one of auto"),
        ({"method": "sinkhorn"}, "method must be one of auto, univariate, dense, multiscale, network-simplex"),
        ({"tol": -1}, "tol must be in [0, inf)"),
        ({"max_iter": 0}, "max_iter must be between 1 and"),
        ({"max_seconds": 0}, "max_seconds must be in (0, inf)"),
        ({"max_seconds": math.nan}, "max_seconds must be in (0, inf)"),
        ({"max_memory": 0}, "max_memory must be in (0, inf)"),
    ],
)
def test_bad_settings(settings_, message):
    with pytest.raises(InvalidInputError) as caught:
        otgan.wasserstein(GOOD, GOOD, **settings_)
    assert message in str(caught.value)


def test_other_bad_calls():
    with pytest.raises(InvalidShapeError, match="y must have the dimension of x, 2, got dimension 3"):
        otgan.wasserstein(GOOD, np.zeros((2, 3)))
    with pytest.raises(NotProvidedError, match="needs points on the line"):
        otgan.wasserstein(GOOD, GOOD, method="univariate")
    with pytest.raises(InvalidShapeError, match="two columns for metric='haversine'"):
        otgan.wasserstein([0.0], [1.0], metric="haversine")
    with pytest.raises(InvalidValueError, match="order the columns as latitude, longitude"):
        otgan.wasserstein([[2.35, 48.85]], [[120.0, 3.0]], metric="haversine")
    with pytest.raises(InvalidValueError, match="cost_matrix must not be negative, got -1"):
        otgan.transport([[0.0, -1.0]])
    with pytest.raises(InvalidShapeError, match=r"cost_matrix must have shape \(n, m\)"):
        otgan.transport([0.0, 1.0])
    with pytest.raises(InvalidValueError, match="whose power p = 64 fits float64"):
        otgan.wasserstein([0.0], [1e6], p=64)
    with pytest.raises(InvalidShapeError, match="points must have the dimension of the problem, 2"):
        otgan.wasserstein(GOOD, GOOD).potentials([[1.0, 2.0, 3.0]])


@settings(max_examples=30, deadline=None)
@given(hnp.arrays(np.float64, (3, 2), elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_any_finite_floats_are_solved_or_refused(x):
    try:
        solution = otgan.wasserstein(x, np.zeros((1, 2)))
    except InvalidValueError:
        return
    truth = certain_optimum(x, np.zeros((1, 2)))
    assert contains(solution.lower_bound, solution.upper_bound, truth)
