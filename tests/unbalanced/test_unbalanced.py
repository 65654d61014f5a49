"""Transport that makes and loses mass: closed forms, convex minimisation, POT, and the laws that it obeys."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from otgan.errors import Interrupted, InvalidValueError, MemoryLimitError
from otgan.solution import Status
from otgan.solve import wasserstein
from otgan.unbalanced import unbalanced_wasserstein
from otgan.unbalanced.bounds import lower_bound, primal_bound


def distances(x, y, p=1):
    return np.linalg.norm(x[:, None] - y, axis=2) ** p


def divergence(r, a):
    return float(np.sum(np.where(r > 0, r * np.log(np.maximum(r, 1e-300) / a), 0) - r + a))


def cost_of(plan, costs, a, b, rho):
    return float((plan * costs).sum()) + rho * (divergence(plan.sum(1), a) + divergence(plan.sum(0), b))


def example(seed, n=7, m=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 2)), rng.normal(size=(m, 2)) + 1, rng.random(n) + 0.1, 2 * rng.random(m) + 0.1


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(("a", "b", "far", "reach"), [(2.0, 0.5, 1.3, 0.7), (1.0, 1.0, 0.0, 3.0), (0.2, 9.0, 4.0, 1.0)])
def test_one_point_to_one_point(a, b, far, reach, p):
    epsilon, rho, cost = 0.1, reach**p, far**p
    found = unbalanced_wasserstein([0.0], [far], [a], [b], reach=reach, epsilon=epsilon, p=p, tol=1e-13)
    # The derivative of t c + ρ KL(t|a) + ρ KL(t|b) vanishes at t = √(ab) exp(−c / 2ρ), and the rest is ρ (a + b − 2t).
    truth = rho * (a + b) - 2 * rho * math.sqrt(a * b) * math.exp(-cost / (2 * rho))
    tiny = 1e-13 * rho * (a + b)
    assert found.cost == pytest.approx(truth, abs=tiny)
    assert found.cost_bounds.lower <= truth + 1e-15 * rho * (a + b)
    assert truth - 1e-15 * rho * (a + b) <= found.cost_bounds.upper
    assert found.cost_bounds.width <= tiny
    # The same with ε KL(t | ab): log t = ((ρ + ε) log(ab) − c) / (2ρ + ε).
    t = math.exp(((rho + epsilon) * math.log(a * b) - cost) / (2 * rho + epsilon))
    assert found.mass == pytest.approx(t, rel=1e-5)
    smoothed = rho * (a + b) + epsilon * a * b - (2 * rho + epsilon) * t
    assert found.smoothed_cost == pytest.approx(smoothed, abs=1e-12 * rho * (a + b))


@pytest.mark.parametrize("seed", [0, 1])
def test_convex_minimisation_lies_in_the_bracket(seed):
    x, y, a, b = example(seed, 3, 2)
    costs, rho = distances(x, y), 0.8

    def value(logs):
        plan = np.exp(logs).reshape(3, 2)
        slope = costs + rho * (np.log(plan.sum(1) / a)[:, None] + np.log(plan.sum(0) / b))
        return cost_of(plan, costs, a, b, rho), (slope * plan).ravel()

    truth = minimize(value, np.full(6, -1.0), jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-10}).fun
    wide = None
    for epsilon in (0.3, 0.03, 0.003):
        found = unbalanced_wasserstein(x, y, a, b, reach=rho, epsilon=epsilon)
        assert found.status is Status.CONVERGED
        assert found.cost_bounds.lower <= truth * (1 + 1e-12)
        assert truth <= found.cost_bounds.upper * (1 + 1e-7)  # as exactly as L-BFGS minimises
        assert wide is None or found.gap < wide / 3
        wide = found.gap
    assert found.relative_gap < 1e-3


def test_pot_agrees():
    import ot

    x, y, a, b = example(3)
    found = unbalanced_wasserstein(x, y, a, b, reach=0.8, epsilon=0.05, tol=1e-13)
    peer = ot.unbalanced.sinkhorn_unbalanced(
        a, b, distances(x, y), 0.05, 0.8, reg_type="kl", stopThr=1e-13, numItermax=100_000
    )
    # The gap is quadratic in the plan: 1e-13 of the one is about 1e-6 of the other.
    np.testing.assert_allclose(found.plan, peer, atol=2e-6)
    np.testing.assert_allclose(found.source_moved, peer.sum(1), atol=2e-6)
    np.testing.assert_allclose(found.target_reached, peer.sum(0), atol=2e-6)
    entropy = divergence(found.plan.ravel(), np.outer(a, b).ravel())
    smoothed = cost_of(found.plan, distances(x, y), a, b, 0.8) + 0.05 * entropy
    assert found.smoothed_cost == pytest.approx(smoothed, rel=1e-11)
    # Without smoothing, by majorisation and minimisation: an upper bound, and near to the optimum.
    plan = ot.unbalanced.mm_unbalanced(a, b, distances(x, y), 0.8, numItermax=20_000, stopThr=1e-12)
    sharp = unbalanced_wasserstein(x, y, a, b, reach=0.8, epsilon=0.002)
    truth = cost_of(plan, distances(x, y), a, b, 0.8)
    assert sharp.cost_bounds.lower <= truth <= sharp.cost_bounds.upper * (1 + 1e-4)


@pytest.mark.parametrize("p", [1, 2])
def test_far_reach_is_balanced_transport(p):
    x, y, _, _ = example(4)
    balanced = wasserstein(x, y, p=p)
    found = unbalanced_wasserstein(x, y, reach=1e4, epsilon=0.002, p=p)
    assert found.lower_bound <= balanced.upper_bound  # the balanced plan pays no penalty
    assert found.upper_bound == pytest.approx(balanced.distance, rel=0.01)
    assert found.lower_bound == pytest.approx(balanced.distance, rel=0.01)
    assert found.mass == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(found.source_moved, 1 / 7, atol=1e-3)


def test_what_is_out_of_reach_is_lost():
    x, y = np.array([[0.0], [1000.0]]), np.array([[0.0], [-1000.0]])
    found = unbalanced_wasserstein(x, y, [1.0, 2.0], [1.0, 3.0], reach=1.0, epsilon=1e-3)
    # The far points pay for their whole mass, and the near ones nothing.
    assert found.cost_bounds.lower <= 5 <= found.cost_bounds.upper * (1 + 1e-12)
    assert found.relative_gap < 1e-3
    assert found.plan[1].sum() == found.plan[:, 1].sum() == 0


@given(seed=st.integers(0, 2**32 - 1), rho=st.floats(0.05, 20), size=st.floats(-3, 3))
@settings(max_examples=30)
def test_any_potentials_prove_less_than_any_plan_costs(seed, rho, size):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 5, 2)
    costs, a, b = rng.random((n, m)) * 3, rng.random(n) + 1e-3, rng.random(m) + 1e-3
    f, g = rng.normal(size=n) * 10**size, rng.normal(size=m) * 10**size
    lower, potential = lower_bound(costs, f, g, a, b, rho)
    plan = rng.random((n, m)) * (rng.random((n, m)) < 0.7) * 10 ** rng.normal()
    cost, upper = primal_bound(plan, costs, a, b, rho)
    assert 0 <= lower <= upper
    assert cost <= upper <= cost * (1 + 1e-12) + 1e-12
    assert cost <= cost_of(plan, costs, a, b, rho) * (1 + 1e-12)  # scaled to its best mass
    # The potential that is handed back proves what is claimed, by the formula.
    other = (costs - potential[:, None]).min(axis=0)
    value = rho * (a @ -np.expm1(-potential / rho) + b @ -np.expm1(-other / rho))
    assert max(value, 0.0) >= lower - 1e-12


@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(1, 40), epsilon=st.sampled_from([1e-5, 1e-2, 10.0]))
@settings(max_examples=15)
def test_bracket_holds_wherever_it_stops(seed, steps, epsilon):
    x, y, a, b = example(seed, 4, 3)
    sharp = unbalanced_wasserstein(x, y, a, b, reach=0.5, epsilon=0.01)
    found = unbalanced_wasserstein(x, y, a, b, reach=0.5, epsilon=epsilon, max_iter=steps)
    assert np.isfinite(found.plan).all()
    assert found.cost_bounds.lower <= sharp.cost_bounds.upper
    assert sharp.cost_bounds.lower <= found.cost_bounds.upper
    assert (found.potentials.f[:, None] + found.potentials.g <= distances(x, y) + 1e-12).all()


def test_laws():
    x, y, a, b = example(5)
    found = unbalanced_wasserstein(x, y, a, b, reach=0.8, epsilon=0.01, p=2)
    back = unbalanced_wasserstein(y, x, b, a, reach=0.8, epsilon=0.01, p=2)
    assert back.smoothed_cost == pytest.approx(found.smoothed_cost, rel=1e-8)
    moved = unbalanced_wasserstein(x + 7, y + 7, a, b, reach=0.8, epsilon=0.01, p=2)
    assert moved.smoothed_cost == pytest.approx(found.smoothed_cost, rel=1e-8)
    larger = unbalanced_wasserstein(10 * x, 10 * y, a, b, reach=8.0, epsilon=1.0, p=2)
    assert larger.smoothed_cost == pytest.approx(100 * found.smoothed_cost, rel=1e-8)
    double = unbalanced_wasserstein(x, y, 2 * a, 2 * b, reach=0.8, epsilon=0.01, p=2)
    assert double.cost_bounds.lower <= 2 * found.cost_bounds.upper
    assert 2 * found.cost_bounds.lower <= double.cost_bounds.upper


def test_point_without_mass_has_no_part():
    x, y, a, b = example(6)
    without = unbalanced_wasserstein(x, y, a, b, reach=0.8, epsilon=0.05)
    more = unbalanced_wasserstein(
        np.vstack([x, y[:1]]), np.vstack([x[:1], y]), [*a, 0.0], [0.0, *b], reach=0.8, epsilon=0.05
    )
    assert more.cost_bounds == without.cost_bounds
    assert not more.plan[-1].any()
    assert not more.plan[:, 0].any()
    np.testing.assert_allclose(more.potentials(x), without.potentials.f, atol=1e-12)


def test_interruption_leaves_a_transport(monkeypatch):
    from contextlib import contextmanager

    from otgan.unbalanced import kullback_leibler

    @contextmanager
    def pressed():
        yield lambda: True

    monkeypatch.setattr(kullback_leibler, "interrupts", pressed)
    with pytest.raises(Interrupted) as caught:
        unbalanced_wasserstein([0.0, 1.0], [3.0, 9.0], reach=1.0, epsilon=1e-4)
    stopped = caught.value.partial
    assert stopped.status is Status.INTERRUPTED
    assert not stopped.converged
    assert 0 < stopped.lower_bound <= stopped.upper_bound <= 2


def test_limit_of_time():
    x, y, a, b = example(7)
    found = unbalanced_wasserstein(x, y, a, b, reach=0.8, epsilon=1e-4, max_seconds=1e-9)
    assert found.status is Status.RESOURCE_LIMIT
    assert found.lower_bound <= found.distance <= found.upper_bound


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("amount", "rho"), [(5e-324, 1.0), (1e-310, 1e-30), (1e-200, 1e-190), (1e40, 1.0)])
def test_a_plan_of_next_to_nothing_costs_what_to_move_nothing_costs(amount, rho):
    a, b = np.array([350.0]), np.array([2e-4])
    cost, bound = primal_bound(np.array([[amount]]), np.array([[1e5 * rho]]), a, b, rho)
    assert cost == pytest.approx(rho * 350.0002, rel=1e-14)
    assert cost <= bound <= cost * (1 + 1e-13)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("a", "b", "reach", "epsilon", "length"),
    [
        (1e26, 1e-20, 1.0, 1e-6, 1.0),  # masses that differ by far
        (3e11, 8e26, 1.0, 1e-20, 0.3),  # smoothing below the rounding of the potentials
        (0.7, 9e11, 1.0, 1e-20, 0.1),
        (1e3, 1e2, 1e99, 1e180, 1e100),  # costs whose products leave float64
    ],
)
def test_settings_far_apart(a, b, reach, epsilon, length):
    """Against the closed form for a point and a point, with one more that coincides with the first of them."""
    x, y, p = [0.0, 0.0], [length], 2 if length > 1e50 else 1
    found = unbalanced_wasserstein(x, y, [a / 4, 3 * a / 4], [b], reach=reach, epsilon=epsilon, p=p, max_iter=50)
    price = reach**p
    truth = price * (a + b) - 2 * price * math.sqrt(a) * math.sqrt(b) * math.exp(-(length**p) / price / 2)
    assert found.cost_bounds.lower * (1 - 1e-14) <= truth <= found.cost_bounds.upper * (1 + 1e-14)
    assert found.cost_bounds.upper <= price * (a + b) * (1 + 1e-13)  # to move nothing is a plan too
    assert np.isfinite(found.plan).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reach": 0}, "reach must be in"),
        ({"reach": math.inf}, "reach must be finite, got inf; where no mass may be lost, call otgan.wasserstein"),
        ({"reach": 1e-150, "p": 2}, "reach must have a power p in 1e-200 to 1e200"),
        ({"epsilon": 0}, "epsilon must be in"),
    ],
)
def test_bad_settings(change, message):
    with pytest.raises(InvalidValueError, match=message):
        unbalanced_wasserstein([0.0], [1.0], **({"reach": 1.0, "epsilon": 0.1} | change))


def test_memory():
    with pytest.raises(MemoryLimitError, match="unbalanced transport needs"):
        unbalanced_wasserstein(np.zeros(99), np.ones(99), reach=1.0, epsilon=0.1, max_memory=1000)
