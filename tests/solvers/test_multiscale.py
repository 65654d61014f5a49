"""The multiscale solver against certain optima, HiGHS and POT, on easy and on hard problems, finished or stopped."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import otgan
from otgan import solve
from otgan.costs import coordinate_bytes
from otgan.errors import Interrupted, MemoryLimitError
from otgan.problem import problem_from_points
from otgan.solution import Status
from otgan.solvers import multiscale
from otgan.solvers.dense import solve_dense
from otgan.solvers.limits import Limits
from tests.strategies import contains, samples
from tests.truth import certain_optimum

SIDES = ["euclidean", "cityblock", "chebyshev"]


def peer(x, y, a=None, b=None, p=1, metric="euclidean"):
    """POT's network simplex."""
    costs = otgan.costs.point_costs(x, y, metric=metric, p=p).block(slice(None), slice(None))
    a = np.full(len(x), 1 / len(x)) if a is None else a / a.sum()
    b = np.full(len(y), 1 / len(y)) if b is None else b / b.sum()
    return ot.emd2(a, b, costs, numItermax=10**9, check_marginals=False)


@settings(max_examples=150)
@given(samples(max_points=7), st.sampled_from([1, 2]), st.sampled_from(SIDES))
def test_certain_optimum_is_in_the_bracket(sample, p, metric):
    solution = otgan.wasserstein(sample.x, sample.y, sample.a, sample.b, p=p, metric=metric, method="multiscale")
    truth = certain_optimum(sample.x, sample.y, sample.a, sample.b, metric=metric, p=p)
    cost = solution.certificate.cost
    assert contains(cost.lower, cost.upper, truth)
    scale = solution.problem.costs.scale
    assert solution.cost == pytest.approx(float(truth), rel=1e-9, abs=1e-9 * scale)


def eight_to_one(rng, n, m):
    angle = np.pi / 4 * rng.integers(0, 8, n)
    ring = 2 * np.column_stack([np.cos(angle), np.sin(angle)]) + 0.1 * rng.normal(size=(n, 2))
    return ring, rng.normal(size=(m, 2))


def lattice(rng, n, m):
    return rng.integers(0, 9, (n, 2)).astype(float), rng.integers(0, 9, (m, 2)).astype(float)


def permuted_grid(rng, n, m):
    side = int(np.sqrt(n))
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2).astype(float)
    return grid, np.concatenate([grid + [side, 0], grid])


def collinear(rng, n, m):
    direction = np.array([[1.0, 2.0, -1.0]])
    return rng.normal(size=(n, 1)) * direction, rng.normal(size=(m, 1)) * direction


def far_clusters(rng, n, m):
    return (rng.normal(size=(k, 2)) + 1e8 * rng.integers(0, 2, (k, 1)) for k in (n, m))


def duplicates(rng, n, m):
    some = rng.normal(size=(40, 3))
    return some[rng.integers(0, 40, n)], some[rng.integers(0, 40, m)] + [1, 0, 0]


HARD = [eight_to_one, lattice, permuted_grid, collinear, far_clusters, duplicates]


def weights(rng, n, kind):
    if kind == "equal":
        return None
    if kind == "zeros":
        return rng.random(n) * (rng.random(n) < 0.6) + 1e-3 * (np.arange(n) == 0)
    return 10.0 ** rng.uniform(-12, 0, n)


@pytest.mark.filterwarnings("ignore::otgan.errors.WeightsWarning")
@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("kind", ["equal", "zeros", "twelve orders"])
@pytest.mark.parametrize("law", HARD, ids=lambda law: law.__name__)
def test_hard_cases_agree_with_a_peer(law, kind, p):
    rng = np.random.default_rng(5)
    x, y = law(rng, 300, 200)
    a, b = weights(rng, len(x), kind), weights(rng, len(y), kind)
    solution = otgan.wasserstein(x, y, a, b, p=p, method="multiscale")
    assert solution.stats.solver in ("multiscale", "common mass")
    # The peer's tolerance is absolute, in units of the largest cost.
    assert solution.cost == pytest.approx(peer(x, y, a, b, p), rel=1e-9, abs=1e-12 * solution.problem.costs.scale)
    if p == 1:
        assert solution.converged


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 700), (700, 1), (2, 1500), (513, 511)])
@pytest.mark.parametrize("metric", [*SIDES, "haversine"])
def test_lopsided_sizes_and_all_metrics(n, m, metric):
    rng = np.random.default_rng(6)
    x, y = (rng.uniform([-80, -180], [80, 180], (k, 2)) for k in (n, m))
    solution = otgan.wasserstein(x, y, metric=metric, method="multiscale")
    assert solution.converged
    assert solution.distance == pytest.approx(peer(x, y, metric=metric), rel=1e-9)


