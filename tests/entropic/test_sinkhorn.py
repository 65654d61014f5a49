"""Smoothed transport against exact transport, convex optimisation, POT, and its own laws."""

from __future__ import annotations

import math
import signal
import threading
import tracemalloc

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import otgan
from otgan.entropic.ascent import ascend
from otgan.entropic.exponential import exponentials
from otgan.entropic.kernel import Kernel
from otgan.errors import InvalidInputError, MemoryLimitError, NotProvidedError
from otgan.solvers.limits import Limits


def samples(seed, n=40, m=30, dim=2, zeros=True):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, dim)), rng.normal(size=(m, dim)) + 0.5
    a, b = rng.random(n) + 0.1, rng.random(m) + 0.1
    if zeros:
        a[: n // 4], b[: m // 4] = 0, 0
    return x, y, a / a.sum(), b / b.sum()


def dense(solution):
    return solution.plan.rows(slice(None))


def test_exponentials_are_good_to_a_few_ulp():
    values = -np.concatenate([np.linspace(0, 2, 5000), np.geomspace(1e-300, 699, 5000), [700, 1e9]])
    out, power = np.empty_like(values), np.empty_like(values)
    exponentials(values.copy(), out, power, power.view(np.int64))
    np.testing.assert_allclose(out[:-1], np.exp(values[:-1]), rtol=2e-15)
    assert out[-1] == out[-2]


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    log_epsilon=st.floats(-4, 3),
    p=st.sampled_from([1.0, 1.5, 2.0]),
    metric=st.sampled_from(["euclidean", "cityblock", "chebyshev"]),
    dim=st.sampled_from([1, 2, 5]),
    stop=st.sampled_from([1, 2, 7, 10_000]),
)
def test_bracket_holds_wherever_it_stops(seed, log_epsilon, p, metric, dim, stop):
    x, y, a, b = samples(seed, n=12, m=17, dim=dim)
    if seed % 3 == 0:
        y[-5:] = x[-5:]  # points that both sides share
    exact = otgan.wasserstein(x, y, a, b, p=p, metric=metric)
    found = otgan.sinkhorn(x, y, a, b, epsilon=10**log_epsilon, p=p, metric=metric, max_iter=stop)
    assert found.lower_bound <= exact.upper_bound
    assert exact.lower_bound <= found.upper_bound
    assert found.lower_bound <= found.distance <= found.upper_bound
    assert found.converged is (found.stats.marginal_violation <= 1e-6) or found.status is otgan.Status.ROUNDING


def test_marginal_violation_is_that_of_the_plan():
    x, y, a, b = samples(0)
    for stop in (1, 10_000):
        found = otgan.sinkhorn(x, y, a, b, epsilon=0.05, max_iter=stop)
        plan = dense(found)
        violation = abs(plan.sum(axis=0) - b).sum() + abs(plan.sum(axis=1) - a).sum()
        assert found.stats.marginal_violation == pytest.approx(violation, rel=1e-3, abs=1e-12)
    assert found.status is otgan.Status.CONVERGED
    assert violation <= 1e-6


def test_value_is_the_minimum_of_a_convex_problem():
    x, y, a, b = samples(1, n=3, m=4, zeros=False)
    costs, epsilon = np.linalg.norm(x[:, None] - y, axis=2), 0.3

    def objective(logits):
        plan = np.exp(logits.reshape(3, 4))
        return (plan * costs).sum() + epsilon * (plan * (np.log(plan / np.outer(a, b)) - 1)).sum() + epsilon

    rules = [{"type": "eq", "fun": lambda z: np.exp(z.reshape(3, 4)).sum(axis=1) - a}]
    rules += [{"type": "eq", "fun": lambda z: np.exp(z.reshape(3, 4)).sum(axis=0)[1:] - b[1:]}]
    best = minimize(objective, np.log(np.outer(a, b)).ravel(), constraints=rules, options={"ftol": 1e-13})
    found = otgan.sinkhorn(x, y, a, b, epsilon=epsilon, tol=1e-12)
    assert found.regularised_cost == pytest.approx(best.fun, abs=1e-6)
    assert found.regularised_cost in found.regularised
    plan = dense(found)
    primal = (plan * costs).sum() + epsilon * (plan * np.log(plan / np.outer(a, b))).sum()
    assert found.regularised_cost == pytest.approx(primal, abs=1e-11)


