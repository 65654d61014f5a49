import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

from otgan import wasserstein
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.sliced import unit_directions
from otgan.statistics import sliced_lower_bound
from tests.strategies import samples


@settings(max_examples=60, deadline=None)
@given(samples())
def test_the_bound_is_below_the_distance(sample):
    interval = sliced_lower_bound(sample.x, sample.y, 5, np.random.default_rng(0))
    assert 0 <= interval.lower <= wasserstein(sample.x, sample.y).upper_bound
    assert interval.upper == math.inf
    assert interval.kind == "proven, for the samples"


@pytest.mark.parametrize("d", [1, 2, 8, 300])
def test_a_translation_is_found_in_any_dimension(d):
    rng = np.random.default_rng(0)
    x, move = rng.normal(size=(50, d)), rng.normal(size=d)
    length = np.linalg.norm(move)
    lower = sliced_lower_bound(x, x + move, 1, rng).lower
    assert length * (1 - 1e-9) < lower <= length * (1 + 1e-15)


def test_far_from_the_origin_rounding_stays_inside():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 3)) + 1e8
    y = x[::-1]
    assert sliced_lower_bound(x, y, 10, rng).lower == 0


@pytest.mark.parametrize("d", [1, 2, 7, 400])
def test_directions_have_a_norm_of_at_most_1_in_real_arithmetic(d):
    for direction in unit_directions(20, d, np.random.default_rng(0)):
        square = sum(Fraction(float(entry)) ** 2 for entry in direction)
        assert 1 - Fraction(1, 10**11) < square <= 1


def test_more_directions_never_lower_the_bound():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 4)), rng.normal(size=(40, 4)) * [3, 1, 1, 1]
    bounds = [sliced_lower_bound(x, y, k, np.random.default_rng(1)).lower for k in (1, 8, 64)]
    assert bounds == sorted(bounds)
    assert bounds[-1] > 0.5 * wasserstein(x, y).distance


def test_bad_input_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(InvalidTypeError, match=r"rng must be a numpy.random.Generator"):
        sliced_lower_bound([[0.0, 1.0]], [[1.0, 0.0]], 3, 0)
    with pytest.raises(InvalidValueError, match="n_projections must be at least 1"):
        sliced_lower_bound([[0.0, 1.0]], [[1.0, 0.0]], 0, rng)
    with pytest.raises(InvalidShapeError, match="y must have the dimension of x, 2"):
        sliced_lower_bound([[0.0, 1.0]], [1.0], 3, rng)
