import numpy as np

from otgan.testing.witness import BUDGET, show, shrink, simpler_numbers


def test_points_are_shown_so_that_they_paste():
    assert show(np.array([[0.1, -0.0], [1e-7, 3.0]])) == "[[0.1, 0.0], [1e-07, 3.0]]"
    assert show(np.zeros((10, 3))) == "[0.0, 0.0, 0.0, 0.0, 0.0, 0.0] … (10 x 3 numbers)"


def test_simpler_numbers_come_simplest_first():
    assert simpler_numbers(0.0) == []
    assert simpler_numbers(-1.0) == [0.0, 1.0]
    assert simpler_numbers(0.25) == [0.0, 1.0, -1.0, 0.2]
    assert simpler_numbers(-3.14159)[:5] == [0.0, 1.0, -1.0, -3.0, -3.1]


def test_shrinking_ends_at_something_small():
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(9, 2))

    def fails(clouds):
        return bool((clouds[0][:, 0] > 0.6).any())

    (small,) = shrink((cloud,), fails, (1,))
    assert small.tolist() == [[1.0, 0.0]]


def test_what_cannot_be_simpler_stays():
    cloud = np.array([[0.1234567891]])
    (same,) = shrink((cloud,), lambda clouds: clouds[0][0, 0] == cloud[0, 0], (1,))
    assert same is cloud


def test_the_budget_is_kept():
    calls = []

    def fails(clouds):
        calls.append(1)
        return len(calls) % 2 == 0

    shrink((np.random.default_rng(0).normal(size=(50, 50)),), fails, (1,))
    assert len(calls) == BUDGET