@pytest.mark.parametrize(("epsilon", "p"), [(0.5, 1), (0.05, 1), (0.2, 2)])
def test_plan_is_that_of_pot(epsilon, p):
    x, y, a, b = samples(2, zeros=False)
    costs = np.linalg.norm(x[:, None] - y, axis=2) ** p
    theirs = ot.sinkhorn(a, b, costs, epsilon, method="sinkhorn_log", stopThr=1e-12, numItermax=20_000)
    found = otgan.sinkhorn(x, y, a, b, epsilon=epsilon, p=p, tol=1e-11)
    np.testing.assert_allclose(dense(found), theirs, atol=1e-10)
    assert found.primal_cost == pytest.approx((theirs * costs).sum(), abs=1e-9)


def test_small_epsilon_is_exact_transport_and_large_the_product():
    x, y, a, b = samples(3)
    exact = otgan.wasserstein(x, y, a, b)
    sharp = otgan.sinkhorn(x, y, a, b, epsilon=1e-4)
    assert sharp.distance == pytest.approx(exact.distance, abs=1e-3)
    assert sharp.gap < 2e-3
    blunt = otgan.sinkhorn(x, y, a, b, epsilon=1e9)
    np.testing.assert_allclose(dense(blunt), np.outer(a, b), atol=1e-9)


def test_symmetric_and_covariant():
    x, y, a, b = samples(4)
    found = otgan.sinkhorn(x, y, a, b, epsilon=0.1, tol=1e-10)
    swapped = otgan.sinkhorn(y, x, b, a, epsilon=0.1, tol=1e-10)
    moved = otgan.sinkhorn(x + 7, y + 7, a, b, epsilon=0.1, tol=1e-10)
    np.testing.assert_allclose(dense(swapped).T, dense(found), atol=1e-9)
    np.testing.assert_allclose(dense(moved), dense(found), atol=1e-9)
    for scale in (1e-120, 1e-3, 1e120):
        scaled = otgan.sinkhorn(scale * x, scale * y, a, b, epsilon=0.1 * scale, tol=1e-10)
        assert scaled.regularised_cost == pytest.approx(scale * found.regularised_cost, rel=1e-8)
        assert scaled.lower_bound == pytest.approx(scale * found.lower_bound, rel=1e-8)
        assert scaled.upper_bound == pytest.approx(scale * found.upper_bound, rel=1e-8)


def test_float32_loses_nothing():
    x, y, a, b = (part.astype(np.float32) for part in samples(5))
    single = otgan.sinkhorn(x, y, a, b, epsilon=0.05, tol=1e-11)
    double = otgan.sinkhorn(*(part.astype(float) for part in (x, y, a, b)), epsilon=0.05, tol=1e-11)
    assert single.regularised_cost == double.regularised_cost
    assert single.stats.marginal_violation <= 1e-11


def test_points_without_mass_get_soft_minima():
    x, y, a, b = samples(6)
    found = otgan.sinkhorn(x, y, a, b, epsilon=0.2, tol=1e-11)
    costs = np.linalg.norm(x[:, None] - y, axis=2)
    f = -0.2 * np.log((b * np.exp((found.g - costs) / 0.2)).sum(axis=1))
    g = -0.2 * np.log((a[:, None] * np.exp((found.f[:, None] - costs) / 0.2)).sum(axis=0))
    np.testing.assert_allclose(found.f, f, atol=1e-12)
    np.testing.assert_allclose(found.g, g, atol=1e-9)


def test_kernel_that_is_not_kept_says_the_same(monkeypatch):
    x, y, a, b = samples(7, n=300, m=200)
    kept = otgan.sinkhorn(x, y, a, b, epsilon=0.01)
    monkeypatch.setattr("otgan.entropic.kernel.BLOCK", 5_000)
    monkeypatch.setattr("otgan.entropic.front.KEEP", 0.0)
    made = otgan.sinkhorn(x, y, a, b, epsilon=0.01, max_memory=1e9)
    assert made.status is otgan.Status.CONVERGED
    assert made.regularised_cost == pytest.approx(kept.regularised_cost, abs=1e-9)
    assert made.upper_bound == pytest.approx(kept.upper_bound, abs=1e-6)


