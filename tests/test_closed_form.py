"""Solutions on the line: quick to have, and every part is right when it is asked for."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import otgan
from otgan.certificate import certify
from otgan.errors import WeightsWarning
from otgan.masses import sums_by
from tests.strategies import Sample, contains, samples
from tests.truth import certain_optimum

ONE_PLACE = Sample(np.array([[-1.0], [1.0]]), np.array([[-1.0]]), np.array([1.0, 3e-54]), None)


@settings(max_examples=150, deadline=None)
@given(samples(dims=(1,)), st.sampled_from([1, 2, 3]))
@example(ONE_PLACE, 2)
@example(ONE_PLACE, 3)
def test_parts_prove_the_bracket_by_themselves(sample, p):
    solution = otgan.wasserstein(sample.x, sample.y, sample.a, sample.b, p=p)
    cost = solution.certificate.cost
    assert contains(cost.lower, cost.upper, certain_optimum(sample.x, sample.y, sample.a, sample.b, p=p))
    assert solution.converged
    rows, columns, flow = solution.certificate.coupling
    masses = solution.problem.masses
    assert (sums_by(rows, flow, len(masses.a)) == masses.a).all()
    assert (sums_by(columns, flow, len(masses.b)) == masses.b).all()
    potentials = solution.potentials
    again = certify(solution.problem, solution.matched_pairs(), potentials.f, potentials.g)
    assert again.cost.lower <= cost.upper
    assert cost.lower <= again.cost.upper
    scale = solution.problem.costs.scale
    assert again.cost.width <= 1e-12 * scale


def test_parts_come_when_asked_for_and_stay():
    rng = np.random.default_rng(0)
    solution = otgan.wasserstein(rng.normal(size=50), rng.normal(size=60))
    assert "coupling" not in vars(solution.certificate)
    assert solution.lower_bound <= solution.distance <= solution.upper_bound
    assert "coupling" not in vars(solution.certificate)
    assert solution.certificate.coupling is solution.certificate.coupling
    assert solution.potentials.f is solution.potentials.f
    assert solution.certificate.p == solution.p == 1


@pytest.mark.parametrize("p", [1, 2])
def test_a_caller_who_reuses_the_buffers_changes_nothing(p):
    x, a = np.array([0.0, 1.0, 2.0]), np.array([0.5, 0.25, 0.25])
    solution = otgan.wasserstein(x, [3.0], a, p=p)
    x += 100
    a[:] = [0.0, 0.0, 1.0]
    rows, _, mass = solution.matched_pairs()
    assert rows.tolist() == [0, 1, 2]
    assert mass.tolist() == [0.5, 0.25, 0.25]


def test_what_rounding_leaves_open_goes_the_exact_way():
    rng = np.random.default_rng(1)
    x, a = rng.normal(size=30), rng.random(30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WeightsWarning)
        solution = otgan.wasserstein(x, x[::-1], a, 3 * a[::-1])  # 3a rounds: not quite the same measure
        tripled = otgan.wasserstein(x, x[::-1], np.round(a * 1e6), 3 * np.round(a * 1e6)[::-1])
    assert solution.converged
    assert 0 < solution.distance < 1e-15
    assert tripled.upper_bound == 0


def test_w2_of_nearly_equal_samples_is_bracketed_narrowly():
    rng = np.random.default_rng(2)
    x = rng.normal(size=1000)
    solution = otgan.wasserstein(x, x + 1e-9 * rng.normal(size=1000), p=2)
    assert solution.converged
    assert solution.relative_gap <= 1e-13
    assert solution.distance == pytest.approx(1e-9, rel=0.1)


def test_saved_and_loaded(tmp_path):
    rng = np.random.default_rng(3)
    solution = otgan.wasserstein(rng.normal(size=20), rng.normal(size=30), rng.dirichlet(np.ones(20)), p=2)
    solution.save(tmp_path / "line.npz")
    loaded = otgan.OTSolution.load(tmp_path / "line.npz")
    assert loaded.distance == pytest.approx(solution.distance, rel=1e-14)
    np.testing.assert_array_equal(loaded.plan.toarray(), solution.plan.toarray())
    np.testing.assert_allclose(loaded.potentials.f, solution.potentials.f, atol=1e-13)
    assert loaded.lower_bound <= solution.upper_bound
    assert solution.lower_bound <= loaded.upper_bound
