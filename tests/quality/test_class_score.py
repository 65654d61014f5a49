"""The class score against numbers by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from otgan.errors import InvalidShapeError, InvalidValueError
from otgan.quality import class_score


def test_sure_and_even_has_the_number_of_classes():
    found = class_score(np.eye(10))
    assert found.value == pytest.approx(10, rel=1e-12)
    assert (found.classes, found.classes_found, found.n) == (10, 10, 10)


@pytest.mark.parametrize(
    "rows", [np.full((6, 3), 1 / 3), np.tile([0.0, 1.0, 0.0], (6, 1))], ids=["unsure", "collapsed"]
)
def test_unsure_or_collapsed_has_one(rows):
    assert class_score(rows).value == pytest.approx(1, abs=1e-12)
    assert class_score(rows).classes_found == 1


def test_by_hand():
    # The mean is (.65, .35).
    kl = [
        0.9 * math.log(0.9 / 0.65) + 0.1 * math.log(0.1 / 0.35),
        0.4 * math.log(0.4 / 0.65) + 0.6 * math.log(0.6 / 0.35),
    ]
    found = class_score([[0.9, 0.1], [0.4, 0.6]])
    assert found.value == pytest.approx(math.exp(np.mean(kl)), rel=1e-12)
    assert found.shares == pytest.approx((0.65, 0.35))


def test_it_knows_nothing_of_the_real_points():
    assert class_score(np.repeat(np.eye(4), 100, axis=0)).value == pytest.approx(4)  # one image a class, repeated


def test_rows_that_are_no_distributions():
    with pytest.raises(InvalidValueError, match=r"a sum 1\.5 in row 1; apply a softmax"):
        class_score([[0.5, 0.5], [1.0, 0.5]])
    with pytest.raises(InvalidValueError, match=r"a smallest entry -0\.5"):
        class_score([[1.5, -0.5]])
    with pytest.raises(InvalidValueError, match="a sum inf in row 0"):
        class_score(np.full((2, 3), 1e308))
    with pytest.raises(InvalidShapeError, match=r"have shape \(n, c\)"):
        class_score([0.5, 0.5])
    class_score(np.float32([[0.1] * 10]))  # rounding is no error
