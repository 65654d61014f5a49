"""`assert_metric_axioms`: metrics pass, and each broken axiom is shown by small clouds."""

import numpy as np
import pytest
import torch

import otgan
from otgan.errors import InvalidTypeError, InvalidValueError
from otgan.testing import assert_metric_axioms


def distances(x, y):
    return np.linalg.norm(x[:, None] - y, axis=2)


def hausdorff(x, y):
    return max(distances(x, y).min(0).max(), distances(x, y).min(1).max())


@pytest.mark.parametrize("p", [1, 2])
def test_wasserstein_distances_pass(p):
    assert_metric_axioms(lambda x, y: otgan.wasserstein(x, y, p=p).distance, n_tries=40)


def test_other_distances_pass():
    assert_metric_axioms(lambda x, y: abs(x.mean(0) - y.mean(0)).sum(), definite=False)
    assert_metric_axioms(lambda x, y: torch.tensor(np.sort(x, 0) - np.sort(y, 0)).abs().sum(), sizes=(3,), dim=1)
    assert_metric_axioms(hausdorff, sizes=(1,))


@pytest.mark.parametrize(
    ("distance", "message"),
    [
        (lambda x, y: otgan.wasserstein(x, y, p=2).cost, "distance(x, z) <= distance(x, y) + distance(y, z), got "),
        (lambda x, y: np.linalg.norm(x.mean(0) - y.mean(0)), "distance(x, y) > 0 where x and y differ, got 0 for x ="),
        (lambda x, y: distances(x, y).mean(), "distance(x, x) = 0, got 0.5 for x = [[0.0, 0.0], [0.0, 1.0]]"),
        (lambda x, y: distances(x, y).min(1).max(), "distance(x, y) = distance(y, x), got "),
        (lambda x, y: -hausdorff(x, y), "distance(x, y) >= 0, got -1 for x = [[0.0, 0.0]], y = [[0.0, 1.0]]"),
        (lambda x, y: hausdorff(x, y) + 1, "distance(x, x) = 0, got 1 for x = [[0.0, 0.0]]"),
        (lambda x, y: np.linalg.norm(np.resize(y, x.shape) - x), "distance(x, x) = 0, got "),
    ],
    ids=["squared", "means", "mean distance", "one-sided", "negative", "shifted", "paired"],
)
def test_broken_axioms_are_found(distance, message):
    with pytest.raises(AssertionError) as caught:
        assert_metric_axioms(distance)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 250


def test_a_squared_distance_is_shown_by_three_points():
    with pytest.raises(AssertionError) as caught:
        assert_metric_axioms(lambda x, y: distances(x, y).sum() ** 2, sizes=(1,), dim=1)
    assert str(caught.value) == (
        "distance must satisfy distance(x, z) <= distance(x, y) + distance(y, z), got 4 > 1 + 1 "
        "for x = [[-1.0]], y = [[0.0]], z = [[1.0]]"
    )


def test_sizes_are_kept():
    seen = set()

    def distance(x, y):
        seen.update((x.shape, y.shape))
        return hausdorff(x, y) + 1

    with pytest.raises(AssertionError):
        assert_metric_axioms(distance, sizes=(2,), dim=3)
    assert seen == {(2, 3)}


def test_the_distance_may_write_into_its_points():
    def distance(x, y):
        value = hausdorff(x, y)
        x[:] = 7.0
        return value

    assert_metric_axioms(distance, sizes=(1,))


@pytest.mark.parametrize(
    ("distance", "options", "error", "message"),
    [
        (1.0, {}, InvalidTypeError, "distance must be a function, got float"),
        (lambda x, y: "1", {}, InvalidTypeError, "distance must return a real number, got str"),
        (lambda x, y: np.zeros(2), {}, InvalidTypeError, "distance must return a real number, got ndarray"),
        (lambda x, y: True, {}, InvalidTypeError, "distance must return a real number, got bool"),
        (lambda x, y: np.nan, {}, InvalidValueError, "distance must return a finite number, got nan"),
        (hausdorff, {"sizes": 3}, InvalidTypeError, "sizes must be numbers of points, got 3"),
        (hausdorff, {"sizes": (0,)}, InvalidValueError, "sizes must be at least 1"),
        (hausdorff, {"dim": 0}, InvalidValueError, "dim must be at least 1"),
        (hausdorff, {"n_tries": 0}, InvalidValueError, "n_tries must be at least 1"),
        (hausdorff, {"tol": -1}, InvalidValueError, "tol must be in"),
    ],
)
def test_misuse_is_a_typed_error(distance, options, error, message):
    with pytest.raises(error, match=message):
        assert_metric_axioms(distance, **options)
