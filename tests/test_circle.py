"""W_p on the circle against linear programs on the arc lengths, exact rationals, and the laws of rotations."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import otgan
from otgan.circle import circle_wasserstein
from otgan.errors import InvalidShapeError, InvalidValueError, InvalidWeightsError, NotProvidedError
from otgan.solution import Status
from tests.strategies import contains, weights
from tests.truth import exact_weights, optimum


def arcs(x, y, period):
    apart = abs(np.subtract.outer(x, y)) % period
    return np.minimum(apart, period - apart)


def by_linear_program(costs, a, b):
    n, m = costs.shape
    rows = np.concatenate([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    return linprog(costs.ravel(), A_eq=rows, b_eq=np.concatenate([a, b]), method="highs").fun


@pytest.mark.parametrize("p", [1, 1.5, 2, 3])
@pytest.mark.parametrize("period", [2 * math.pi, 24.0])
def test_a_linear_program_gives_the_same(p, period):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-period, 2 * period, 12), rng.uniform(0, period, 9)
    a, b = rng.dirichlet(np.ones(12)), np.array([0, 1, 2, 0, 3, 1, 1, 1, 1]) / 10
    costs = arcs(x, y, period) ** p
    solution = circle_wasserstein(x, y, a, b, p=p, period=period)
    assert solution.cost == pytest.approx(by_linear_program(costs, a, b), rel=1e-9)
    assert solution.converged
    plan = solution.plan.toarray()
    np.testing.assert_allclose(plan.sum(axis=1), a, atol=1e-15)
    np.testing.assert_allclose(plan.sum(axis=0), b, atol=1e-15)
    assert (plan * costs).sum() == pytest.approx(solution.cost, rel=1e-12)


def exact_arc(x, y, period):
    apart = abs(Fraction(x) - Fraction(y)) % Fraction(period)
    return min(apart, Fraction(period) - apart)


@settings(max_examples=80)
@given(st.data(), st.sampled_from([1, 2, 3]), st.sampled_from([2 * math.pi, 1.0, 1e-5]))
def test_the_bracket_holds_the_certain_optimum(data, p, period):
    n, m = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    kind = data.draw(st.sampled_from(["lattice", "one turn", "nearby", "anywhere"]))
    if kind == "lattice":
        x, y = rng.integers(0, 4, n) * period / 4, rng.integers(0, 4, m) * period / 4
    elif kind == "anywhere":
        x, y = rng.normal(size=n) * 5 * period, rng.normal(size=m) * 5 * period
    else:
        x, y = rng.uniform(-period / 2, period / 2, n), rng.uniform(-period / 2, period / 2, m)
        y = x[rng.integers(0, n, m)] + 1e-9 * y if kind == "nearby" else y
    a, b = data.draw(weights(n)), data.draw(weights(m))
    truth = optimum(
        [[exact_arc(float(s), float(t), period) ** p for t in y] for s in x], exact_weights(a, n), exact_weights(b, m)
    )
    solution = circle_wasserstein(x, y, a, b, p=p, period=period)
    interval = solution.certificate.cost
    assert contains(interval.lower, interval.upper, truth)
    assert interval.width <= 1e-13 * (period / 2) ** p
    assert 0 <= solution.lower_bound <= solution.distance <= solution.upper_bound
    f, g, costs = solution.potentials.f, solution.potentials.g, arcs(x, y, period) ** p
    slack = 1e-13 * period**p
    assert (f[:, None] + g - costs).max() <= slack
    assert f @ solution.problem.a + g @ solution.problem.b == pytest.approx(float(truth), abs=10 * slack)
    np.testing.assert_allclose(solution.potentials(x + 3 * period), f, atol=50 * slack)


@pytest.mark.parametrize("p", [1, 2, 1.5])
def test_a_translation_across_midnight_has_a_closed_form(p):
    # all points lie within half the circle, where arcs are lengths on the line
    x = 20 + 8 * np.random.default_rng(1).random(5000)
    solution = circle_wasserstein(x % 24, (x + 3) % 24, p=p, period=24)
    assert solution.distance == pytest.approx(3, rel=1e-13)
    assert solution.lower_bound <= 3 * (1 + 1e-15)
    assert solution.upper_bound >= 3 * (1 - 1e-15)


def test_rotating_both_changes_nothing_and_the_line_is_never_shorter():
    rng = np.random.default_rng(2)
    x, y, a = rng.vonmises(3.0, 2.0, 200), rng.vonmises(-3.0, 2.0, 300), rng.dirichlet(np.ones(200))
    for p in (1, 2, 1.5):
        here = circle_wasserstein(x, y, a, p=p)
        there = circle_wasserstein(x + 2.0, y + 2.0, a, p=p)
        assert there.distance == pytest.approx(here.distance, rel=1e-13)
        assert circle_wasserstein(y, x, None, a, p=p).distance == pytest.approx(here.distance, rel=1e-13)
        assert here.upper_bound < otgan.wasserstein(x, y, a, p=p).lower_bound  # the laws meet behind the cut
    assert circle_wasserstein(180 * x / math.pi, 180 * y / math.pi, a, period=360).distance == pytest.approx(
        math.degrees(circle_wasserstein(x, y, a).distance), rel=1e-13
    )


def test_equal_measures_are_exactly_apart_by_nothing():
    rng = np.random.default_rng(3)
    x, a = rng.uniform(0, 1, 50), rng.dirichlet(np.ones(50))
    order = rng.permutation(50)
    for p in (1, 2):
        solution = circle_wasserstein(x, x[order], a, a[order], p=p, period=1)
        assert solution.lower_bound == solution.distance == 0
        assert solution.upper_bound <= 1e-15
    assert circle_wasserstein([0.0], [2 * math.pi]).upper_bound == 0  # a whole turn


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("p", "length"), [(64, 1e-6), (50, 3e-8), (32, 1e-11), (2, 1e-170)])
def test_ways_whose_powers_underflow_are_not_nothing(p, length, weighted):
    x, y = [0.0, 0.25, 0.25], [length, 0.25, 0.25]
    a = [0.2, 0.3, 0.5] if weighted else None
    solution = circle_wasserstein(x, y, a, a, p=p, period=1)
    truth = exact_weights(a, 3)[0] * Fraction(length) ** p
    assert contains(solution.certificate.cost.lower, solution.certificate.cost.upper, truth)
    assert Fraction(solution.lower_bound) ** p <= truth <= Fraction(solution.upper_bound) ** p
    assert solution.status is Status.ROUNDING


def test_places_that_rounding_has_moved_are_not_together():
    # Whole turns away, but for what rounding has put beside it, to the power 64.
    for k in range(1, 12):
        x, y = [0.01 + k * 0.1, 0.05], [0.01, 0.05 - k * 0.1]
        interval = circle_wasserstein(x, y, p=64, period=0.1).certificate.cost
        ways = [[exact_arc(s, t, 0.1) ** 64 for t in y] for s in x]
        assert contains(interval.lower, interval.upper, optimum(ways, exact_weights(None, 2), exact_weights(None, 2)))


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([32, 50, 64]), st.sampled_from([1e-3, 1.0, 2 * math.pi, 360.0]))
def test_high_powers_on_the_circle_and_on_the_matrix_of_its_costs(seed, p, period):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 6, 2)
    x, y = (period * rng.uniform(-1, 1, k) * 10 ** rng.uniform(-9, 0, k) for k in (n, m))
    a, b = rng.integers(1, 4, n).astype(float), 10 ** rng.uniform(-6, 0, m)
    a, b = a / a.sum(), b / b.sum()
    exact_a, exact_b = exact_weights(a, n), exact_weights(b, m)
    of_circle = optimum([[exact_arc(s, t, period) ** p for t in y.tolist()] for s in x.tolist()], exact_a, exact_b)
    costs = arcs(x, y, period) ** p  # these floats, rounded as they are, are what the other problem is about
    of_matrix = optimum([[Fraction(cost) for cost in row] for row in costs.tolist()], exact_a, exact_b)
    for solution, truth in (
        (circle_wasserstein(x, y, a, b, p=p, period=period), of_circle),
        (otgan.transport(costs, a, b), of_matrix),
    ):
        interval = solution.certificate.cost
        assert contains(interval.lower, interval.upper, truth)
        assert solution.converged == (solution.certificate.distance.relative_width <= 1e-11)


def test_opposite_points_have_no_better_way():
    solution = circle_wasserstein([0.0, 12.0], [6.0, 18.0], period=24)
    assert (solution.lower_bound, solution.distance, solution.upper_bound) == pytest.approx((6, 6, 6), rel=1e-14)


def test_weights_that_no_integer_of_64_bits_holds():
    x, y = np.array([0.1, 0.5, 0.9]), np.array([0.2, 0.6])
    a, b = np.array([1.0, 1e-25, 0.3]), np.array([1e-22, 1.0])
    truth = optimum(
        [[exact_arc(float(s), float(t), 1.0) ** 2 for t in y] for s in x], exact_weights(a, 3), exact_weights(b, 2)
    )
    with pytest.warns(otgan.errors.WeightsWarning):
        interval = circle_wasserstein(x, y, a, b, p=2, period=1).certificate.cost
    assert contains(interval.lower, interval.upper, truth)
    assert interval.relative_width < 1e-12


def test_a_time_limit_leaves_the_bracket_of_rounded_masses():
    rng = np.random.default_rng(4)
    x, y, a = rng.random(40), rng.random(30), rng.dirichlet(np.ones(40))
    whole = circle_wasserstein(x, y, a, p=2, period=1, tol=0.0)
    cut = circle_wasserstein(x, y, a, p=2, period=1, tol=0.0, max_seconds=1e-9)
    assert (whole.status, cut.status) == (Status.ROUNDING, Status.RESOURCE_LIMIT)
    assert cut.lower_bound < whole.lower_bound <= whole.upper_bound < cut.upper_bound
    assert cut.relative_gap < 1e-12
    assert cut.plan.sum() == pytest.approx(1, abs=1e-12)
    enough = circle_wasserstein(x, y, a, p=2, period=1, max_seconds=1e-9)  # rounded masses do
    assert enough.status is Status.OPTIMAL


def test_what_a_circle_does_not_have():
    solution = circle_wasserstein([0.0], [1.0])
    with pytest.raises(NotProvidedError, match="matched_pairs"):
        solution.barycentric_map()
    with pytest.raises(NotProvidedError, match="solve again"):
        solution.save("circle.npz")
    with pytest.raises(InvalidShapeError, match="points must have one coordinate"):
        solution.potentials([[0.0, 1.0]])


def test_bad_input_is_refused():
    with pytest.raises(InvalidShapeError, match="x must have one coordinate, the length along the circle"):
        circle_wasserstein([[0.0, 1.0]], [0.0])
    with pytest.raises(InvalidValueError, match=r"period must be in \(0, inf\)"):
        circle_wasserstein([0.0], [1.0], period=0)
    with pytest.raises(InvalidValueError, match="period must have a power p = 64 that fits float64"):
        circle_wasserstein([0.0], [1.0], period=1e9, p=64)
    with pytest.raises(InvalidValueError, match=r"p must be in \[1, 64\]"):
        circle_wasserstein([0.0], [1.0], p=0.5)
    with pytest.raises(InvalidValueError, match="max_seconds must be in"):
        circle_wasserstein([0.0], [1.0], max_seconds=0)
    with pytest.raises(InvalidWeightsError, match="a must not be negative"):
        circle_wasserstein([0.0, 1.0], [1.0], [-1.0, 2.0])
