"""Gromov-Wasserstein: the bracket against permutations and closed forms, the coupling against its definition."""

from __future__ import annotations

import math
import signal
from itertools import permutations

import numpy as np
import pytest

from otgan import gromov
from otgan.errors import Interrupted, InvalidInputError, MemoryLimitError, NotProvidedError
from otgan.gromov import gromov_wasserstein
from otgan.solution import Status


def distances(x):
    return np.linalg.norm(x[:, None] - x[None], axis=2)


@pytest.mark.parametrize("seed", range(4))
def test_the_bracket_is_one(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(5, 2)), rng.normal(size=(5, 3))
    here, there = distances(x), distances(y)
    solution = gromov_wasserstein(x, y)
    plan = solution.plan.toarray()
    np.testing.assert_allclose(plan.sum(axis=0), 0.2, atol=1e-15)
    cost = np.einsum("ijkl,ij,kl->", (here[:, None, :, None] - there[None, :, None, :]) ** 2, plan, plan)
    assert solution.cost == pytest.approx(cost, rel=1e-12)
    assert np.sqrt(cost) <= solution.upper_bound * (1 + 1e-12)
    # every permutation is a coupling, and none may cost less than what is proven
    best = min(((here - there[np.ix_(k, k)]) ** 2).mean() for k in map(list, permutations(range(5))))
    assert 0.2 < solution.lower_bound <= np.sqrt(best)
    assert solution.status is Status.LOCAL
    assert solution.converged


def test_two_points_against_two_points_have_a_closed_form():
    # any coupling with π_11 = π_22 = t: cost (D − E)² (2 t² + 2 (1/2 − t)²) + (D² + E²) 4 t (1/2 − t), least at t = 1/2
    solution = gromov_wasserstein([0.0, 1.0], [[0.0, 0.0], [3.0, 4.0]])
    assert solution.cost == pytest.approx((5 - 1) ** 2 / 2, rel=1e-13)
    assert solution.lower_bound == pytest.approx(solution.upper_bound, rel=1e-12)  # the laws of distances prove it
    assert solution.status is Status.OPTIMAL


def test_a_moved_shape_is_the_same_shape():
    rng = np.random.default_rng(5)
    x, a = rng.normal(size=(40, 3)), rng.dirichlet(np.ones(40))
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    order = rng.permutation(40)
    solution = gromov_wasserstein(x, (x @ turn + 7.0)[order], a, a[order])
    assert solution.lower_bound <= solution.distance <= solution.upper_bound < 1e-12


def test_points_without_mass_do_not_count():
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(6, 2)), rng.normal(size=(7, 2))
    a = np.array([0.3, 0.0, 0.2, 0.5, 0.0, 0.0])
    solution = gromov_wasserstein(x, y, a)
    fewer = gromov_wasserstein(x[[0, 2, 3]], y, a[[0, 2, 3]])
    assert solution.distance == pytest.approx(fewer.distance, rel=1e-12)
    assert solution.lower_bound == pytest.approx(fewer.lower_bound, rel=1e-12)
    np.testing.assert_allclose(solution.plan.toarray().sum(axis=1), a, atol=1e-15)


def test_what_it_refuses():
    with pytest.raises(NotProvidedError, match=r"otgan\.wasserstein has them"):
        _ = gromov_wasserstein([0.0, 1.0], [0.0, 1.0]).potentials
    with pytest.raises(MemoryLimitError, match="Gromov-Wasserstein needs"):
        gromov_wasserstein(np.zeros((100, 2)), np.zeros((100, 2)), max_memory=1e4)
    for scale in (1e-200, 1e200):  # squares of distances leave float64
        with pytest.raises(InvalidInputError, match="x and y must have a largest distance whose square fits"):
            gromov_wasserstein([0.0, scale], [0.0, 3 * scale])
    with pytest.raises(InvalidInputError, match="max_iter must be between 1"):
        gromov_wasserstein([0.0], [1.0], max_iter=0)


def test_ctrl_c_leaves_what_the_first_descent_found(monkeypatch):
    calls = []

    def pressed(*arguments):
        calls.append(arguments)
        signal.raise_signal(signal.SIGINT)
        return descended(*arguments)

    descended = gromov._descended
    monkeypatch.setattr(gromov, "_descended", pressed)
    x, y = np.random.default_rng(8).random((6, 2)), np.random.default_rng(9).random((5, 2))
    with pytest.raises(Interrupted) as stopped:
        gromov_wasserstein(x, y)
    monkeypatch.undo()
    partial, whole = stopped.value.partial, gromov_wasserstein(x, y)
    assert len(calls) == 1
    assert partial.status is Status.INTERRUPTED
    assert not partial.converged
    assert partial.lower_bound == whole.lower_bound
    assert partial.upper_bound >= whole.upper_bound


def test_a_time_limit_leaves_a_bracket_that_holds_and_much_time_changes_nothing():
    x, y = np.random.default_rng(8).random((30, 2)), np.random.default_rng(9).random((25, 2))
    whole = gromov_wasserstein(x, y)
    cut, pieces = gromov_wasserstein(x, y, max_seconds=1e-9), gromov_wasserstein(x, y, max_seconds=1e6)
    assert (whole.status, cut.status) == (Status.LOCAL, Status.RESOURCE_LIMIT)
    assert cut.lower_bound == whole.lower_bound
    assert cut.upper_bound > whole.upper_bound  # one iteration of the first descent
    np.testing.assert_allclose(cut.plan.toarray().sum(axis=0), np.full(25, 1 / 25), atol=1e-15)
    assert pieces.status is Status.LOCAL
    assert pieces.upper_bound == pytest.approx(whole.upper_bound, rel=1e-12)
    assert gromov_wasserstein(x, y, max_seconds=1e308).status is Status.LOCAL


def test_a_descent_in_pieces_takes_the_same_way(monkeypatch):
    """By a clock by which the first iteration takes a second, and all that were allowed then take a hundred."""
    x, y = np.random.default_rng(8).random((30, 2)), np.random.default_rng(9).random((25, 2))
    one, other = (gromov._Shape(points, np.ones(len(points)), "euclidean") for points in (x, y))
    start = gromov._starts(one, other)[0]
    plans = []
    for n in (2, 3):
        looks = iter([0.0, 1.0, 100.0])
        monkeypatch.setattr("time.perf_counter", lambda looks=looks: next(looks))
        plan, status = gromov._descent(one, other, start, 10_000, n + 0.5)
        monkeypatch.undo()
        known, by_count = gromov._descent(one, other, start, n, math.inf)
        assert (status, by_count) == (Status.RESOURCE_LIMIT, Status.ITERATION_LIMIT)
        np.testing.assert_allclose(plan, known, rtol=1e-12, atol=1e-15)
        plans.append(plan)
    assert np.abs(plans[0] - plans[1]).max() > 1e-3
