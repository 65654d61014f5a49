"""Plans, potentials and brackets: what holds passes, and each way of breaking it is said with its place."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import sparse

import otgan
from otgan.certificate import Certificate
from otgan.dual import Potentials
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, InvalidWeightsError
from otgan.interval import Interval
from otgan.testing import (
    assert_brackets,
    assert_coupling,
    assert_dual_feasible,
    discrete_measures,
    pairs_with_known_w1,
)

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 2)), RNG.normal(size=(20, 2)) + 1
A = RNG.dirichlet(np.ones(30))
SOLUTION = otgan.wasserstein(X, Y, A)
F, G = SOLUTION.potentials.f, SOLUTION.potentials.g


@settings(database=None, derandomize=True, max_examples=40)
@given(pairs_with_known_w1())
def test_solutions_with_a_known_truth_pass(pair):
    solution = otgan.wasserstein(pair.x, pair.y, pair.a, pair.b)
    assert_brackets(solution, pair.interval)
    assert_dual_feasible(solution.potentials.f, solution.potentials.g, pair.x, pair.y)
    assert_coupling(solution.plan, pair.a, pair.b)


@settings(database=None, derandomize=True, max_examples=30)
@given(discrete_measures(2), discrete_measures(2))
def test_solutions_of_any_measures_pass(x, y):
    for p in (1, 2):
        assert_brackets(otgan.wasserstein(x, y, p=p))


def test_other_solutions_pass():
    assert_brackets(otgan.transport([[0.0, 1.0], [2.0, 0.5]]), 0.25)
    assert_brackets(otgan.wasserstein(X, Y, max_iter=1))  # stopped early, with a wide bracket
    assert_brackets(otgan.wasserstein(X, Y, metric="cityblock"))
    assert_brackets(otgan.wasserstein([0.0, 1.0], [3.0]), Fraction(5, 2))


# Planted in a solution that is right.


def with_bracket(lower, upper):
    return replace(
        SOLUTION, certificate=Certificate(Interval(lower, upper), 1.0, lambda: SOLUTION.certificate.coupling)
    )


def with_potentials(f, g):
    return replace(SOLUTION, potentials=Potentials(f, g, SOLUTION.problem.costs))


def with_plan(change):
    """Arcs of the plan, changed."""
    rows, columns, flow = SOLUTION.certificate.coupling
    certificate = Certificate(SOLUTION.certificate.cost, 1.0, lambda: change(rows, columns, flow))
    return replace(SOLUTION, certificate=certificate)


W1 = SOLUTION.distance


@pytest.mark.parametrize(
    ("solution", "message"),
    [
        (with_bracket(0.5 * W1, 0.9 * W1), r"upper bound must be proven by the plan, got .* and a plan of cost"),
        (with_bracket(1.1 * W1, 1.2 * W1), r"lower bound must be proven by the potentials, got .* dual value of"),
        (with_bracket(0.0, W1 * (1 - 1e-11)), "bracket must hold, got .* while plan and potentials prove"),
        (with_bracket(W1 * (1 + 1e-11), 2 * W1), "bracket must hold, got .* while plan and potentials prove"),
        (with_potentials(1.1 * F, 1.1 * G), r"potentials must satisfy f \+ g <= c, got f \+ g = .* at x\[\d+\] = \["),
        (with_potentials(0 * F, 0 * G), "lower bound must be proven by the potentials, got .* dual value of 0.0"),
        (with_plan(lambda rows, columns, flow: (rows[:-1], columns[:-1], flow[:-1])), "plan must have the marginals"),
        (with_plan(lambda rows, columns, flow: (rows, columns, -flow)), "plan must not be negative, got -"),
        (
            with_plan(lambda rows, columns, flow: (rows, columns[::-1].copy(), flow)),
            r"in all at target \d+, where b is",
        ),
    ],
)
def test_planted_faults_are_found(solution, message):
    assert_brackets(SOLUTION, W1)
    with pytest.raises(AssertionError, match=message) as caught:
        assert_brackets(solution)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_distance_outside_of_its_bracket():
    class Lying(otgan.OTSolution):
        distance = 2 * W1

    lying = Lying(**{name: getattr(SOLUTION, name) for name in SOLUTION.__dataclass_fields__})
    with pytest.raises(AssertionError, match="distance must lie in the bracket"):
        assert_brackets(lying)


@pytest.mark.parametrize("truth", [1.0001 * W1, 0.9999 * W1, Interval(2 * W1, 3 * W1), Fraction(1, 1000)])
def test_another_truth_is_a_fault(truth):
    with pytest.raises(AssertionError, match="bracket must contain the truth, got"):
        assert_brackets(SOLUTION, truth)


def test_dual_feasibility_of_functions():
    perfect = SOLUTION.potentials
    assert_dual_feasible(perfect, None, X, Y)
    assert_dual_feasible(lambda points: -points[:, 0], lambda points: points[:, 0], X, Y)
    with pytest.raises(AssertionError, match=r"f \+ g = .* > c = "):
        assert_dual_feasible(lambda points: -1.3 * points[:, :1], None, X, Y)


def test_the_worst_pair_is_shown():
    with pytest.raises(AssertionError) as caught:
        assert_dual_feasible([0.0, 1.0], [0.5, 2.0], [0.0, 1.0], [1.0, 3.0])
    # Costs 1, 3, 0, 2: excesses -0.5, -1, 1.5 and 1.
    assert str(caught.value) == (
        "potentials must satisfy f + g <= c, got f + g = 1.5 > c = 0 at x[1] = [1.0] and y[0] = [1.0]; "
        "2 of 4 pairs break it, this one most"
    )


def test_the_exponent_and_the_metric_count():
    f, g = [0.0], [4.0]
    assert_dual_feasible(f, g, [[0.0, 0.0]], [[2.0, 0.0]], p=2)
    assert_dual_feasible(f, g, [[0.0, 0.0]], [[2.0, 2.0]], metric="cityblock")
    with pytest.raises(AssertionError, match=r"f \+ g = 4 > c = 2"):
        assert_dual_feasible(f, g, [[0.0, 0.0]], [[2.0, 0.0]])
    assert_dual_feasible(f, g, [[0.0, 0.0]], [[2.0, 0.0]], tol=0.5)


def test_many_pairs_are_looked_at_in_parts():
    x, y = np.zeros((3, 1)), np.linspace(0, 1, 10**6)[:, None]
    g = y[:, 0].copy()
    assert_dual_feasible(np.zeros(3), g, x, y)
    f = np.array([0.0, 0.0, 0.5])
    with pytest.raises(AssertionError, match=r"at x\[2\] = \[0\.0\] and y\[\d+\]"):
        assert_dual_feasible(f, g, x, y)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, sparse.coo_matrix], ids=["dense", "csr", "coo"])
def test_couplings(kind):
    assert_coupling(kind([[0.25, 0.25], [0.0, 0.5]]), b=[0.25, 0.75])
    assert_coupling(kind([[0.0, 1.0]]), [1.0], [0.0, 1.0])
    with pytest.raises(AssertionError) as caught:
        assert_coupling(kind([[0.25, 0.25], [0.0, 0.4]]), b=[0.25, 0.75])
    assert str(caught.value) == (
        "plan must have the marginals a and b, got 0.4 in all at source 1, where a is 0.5; the plan's mass is 0.9"
    )
    with pytest.raises(AssertionError, match=r"plan must not be negative, got -0\.25 from source 1 to target 0"):
        assert_coupling(kind([[0.5, 0.0], [-0.25, 0.75]]), b=[0.25, 0.75])
    assert_coupling(kind([[0.25, 0.25], [0.0, 0.4999]]), b=[0.25, 0.75], tol=1e-3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: assert_brackets(3.0), InvalidTypeError, "solution must be an OTSolution, got float"),
        (lambda: assert_brackets(SOLUTION, "1"), InvalidTypeError, "truth must be a real number"),
        (lambda: assert_brackets(SOLUTION, tol=-1), InvalidValueError, "tol must be in"),
        (lambda: assert_coupling([0.5, 0.5]), InvalidShapeError, r"plan must have shape \(n, m\), got shape \(2,\)"),
        (lambda: assert_coupling([[np.nan]]), InvalidValueError, "plan must be finite"),
        (lambda: assert_coupling([[1.0]], [0.5, 0.5]), InvalidWeightsError, r"a must have shape \(1,\)"),
        (lambda: assert_dual_feasible([0.0], [0.0], [[0.0]], [[0.0, 1.0]]), InvalidShapeError, "dimension of x"),
        (lambda: assert_dual_feasible([0.0, 1.0], [0.0], [0.0], [1.0]), InvalidShapeError, r"f must have shape \(1,\)"),
        (lambda: assert_dual_feasible([0.0], None, [0.0], [1.0]), InvalidTypeError, "g must be given unless f is a"),
        (lambda: assert_dual_feasible(F, G, X, Y, metric="?"), InvalidValueError, "metric must be one of"),
    ],
)
def test_misuse_is_a_typed_error(call, error, message):
    with pytest.raises(error, match=message):
        call()
