from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otgan.errors import InvalidValueError
from otgan.operator_norms import row_norms_upper_bound

ENTRIES = st.floats(-1e3, 1e3) | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.lists(ENTRIES, min_size=3, max_size=3), min_size=1, max_size=4))
def test_no_bound_is_below_the_exact_norm(rows):
    for row, total, root in zip(rows, row_norms_upper_bound(rows, 1), row_norms_upper_bound(rows, 2), strict=True):
        exact = [abs(Fraction(entry)) for entry in row]
        assert total == np.inf or Fraction(float(total)) >= sum(exact)
        assert root == np.inf or Fraction(float(root)) ** 2 >= sum(entry**2 for entry in exact)


def test_bounds_are_close():
    W = np.random.default_rng(0).standard_normal((50, 400))
    assert row_norms_upper_bound(W, 1) == pytest.approx(np.abs(W).sum(1), rel=1e-12)
    assert row_norms_upper_bound(W, 2) == pytest.approx(np.linalg.norm(W, axis=1), rel=1e-12)


def test_entries_at_the_ends_of_float64_and_other_orders():
    assert row_norms_upper_bound([[1e300, 0.0], [0.0, 0.0]], 2).tolist() == [pytest.approx(1e300), 0.0]
    assert row_norms_upper_bound([[1.7e308, 1.7e308]], 1).tolist() == [np.inf]
    assert 5e-324 <= row_norms_upper_bound([[5e-324]], 2)[0] < 1e-320
    with pytest.raises(InvalidValueError, match="order must be 1 or 2, got 3"):
        row_norms_upper_bound([[1.0]], 3)