@pytest.mark.parametrize("metric", ["euclidean", "cityblock", "chebyshev"])
def test_torch_says_the_same(metric):
    x, y, a, b = samples(8)
    ours = otgan.sinkhorn(x, y, a, b, epsilon=0.02, p=2, metric=metric, tol=1e-9)
    theirs = otgan.sinkhorn(x, y, a, b, epsilon=0.02, p=2, metric=metric, tol=1e-9, device="cpu")
    assert theirs.converged
    np.testing.assert_allclose(dense(theirs), dense(ours), atol=1e-9)


def test_torch_refuses_what_it_has_not():
    with pytest.raises(NotProvidedError, match="leave device out"):
        otgan.sinkhorn([[0.0, 1.0]], [[1.0, 1.0]], epsilon=1.0, metric="haversine", device="cpu")
    with pytest.raises(InvalidInputError, match="device must be a torch device"):
        otgan.sinkhorn([[0.0, 1.0]], [[1.0, 1.0]], epsilon=1.0, device="abacus")


def test_plan_applies_like_its_matrix():
    x, y, a, b = samples(9)
    found = otgan.sinkhorn(x, y, a, b, epsilon=0.05)
    plan, rng = dense(found), np.random.default_rng(0)
    right, left = rng.normal(size=(30, 3)), rng.normal(size=40)
    np.testing.assert_allclose(found.plan @ right, plan @ right, atol=1e-13)
    np.testing.assert_allclose(found.plan.apply_transposed(left), plan.T @ left, atol=1e-13)
    np.testing.assert_allclose(found.plan.to_sparse().toarray(), plan, atol=1e-12)
    moved = found.barycentric_map()
    np.testing.assert_allclose(moved[20], plan[20] @ y / plan[20].sum())
    rows, columns, mass = found.matched_pairs()  # rounded to exact marginals
    np.testing.assert_allclose(np.bincount(rows, mass, 40), a, atol=1e-15)
    np.testing.assert_allclose(np.bincount(columns, mass, 30), b, atol=1e-15)


def test_potentials_are_feasible():
    x, y, a, b = samples(10)
    potentials = otgan.sinkhorn(x, y, a, b, epsilon=0.05).potentials
    costs = np.linalg.norm(x[:, None] - y, axis=2)
    assert (potentials.f[:, None] + potentials.g <= costs + 1e-12).all()
    np.testing.assert_allclose(potentials(x), potentials.f, atol=1e-12)


def test_one_pass_is_all_that_one_atom_needs():
    found = otgan.sinkhorn([[0.0, 0.0]], [[3.0, 4.0]], epsilon=0.1)
    assert found.distance == 5.0
    assert found.gap < 1e-12
    same = otgan.sinkhorn([[1.0, 1.0]] * 3, [[1.0, 1.0]] * 2, epsilon=0.1)
    assert same.distance == same.upper_bound == 0.0