@pytest.mark.parametrize("d", [3, 10, 40])
def test_higher_dimensions(d):
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(600, d)), rng.normal(size=(500, d)) + 0.5
    solution = otgan.wasserstein(x, y, method="multiscale")
    assert solution.converged
    assert solution.distance == pytest.approx(peer(x, y), rel=1e-9)


@pytest.mark.parametrize("n", [7000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_a_law_against_its_translate_at_scale(n):
    rng = np.random.default_rng(8)
    x = rng.normal(size=(n, 2))
    solution = otgan.wasserstein(x, rng.permutation(x) + [0.3, -0.4])
    assert solution.stats.solver == "multiscale"
    assert solution.converged
    assert solution.distance == pytest.approx(0.5, rel=1e-12)


def test_identical_measures():
    x = np.random.default_rng(9).normal(size=(800, 2))
    assert otgan.wasserstein(x, x[::-1], method="multiscale").upper_bound == 0
    assert otgan.wasserstein(x, x[::-1], p=2, method="multiscale").upper_bound <= 1e-12


def test_the_same_input_gives_the_same_plan():
    rng = np.random.default_rng(10)
    x, y = lattice(rng, 900, 900)
    plans = [otgan.wasserstein(x, y, method="multiscale").plan.toarray() for _ in range(2)]
    assert np.array_equal(*plans)


@settings(max_examples=40)
@given(st.integers(1, 20_000), st.sampled_from([1, 2]), st.sampled_from(HARD[:4]), st.integers(0, 2**32 - 1))
def test_stopped_after_any_pivot_the_bracket_holds(pivots, p, law, seed):
    rng = np.random.default_rng(seed)
    x, y = law(rng, 150, 120)
    stopped = otgan.wasserstein(x, y, p=p, max_iter=pivots, method="multiscale")
    truth = otgan.wasserstein(x, y, p=p, method="dense")
    assert stopped.lower_bound <= truth.upper_bound
    assert truth.lower_bound <= stopped.upper_bound
    assert stopped.converged or stopped.status is Status.ITERATION_LIMIT or p == 2


@pytest.mark.parametrize("seconds", [1e-9, 0.02, 0.05, 0.1])
def test_stopped_by_the_clock_the_bracket_holds(seconds):
    x, y = eight_to_one(np.random.default_rng(11), 3000, 3000)
    stopped = otgan.wasserstein(x, y, max_seconds=seconds)
    truth = otgan.wasserstein(x, y)
    assert truth.converged
    assert stopped.lower_bound <= truth.distance <= stopped.upper_bound
    assert stopped.converged or stopped.status is Status.RESOURCE_LIMIT
    assert stopped.relative_gap < 0.2  # cells alone are that good


@pytest.mark.parametrize("tol", [1e-1, 1e-3, 1e-6])
def test_stops_when_the_bracket_is_as_narrow_as_asked(tol):
    x, y = eight_to_one(np.random.default_rng(12), 2000, 2000)
    solution = otgan.wasserstein(x, y, tol=tol)
    assert solution.converged
    assert solution.relative_gap <= tol
    exact = otgan.wasserstein(x, y)
    assert solution.lower_bound <= exact.distance <= solution.upper_bound


def test_few_candidates_are_enough(monkeypatch):
    """With room for hardly more arcs than nodes, candidates are dropped again and again; the optimum is the same."""
    x, y = eight_to_one(np.random.default_rng(13), 1000, 1000)
    problem = problem_from_points(x, y)
    monkeypatch.setattr(multiscale, "BEST", 2)
    most = 2000 * (2 * multiscale.BEST + 1)
    fixed = 2000 * multiscale.BYTES_PER_NODE + coordinate_bytes(problem.costs)
    join, dropped = multiscale._Run._joined, []

    def spy(run, arcs, more, level):
        joined = join(run, arcs, more, level)
        dropped.append(len(arcs.rows) + len(more.rows) - len(joined.rows))
        return joined

    monkeypatch.setattr(multiscale._Run, "_joined", spy)
    limits = Limits(1e-11, 10**8, np.inf, fixed + most * multiscale.BYTES_PER_ARC, bool)
    raw = multiscale.solve_multiscale(problem, limits)
    assert sum(dropped) > 0
    assert raw.status is Status.OPTIMAL
    assert raw.mass @ problem.costs.at(raw.rows, raw.columns) == pytest.approx(peer(x, y), rel=1e-9)


def test_memory_limit():
    x = np.random.default_rng(14).normal(size=(3000, 2))
    with pytest.raises(MemoryLimitError, match=r"the multiscale solver needs about .* raise max_memory"):
        otgan.wasserstein(x, x + 1, max_memory=1e5)
    wide = np.broadcast_to(x[:, :1], (3000, 5000))  # the points alone take 240 MB
    with pytest.raises(MemoryLimitError, match="the multiscale solver needs about 1"):
        otgan.wasserstein(wide, wide + 1, method="multiscale", max_memory=2.4e8)


@pytest.mark.parametrize(("solver", "size"), [(solve_dense, 1500), (multiscale.solve_multiscale, 500)])
def test_limits_are_looked_at_now_and_then(solver, size):
    problem = problem_from_points(*eight_to_one(np.random.default_rng(16), size, size))
    assert solver(problem, Limits(1e-11, 10**8, np.inf, 2**32, lambda: True)).status is Status.INTERRUPTED


@pytest.mark.parametrize(
    ("points", "last_step"),
    [([0.0, 1.0, 5.0], "solve_in_closed_form"), ([[0.0, 0.0], [1.0, 0.0], [5.0, 1.0]], "_certified")],
)
def test_ctrl_c_is_never_swallowed(points, last_step, monkeypatch):
    """One that comes while nothing looks for it, such as during the proof, is raised at the end."""
    step = getattr(solve, last_step)

    def pressed(*arguments, **settings):
        os.kill(os.getpid(), signal.SIGINT)
        return step(*arguments, **settings)

    monkeypatch.setattr(solve, last_step, pressed)
    with pytest.raises(Interrupted) as caught:
        otgan.wasserstein(points, points[:2], p=2)
    assert caught.value.partial.converged


def test_a_second_attempt_is_taken_only_if_it_proves_more(monkeypatch):
    """Masses are rounded first; where that keeps the bracket wide it is done again, but time may be short by then."""
    rng = np.random.default_rng(17)
    x = rng.integers(0, 3, (6, 2)).astype(float)
    y = x + 1e-9 * rng.integers(1, 3, (6, 2))
    x[0] = y[0] = [1e6, 1e6]  # what is rounded may have to go that far
    a = rng.dirichlet(np.ones(6))
    exact = otgan.wasserstein(x, y, a, a)
    assert exact.converged
    by, calls = solve._solve_by, []

    def short_of_time(*arguments):
        calls.append(arguments)
        found = by(*arguments)
        return found if len(calls) == 1 else replace(found, columns=found.columns[::-1])

    monkeypatch.setattr(solve, "_solve_by", short_of_time)
    found = otgan.wasserstein(x, y, a, a)
    assert len(calls) == 2
    assert found.status is Status.ROUNDING
    assert found.lower_bound <= exact.distance <= found.upper_bound < 2 * exact.distance


def test_interrupted_it_hands_over_what_it_has():
    x, y = eight_to_one(np.random.default_rng(15), 6000, 6000)
    otgan.wasserstein(x[:1000], y[:1000])  # compile first
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(Interrupted) as caught:
        otgan.wasserstein(x, y)
    partial = caught.value.partial
    assert partial.status is Status.INTERRUPTED
    truth = otgan.wasserstein(x, y)
    assert partial.lower_bound <= truth.distance <= partial.upper_bound
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("metric", ["euclidean", "haversine"])
def test_cells_of_points_at_the_pole_stay_on_the_globe(metric):
    # the mean of equal numbers may round to another one, and here that leaves the metric's domain
    rng = np.random.default_rng(4)
    x = np.column_stack([np.full(300, 90.0), np.full(300, 360.0)])
    y = np.column_stack([rng.uniform(-90, 90, 50), np.full(50, -360.0)])
    a = rng.dirichlet(np.ones(300))
    solution = otgan.wasserstein(x, y, a, metric=metric, method="multiscale")
    assert solution.converged
    assert solution.distance == pytest.approx(peer(x, y, a, metric=metric), rel=1e-9)


@pytest.mark.parametrize("method", ["dense", "multiscale", "network-simplex"])
def test_points_without_mass_say_nothing_on_the_line(method):
    # there all points take part in the lower bound, and some have no potential from the solver
    rng = np.random.default_rng(85)
    x, y = rng.integers(0, 9, 60) / 4, rng.normal(size=40)
    a = rng.dirichlet(np.ones(60)) * (rng.random(60) < 0.5)
    a /= a.sum()
    solution = otgan.wasserstein(x, np.concatenate([y, x[:10]]), a, method=method)
    assert solution.converged
    assert solution.distance == pytest.approx(otgan.wasserstein(x, np.concatenate([y, x[:10]]), a).distance, rel=1e-12)
