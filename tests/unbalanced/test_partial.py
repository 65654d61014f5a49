"""Transport of a part of the mass: against linear programs, by hand, and against balanced transport."""

from __future__ import annotations

import re
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog

from otgan.errors import Interrupted, InvalidValueError, InvalidWeightsError, MemoryLimitError
from otgan.measures import DiscreteMeasure
from otgan.solution import Status
from otgan.solve import wasserstein
from otgan.unbalanced import partial_wasserstein


def by_highs(costs, a, b, mass):
    """The problem as it is defined, with inequalities, and without further points."""
    n, m = costs.shape
    leaves, arrives = sparse.kron(sparse.eye(n), np.ones((1, m))), sparse.kron(np.ones((1, n)), sparse.eye(m))
    found = linprog(
        costs.ravel(),
        A_ub=sparse.vstack([leaves, arrives]),
        b_ub=np.concatenate([a, b]),
        A_eq=np.ones((1, n * m)),
        b_eq=[mass],
        method="highs-ds",
    )
    return found.fun


def distances(x, y, p=1):
    return np.linalg.norm(x[:, None] - y, axis=2) ** p


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 6),
    m=st.integers(1, 6),
    p=st.sampled_from([1, 2, 3]),
    share=st.floats(0.05, 1),
    lattice=st.booleans(),
)
@settings(max_examples=25)
def test_linear_program_agrees(seed, n, m, p, share, lattice):
    rng = np.random.default_rng(seed)
    x, y = (rng.integers(-1, 2, (k, 2)).astype(float) if lattice else rng.normal(size=(k, 2)) for k in (n, m))
    a, b = rng.random(n) * 3, rng.random(m)
    a[rng.random(n) < 0.2] = 0
    a[0] = 1.0
    mass = share * min(a.sum(), b.sum())
    found = partial_wasserstein(x, y, a, b, mass=mass, p=p)
    truth = by_highs(distances(x, y, p), a, b, mass)
    near = 1e-9 * (1 + truth)  # HiGHS's own tolerance
    assert found.cost_bounds.lower - near <= truth <= found.cost_bounds.upper + near
    assert found.status is Status.OPTIMAL
    assert found.converged
    assert found.mass == pytest.approx(mass, rel=1e-11)
    assert found.plan.sum() == pytest.approx(found.mass, rel=1e-13)
    assert (found.source_moved <= a * (1 + 1e-14)).all()
    assert (found.target_reached <= b * (1 + 1e-14)).all()
    assert float((found.plan.toarray() * distances(x, y, p)).sum()) == pytest.approx(found.cost, rel=1e-12, abs=1e-15)


def test_by_hand():
    # Three of four quarters: the two near pairs, then the best of what is left, 7 − 2.
    found = partial_wasserstein([0.0, 1.0, 2.0, 50.0], [0.0, 1.5, 7.0, -90.0], mass=0.75)
    assert found.cost == pytest.approx((0 + 0.5 + 5) / 4, rel=1e-14)
    assert found.distance == found.cost
    assert found.lower_bound <= 5.5 / 4 <= found.upper_bound
    assert found.relative_gap < 1e-13
    # A little less moves a little less of the dearest pair, and a little more has to send the outliers somewhere.
    assert partial_wasserstein([0.0, 1.0, 2.0, 50.0], [0.0, 1.5, 7.0, -90.0], mass=0.7).price == pytest.approx(5)
    assert 5 <= found.price <= 140
    assert found.source_moved[3] == found.target_reached[3] == 0


def test_distance_is_the_root_of_the_cost():
    found = partial_wasserstein([0.0], [3.0], [4.0], [5.0], mass=2.0, p=2)
    assert found.cost == pytest.approx(18, rel=1e-14)
    assert found.distance == pytest.approx(18**0.5, rel=1e-14)
    assert found.lower_bound <= found.distance <= found.upper_bound


def test_all_of_the_mass_is_balanced_transport():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(20, 2)), rng.normal(size=(15, 2)) + 1
    a, b = rng.random(20), rng.random(15)
    a, b = a / a.sum(), b / b.sum()  # whose sums are one but for rounding
    whole = partial_wasserstein(x, y, a, b, mass=1.0)
    balanced = wasserstein(x, y, a, b)
    assert whole.cost == pytest.approx(balanced.cost, rel=1e-12)
    assert whole.converged


def test_potentials_prove_the_cost_and_the_price_is_its_slope():
    rng = np.random.default_rng(2)
    x, y, a, b = rng.normal(size=(9, 2)), rng.normal(size=(7, 2)), rng.random(9), rng.random(7)
    mass = 0.6 * b.sum()
    found = partial_wasserstein(x, y, a, b, mass=mass, p=2)
    f, g, price = found.potentials.f, found.potentials.g, found.price
    assert (f[:, None] + g <= distances(x, y, 2) + 1e-13).all()
    assert (f <= price + 1e-13).all()
    assert (g <= 1e-13).all()
    assert a @ (f - price) + b @ g + price * mass == pytest.approx(found.cost, rel=1e-12)
    step = 1e-5
    more = partial_wasserstein(x, y, a, b, mass=mass + step, p=2)
    assert (more.cost - found.cost) / step == pytest.approx(price, rel=1e-8)
    np.testing.assert_allclose(found.potentials(x), f, atol=1e-13)
    assert found.potentials([[1e3, 0.0]]) == price