def test_stops_in_time_and_by_ctrl_c():
    x, y, a, b = samples(11, n=400, m=400)
    found = otgan.sinkhorn(x, y, a, b, epsilon=1e-5, tol=1e-14, max_seconds=1e-6)
    assert found.status is otgan.Status.RESOURCE_LIMIT
    assert found.lower_bound <= otgan.wasserstein(x, y, a, b).distance <= found.upper_bound
    timer = threading.Timer(0.05, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(otgan.errors.Interrupted) as stopped:
        otgan.sinkhorn(x, y, a, b, epsilon=1e-7, tol=0)
    assert stopped.value.partial.lower_bound <= stopped.value.partial.upper_bound


@pytest.mark.parametrize(
    ("settings_", "match"),
    [
        ({"epsilon": 0}, "epsilon must be in"),
        ({"epsilon": -1}, "epsilon must be in"),
        ({"epsilon": math.nan}, "epsilon must be in"),
        ({"epsilon": "small"}, "epsilon must be a real number"),
        ({"epsilon": 1e251}, r"epsilon must be in \[1e-250, 1e\+250\]"),
        ({"epsilon": 1, "tol": -1}, "tol must be in"),
        ({"epsilon": 1, "p": 0.5}, "p must be in"),
        ({"epsilon": 1, "max_iter": 0}, "max_iter must be between"),
    ],
)
def test_bad_settings_are_refused(settings_, match):
    with pytest.raises(InvalidInputError, match=match):
        otgan.sinkhorn([0.0], [1.0], **settings_)


def test_memory_is_refused_before_it_is_taken():
    with pytest.raises(MemoryLimitError, match="max_memory"):
        otgan.sinkhorn(np.zeros((1000, 2)), np.ones((1000, 2)), epsilon=1, max_memory=1e5)
    with pytest.raises(NotProvidedError, match="store its f, g and epsilon"):
        otgan.sinkhorn([0.0], [1.0], epsilon=1).save("plan.npz")


@pytest.mark.parametrize(("p", "max_memory"), [(1, 3.2e7), (2, 3.2e7), (2, 6.5e7), (2, 1.5e8)])
def test_memory_stays_below_what_is_allowed(p, max_memory):
    x = np.random.default_rng(13).normal(size=(1500, 2))
    tracemalloc.start()
    try:
        otgan.sinkhorn(x, x + 1, epsilon=1, p=p, max_memory=max_memory, max_iter=2)
    except MemoryLimitError:
        assert max_memory < 4e7
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < max_memory


@pytest.mark.parametrize("exponent", [-660, 660])
def test_other_units_change_nothing_else(exponent):
    """A factor of a power of two is exact, and squares of such costs leave float64."""
    x, y, a, b = samples(14)
    here, there = (otgan.sinkhorn(x * s, y * s, a, b, epsilon=0.01 * s) for s in (1.0, 2.0**exponent))
    assert there.passes == here.passes
    assert there.distance == here.distance * 2.0**exponent
    with pytest.raises(InvalidInputError, match="epsilon must be in"):  # the ratio leaves float64
        otgan.sinkhorn(x * 2.0**660, y * 2.0**660, a, b, epsilon=1e-200)


@pytest.mark.parametrize("epsilon", [1e-12, 1e-16, 1e-30, 1e-200])
def test_plans_have_their_mass_where_epsilon_is_below_rounding(epsilon):
    x, y, a, b = samples(15)
    found = otgan.sinkhorn(x, y, a, b, epsilon=epsilon, max_iter=30)
    np.testing.assert_allclose(dense(found).sum(axis=1), a, rtol=1e-13)
    assert abs(dense(found).sum(axis=0) - b).sum() == pytest.approx(found.stats.marginal_violation, rel=1e-3)
    assert (dense(found)[:, b == 0] == 0).all()


def test_says_rounding_only_where_rounding_is_what_is_left():
    """A climb that still gains is stopped by max_iter, and says so, however long its error stays where it is."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(150, 2)), rng.normal(size=(150, 2)) + 1
    gaining = otgan.sinkhorn(x, y, epsilon=1e-9, max_iter=400)
    assert gaining.status is otgan.Status.ITERATION_LIMIT
    assert otgan.sinkhorn(x[:30], y[:30], epsilon=0.1, tol=0).status is otgan.Status.ROUNDING


def test_start_is_not_lost_where_no_time_is_left_for_a_look_at_it():
    x, y, a, b = samples(16, zeros=False)
    good = otgan.sinkhorn(x, y, a, b, epsilon=0.1)
    costs = otgan.costs.point_costs(x, y)
    limits = Limits(1e-6, 100, math.inf, math.inf, lambda: True)
    found = ascend(
        Kernel(costs, a, b, keep=True),
        0.1,
        1e-6,
        limits,
        start=lambda at: good.g,
        start_at=0.0,
        most_entries=1e6,
        show=lambda text: None,
    )
    assert found.status is otgan.Status.INTERRUPTED
    assert found.passes == 0
    assert found.error == pytest.approx(good.stats.marginal_violation, abs=1e-12)


def test_blur_is_a_length():
    assert otgan.blur_to_epsilon(0.5) == 0.5
    assert otgan.blur_to_epsilon(0.5, p=2) == 0.25
    with pytest.raises(InvalidInputError, match="blur must be in"):
        otgan.blur_to_epsilon(0)