def test_masses_are_not_normalised():
    rng = np.random.default_rng(3)
    x, y, a, b = rng.normal(size=(6, 2)), rng.normal(size=(5, 2)), rng.random(6), rng.random(5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        once = partial_wasserstein(x, y, a, b, mass=0.5)
        thrice = partial_wasserstein(x, y, 3 * a, 3 * b, mass=1.5)
    assert thrice.cost == pytest.approx(3 * once.cost, rel=1e-13)
    there = partial_wasserstein(y, x, b, a, mass=0.5)
    assert there.cost == pytest.approx(once.cost, rel=1e-13)
    assert partial_wasserstein(10 * x, 10 * y, a, b, mass=0.5, p=2).cost == pytest.approx(
        100 * partial_wasserstein(x, y, a, b, mass=0.5, p=2).cost, rel=1e-12
    )


def test_measures_bring_weights_that_sum_to_one():
    x = DiscreteMeasure([0.0, 5.0], [0.25, 0.75])
    assert partial_wasserstein(x, [0.0, 5.0], mass=0.7).cost == 0
    assert partial_wasserstein(x, [0.0, 5.0], mass=1.0).cost == pytest.approx(1.25, rel=1e-14)


def test_nothing_moves_at_no_cost():
    x = np.random.default_rng(4).normal(size=(8, 3))
    found = partial_wasserstein(x, x, mass=0.5)
    assert found.lower_bound == found.upper_bound == found.distance == 0
    assert found.status is Status.OPTIMAL


def test_plan_of_a_solver_that_stopped_early_moves_what_was_asked():
    rng = np.random.default_rng(5)
    x, y, a, b = rng.normal(size=(40, 2)), rng.normal(size=(30, 2)), rng.random(40), rng.random(30)
    stopped = partial_wasserstein(x, y, a, b, mass=8.0, p=2, max_iter=2)
    truth = by_highs(distances(x, y, 2), a, b, 8.0)
    assert stopped.status is Status.ITERATION_LIMIT
    assert not stopped.converged
    assert stopped.cost_bounds.lower <= truth < stopped.cost_bounds.upper
    assert stopped.plan.sum() == pytest.approx(8, rel=1e-14)
    assert (stopped.source_moved <= a * (1 + 1e-14)).all()


def test_pot_agrees():
    import ot

    rng = np.random.default_rng(6)
    x, y, a, b = rng.normal(size=(25, 2)), rng.normal(size=(30, 2)), rng.random(25), rng.random(30)
    found = partial_wasserstein(x, y, a, b, mass=5.0)
    peer = ot.partial.partial_wasserstein(a, b, distances(x, y), m=5.0)
    assert (peer * distances(x, y)).sum() == pytest.approx(found.cost, rel=1e-9)


def test_interruption_leaves_a_transport(monkeypatch):
    from otgan.unbalanced import partial

    usual = partial.solve

    def pressed(*arguments, **settings):
        raise Interrupted("the solution", usual(*arguments, **settings))

    monkeypatch.setattr(partial, "solve", pressed)
    with pytest.raises(Interrupted) as caught:
        partial_wasserstein([0.0, 1.0], [3.0, 9.0], mass=0.5)
    assert caught.value.partial.cost == 1


@pytest.mark.parametrize("mass", [1.5, 0, -1, float("nan")])
def test_mass_that_is_not_there(mass):
    with pytest.raises(InvalidValueError, match="mass must be"):
        partial_wasserstein([0.0], [1.0], [1.0], [2.0], mass=mass)


def test_bad_input():
    with pytest.raises(InvalidValueError, match=r"smaller of the two masses, 1, got 1\.5; move less"):
        partial_wasserstein([0.0], [1.0], [1.0], [2.0], mass=1.5)
    with pytest.raises(InvalidWeightsError, match="b must not be negative"):
        partial_wasserstein([0.0], [1.0], [1.0], [-2.0], mass=1)
    with pytest.raises(MemoryLimitError, match="partial transport needs"):
        partial_wasserstein(np.zeros((99, 1)), np.ones((99, 1)), mass=1, max_memory=1000)


@pytest.mark.parametrize(("n", "m", "dim"), [(400, 300, 2), (1500, 5, 2), (300, 300, 30)])
def test_memory_is_refused_before_it_is_taken_and_enough_where_it_is_not(n, m, dim):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, dim)), rng.normal(size=(m, dim))
    a, b = rng.random(n) + 0.5, rng.random(m) + 0.5

    def peak(max_memory):
        tracemalloc.start()
        try:
            partial_wasserstein(x, y, a, b, mass=1.0, max_memory=max_memory)
        except MemoryLimitError as error:
            return tracemalloc.get_traced_memory()[1], int(re.search(r"max_memory to (\d+) bytes", str(error))[1])
        else:
            return tracemalloc.get_traced_memory()[1], None
        finally:
            tracemalloc.stop()

    peak(1e12)  # what is compiled and imported at a first call is no part of it
    _, needed = peak(1.0)
    before, _ = peak(needed - 1.0)
    taken, refused = peak(float(needed))
    assert refused is None
    assert before < needed / 4
    assert needed / 4 < taken <= needed
