"""The exact distance against optima that are certain, closed forms, and the laws of a distance."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

import otgan
from otgan.errors import (
    InvalidValueError,
    InvalidWeightsError,
    MemoryLimitError,
    NotProvidedError,
    WeightsWarning,
)
from tests.strategies import contains, samples
from tests.truth import certain_optimum, exact_weights, optimum

EXACT = settings(max_examples=300, deadline=None)
QUICK = settings(max_examples=60, deadline=None)


def check_parts(solution):
    """What every solution owes: marginals, feasibility, and the distance inside its bracket."""
    problem = solution.problem
    plan = solution.plan.toarray()
    assert plan.min() >= 0
    np.testing.assert_allclose(plan.sum(axis=1), problem.a, rtol=1e-14, atol=1e-300)
    np.testing.assert_allclose(plan.sum(axis=0), problem.b, rtol=1e-14, atol=1e-300)
    costs = problem.costs.block(slice(None), slice(None))
    slack = costs - solution.potentials.f[:, None] - solution.potentials.g
    assert slack.min() >= -1e-14 * problem.costs.scale
    assert 0 <= solution.lower_bound <= solution.distance <= solution.upper_bound
    assert solution.gap == solution.upper_bound - solution.lower_bound


@EXACT
@given(samples(), st.sampled_from([1, 2]), st.sampled_from(["euclidean", "cityblock", "chebyshev"]))
def test_certain_optimum_is_in_the_bracket(sample, p, metric):
    solution = otgan.wasserstein(sample.x, sample.y, sample.a, sample.b, p=p, metric=metric)
    truth = certain_optimum(sample.x, sample.y, sample.a, sample.b, metric=metric, p=p)
    cost = solution.certificate.cost
    assert contains(cost.lower, cost.upper, truth)
    scale = solution.problem.costs.scale ** (1 / p)
    assert solution.distance == pytest.approx(float(truth) ** (1 / p), rel=1e-9, abs=1e-9 * scale)
    assert p == 2 or (solution.converged and solution.relative_gap <= 1e-11)
    assert not solution.converged or solution.relative_gap <= 1e-11
    check_parts(solution)


@QUICK
@given(samples(), st.sampled_from(["dense", "multiscale", "network-simplex"]))
def test_every_method_agrees_with_quantiles_on_the_line(sample, method):
    x, y = sample.x[:, 0], sample.y[:, 0]
    sorting = otgan.wasserstein(x, y, sample.a, sample.b)
    simplex = otgan.wasserstein(x, y, sample.a, sample.b, method=method)
    scale = sorting.problem.costs.scale
    assert sorting.stats.solver == "univariate"
    assert simplex.stats.solver in (method, "common mass")
    assert sorting.distance == pytest.approx(simplex.distance, rel=1e-10, abs=1e-14 * scale)


@QUICK
@given(samples(), st.randoms(use_true_random=False), st.sampled_from([1, 2]))
def test_identical_measures_are_at_distance_zero(sample, random, p):
    order = random.sample(range(len(sample.x)), len(sample.x))
    a = None if sample.a is None else sample.a[order]
    solution = otgan.wasserstein(sample.x, sample.x[order], sample.a, a, p=p)
    assert (solution.distance, solution.lower_bound, solution.upper_bound) == (0, 0, 0)
    assert solution.converged
    assert solution.relative_gap == 0


@QUICK
@given(samples(), st.sampled_from([1, 2]))
def test_split_atoms_change_nothing(sample, p):
    a = np.full(len(sample.x), 1 / len(sample.x)) if sample.a is None else sample.a
    a = np.where(a < 1e-290, 0.0, a)  # so that a quarter of a weight is exact
    halves = np.concatenate([a / 4, a / 4 * 3])
    solution = otgan.wasserstein(sample.x, np.concatenate([sample.x, sample.x]), a, halves, p=p)
    # three quarters round, so up to u of the mass does move; W2 takes the square root of that
    assert solution.cost <= 4 * 2.0**-53 * solution.problem.costs.scale
    quarters = np.concatenate([a / 4, a / 4, a / 2])
    solution = otgan.wasserstein(sample.x, np.concatenate([sample.x] * 3), a, quarters, p=p)
    assert solution.upper_bound == 0


@QUICK
@given(samples(), st.integers(-5, 5))
def test_laws_of_a_distance(sample, exponent):
    x, y, a, b = sample.x, sample.y, sample.a, sample.b
    there = otgan.wasserstein(x, y, a, b)
    back = otgan.wasserstein(y, x, b, a)
    tolerance = 1e-13 * there.problem.costs.scale
    assert there.distance == pytest.approx(back.distance, rel=1e-12, abs=tolerance)
    factor = 2.0**exponent
    scaled = otgan.wasserstein(x * factor, y * factor, a, b)
    assert scaled.distance == pytest.approx(there.distance * factor, rel=1e-12, abs=tolerance * factor)
    middle = np.concatenate([x, y])
    detour = otgan.wasserstein(x, middle, a).upper_bound + otgan.wasserstein(middle, y, None, b).upper_bound
    assert there.lower_bound <= detour * (1 + 1e-15)


def test_translation_moves_by_its_length():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    solution = otgan.wasserstein(x, rng.permutation(x) + np.array([3.0, 0.0, 4.0]))
    assert solution.distance == pytest.approx(5, rel=1e-14)
    assert solution.relative_gap <= 1e-11


@pytest.mark.parametrize("weighted", [False, True])
def test_line_against_scipy(weighted):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=3000), rng.gamma(2.0, size=2000)
    a, b = (rng.random(3000), rng.random(2000)) if weighted else (None, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WeightsWarning)
        solution = otgan.wasserstein(x, y, a, b)
    assert solution.distance == pytest.approx(wasserstein_distance(x, y, a, b), rel=1e-12)
    assert solution.relative_gap <= 1e-13


def test_line_needs_no_pairs():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=100_000), rng.normal(size=90_000) + 1
    solution = otgan.wasserstein(x, y, max_memory=1)  # one byte: nothing dense is made
    assert solution.distance == pytest.approx(wasserstein_distance(x, y), rel=1e-11)
    assert solution.relative_gap <= 1e-13


@pytest.mark.parametrize(("d", "weighted", "p"), [(2, False, 1), (2, True, 1), (10, False, 2), (10, True, 2)])
def test_mid_size_against_pot(d, weighted, p):
    import ot

    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(300, d)), rng.normal(size=(250, d)) + 1
    a, b = (rng.dirichlet(np.ones(300)), rng.dirichlet(np.ones(250))) if weighted else (None, None)
    solution = otgan.wasserstein(x, y, a, b, p=p)
    peer = ot.emd2(ot.unif(300) if a is None else a, ot.unif(250) if b is None else b, ot.dist(x, y, "euclidean") ** p)
    assert solution.cost == pytest.approx(float(peer), rel=1e-10)
    assert solution.relative_gap <= 1e-11
    assert solution.converged
    check_parts(solution)


def great_circle(s, t):
    """The haversine formula in 50 digits, in kilometres."""
    import mpmath

    with mpmath.workdps(50):
        lat1, lon1, lat2, lon2 = (mpmath.radians(mpmath.mpf(float(v))) for v in (*s, *t))
        h = (
            mpmath.sin((lat2 - lat1) / 2) ** 2
            + mpmath.cos(lat1) * mpmath.cos(lat2) * mpmath.sin((lon2 - lon1) / 2) ** 2
        )
        return 2 * mpmath.mpf("6371.0088") * mpmath.asin(mpmath.sqrt(min(h, mpmath.mpf(1))))


@settings(max_examples=200, deadline=None)
@given(
    st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
    st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
    st.floats(-1e-6, 1e-6),
    st.sampled_from(["apart", "near", "antipodal", "dateline"]),
)
def test_haversine_keeps_its_error_bound(s, t, small, kind):
    if kind == "near":
        t = (max(-90.0, min(90.0, s[0] + small)), s[1] + small / 2)
    elif kind == "antipodal":
        t = (max(-90.0, min(90.0, -s[0] + small)), s[1] - 180)
    elif kind == "dateline":
        s, t = (s[0], 180 - abs(small)), (s[0], -180 + 2 * abs(small))
    solution = otgan.wasserstein([s], [t], metric="haversine")
    truth = great_circle(s, t)
    of_truth = 1e-40  # what 50 digits leave of the distance between two names of the pole
    assert solution.lower_bound - of_truth <= truth <= solution.upper_bound + of_truth
    assert abs(solution.distance - truth) <= 1e-13 * truth + 1e-11


def test_haversine_distance_of_two_cities():
    paris, london = (48.8566, 2.3522), (51.5074, -0.1278)
    assert otgan.wasserstein([paris], [london], metric="haversine").distance == pytest.approx(343.56, abs=0.01)


def test_potentials_extend_off_the_sample():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(150, 2)), rng.normal(size=(170, 2)) + 2
    solution = otgan.wasserstein(x, y)
    f = solution.potentials
    np.testing.assert_allclose(f(x), f.f, atol=1e-13)
    z = rng.normal(size=(400, 2)) * 5
    steep = abs(f(z)[:, None] - f(z)) - np.linalg.norm(z[:, None] - z, axis=2)
    assert steep.max() <= 1e-12
    # f falls along the transport, by exactly the length of the way
    rows, columns, mass = solution.matched_pairs()
    np.testing.assert_allclose(f(x)[rows] - f(y)[columns], np.linalg.norm(x[rows] - y[columns], axis=1), atol=1e-12)
    assert mass.sum() == pytest.approx(1)
    assert f(x).mean() - f(y).mean() == pytest.approx(solution.distance, rel=1e-12)


@pytest.mark.parametrize("metric", ["cityblock", "chebyshev"])
def test_extension_is_lipschitz_in_the_metric_at_hand(metric):
    rng = np.random.default_rng(5)
    solution = otgan.wasserstein(rng.normal(size=(60, 3)), rng.normal(size=(50, 3)) + 1, metric=metric)
    z = rng.normal(size=(200, 3)) * 4
    order = {"cityblock": 1, "chebyshev": np.inf}[metric]
    values = solution.potentials(z)
    assert (abs(values[:, None] - values) - np.linalg.norm(z[:, None] - z, ord=order, axis=2)).max() <= 1e-12


def test_barycentric_map():
    x, y = np.array([[0.0, 0.0], [10.0, 0.0], [5.0, 5.0]]), np.array([[0.0, 1.0], [0.0, 3.0], [10.0, 1.0]])
    solution = otgan.wasserstein(x, y, [0.5, 0.5, 0.0], [0.25, 0.25, 0.5])
    image = solution.barycentric_map()
    np.testing.assert_allclose(image[:2], [[0, 2], [10, 1]], atol=1e-12)
    assert np.isnan(image[2]).all()
    tiny = otgan.wasserstein(x[:2], y, [1e-310, 1.0], None).barycentric_map()
    assert np.isfinite(tiny).all()
    with pytest.raises(NotProvidedError, match="no mean of degrees"):
        otgan.wasserstein(x[:2], y, metric="haversine").barycentric_map()


def test_a_user_matrix():
    rng = np.random.default_rng(6)
    costs = rng.integers(0, 20, size=(6, 5)) / 7
    a, b = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(5))
    solution = otgan.transport(costs, a, b)
    from fractions import Fraction

    truth = optimum([[Fraction(c) for c in row] for row in costs.tolist()], exact_weights(a, 6), exact_weights(b, 5))
    assert contains(solution.lower_bound, solution.upper_bound, truth)
    assert solution.cost == solution.distance == pytest.approx(float(truth), rel=1e-12)
    with pytest.raises(NotProvidedError, match="which a cost matrix does not have"):
        solution.potentials([[0.0]])
    with pytest.raises(NotProvidedError, match="barycentric map needs points"):
        solution.barycentric_map()


def test_every_input_kind_gives_the_same_number():
    rng = np.random.default_rng(7)
    x, y = rng.integers(-5, 5, size=(12, 2)), rng.integers(-3, 7, size=(9, 2))
    expected = otgan.wasserstein(x, y).distance
    kinds = [
        (x.tolist(), y.tolist()),
        (x.astype(np.int8), y.astype(np.int16)),
        (x.astype(np.float16), y.astype(np.float32)),
        (x.astype(np.longdouble), y.astype(">f8")),
        (pd.DataFrame(x), pd.DataFrame(y, columns=["u", "v"])),
        (torch.tensor(x), torch.tensor(y, dtype=torch.bfloat16)),
        (torch.tensor(x, dtype=torch.float32, requires_grad=True), torch.tensor(y)),
        (np.asfortranarray(x), y[::-1]),
        (pd.DataFrame(x).astype("Int64"), pd.DataFrame(y).astype("Float64")),
        (otgan.measures.DiscreteMeasure(x), otgan.measures.empirical(y)),
    ]
    for one, other in kinds:
        assert otgan.wasserstein(one, other).distance == pytest.approx(expected, rel=1e-14)
    assert otgan.wasserstein(pd.Series([0.0, 1.0]), [2.0, 3.0]).distance == 2


def test_the_problem_keeps_its_points():
    x = np.zeros((3, 2))
    solution = otgan.wasserstein(x, np.ones((3, 2)))
    x += 100
    assert solution.potentials.costs.x.max() == 0


def test_measures_bring_exact_weights():
    measure = otgan.measures.DiscreteMeasure([[0.0], [1.0]], [0.1, 0.9])
    assert otgan.wasserstein(measure, measure).upper_bound == 0
    assert otgan.wasserstein(measure, [[0.0]]).distance == 0.9


def test_weights_are_normalised_and_only_far_ones_announced():
    with pytest.warns(WeightsWarning, match="a sums to 4, not 1"):
        counts = otgan.wasserstein([0.0, 1.0], [0.0], [3, 1], None)
    assert counts.distance == 0.25
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nearly = np.full(1000, 1e-3, dtype=np.float32)
        assert otgan.wasserstein(np.arange(1000.0), np.arange(1000.0), nearly).distance < 1e-6


@pytest.mark.parametrize("size", [1e-240, 1e-160, 1e-6, 1e6, 1e160, 1e240])
def test_extreme_scales(size):
    x, y = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 1.0]])
    solution = otgan.wasserstein(x * size, y * size)
    assert solution.distance == pytest.approx(size, rel=1e-14)
    assert solution.relative_gap <= 1e-11


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([1, 1.1, 1.5, 2, 3, 7]),
    st.floats(-200, 200).map(lambda e: 10.0**e),
    st.sampled_from(["euclidean", "cityblock", "chebyshev"]),
    st.sampled_from([1, 2]),
)
def test_one_pair_at_any_scale(p, length, metric, d):
    if abs(math.log10(length)) * p > 240:
        return
    x, y = np.zeros((1, d)), np.zeros((1, d))
    y[0, -1] = length
    solution = otgan.wasserstein(x, y, p=p, metric=metric)
    assert solution.lower_bound <= length <= solution.upper_bound
    assert solution.relative_gap <= 1e-11
    assert solution.converged


@pytest.mark.parametrize(
    ("x", "y", "p", "truth"),
    [
        ([[0.0, 0.0], [1.0, 1.0]], [[1e-200, 1e-200], [1.0, 1.0]], 1, math.sqrt(0.5) * 1e-200),
        ([[1.0, 0.0]], [[1.0, 1e-170]], 1, 1e-170),
        ([[1e300, 0.0]], [[1e300, 1e-20]], 1, 1e-20),
        ([[0.0, 3.0], [1e-120, 3.0]], [[1e-120, 3.0], [1e-165, 3.0]], 2, 1e-165 / math.sqrt(2)),
        ([[0.0], [1e-120]], [[1e-165], [1e-120]], 2, 1e-165 / math.sqrt(2)),
    ],
)
def test_lengths_that_underflow_stay_in_the_bracket(x, y, p, truth):
    solution = otgan.wasserstein(x, y, p=p)
    assert solution.lower_bound <= truth <= solution.upper_bound
    assert 0 < solution.upper_bound <= truth * (1 + 1e-12) + 1e-28 * solution.problem.costs.scale ** (1 / p)


@pytest.mark.parametrize(("length", "p"), [(1e-200, 2), (5e-324, 1), (5e-324, 2), (1e260, 1)])
def test_lengths_beyond_float64_are_refused(length, p):
    with pytest.raises(InvalidValueError, match="span a length whose power"):
        otgan.wasserstein([[0.0, 0.0]], [[length, 0.0]], p=p)


@pytest.mark.parametrize("weights", [[1e270, 1.2345e-20], [3.0, 1e-320], [1.0, 5e-324], [1e-310, 1e-320]])
def test_weights_that_underflow_stay_in_the_bracket(weights):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WeightsWarning)
        for points in ([[0.0], [1e240]], [[0.0, 0.0], [1e240, 0.0]], [[0.0, 0.0], [1.0, 0.0]]):
            origin = [[0.0] * len(points[0])]
            solution = otgan.wasserstein(points, origin, weights)
            truth = certain_optimum(points, origin, weights)
            assert contains(solution.lower_bound, solution.upper_bound, truth)
    with pytest.raises(InvalidWeightsError, match="a must stay below 1e270"):
        otgan.wasserstein([[0.0], [1.0]], [[0.0]], [1e300, 1.0])


@pytest.mark.parametrize("spread", [1.0, 0.01, 0.0001])
def test_haversine_converges_on_a_map_of_any_scale(spread):
    rng = np.random.default_rng(11)
    x, y = [48.85, 2.35] + spread * rng.normal(size=(2, 50, 2))
    assert otgan.wasserstein(x, y, metric="haversine").relative_gap <= 1e-11
    east, west = np.array([0.0, 179.0]) + spread * rng.random((2, 20, 2)), np.array([0.0, -180.0]) + [0.0, spread]
    across = otgan.wasserstein(east[0], [west], metric="haversine")
    truth = sum(great_circle(s, west) for s in east[0]) / 20
    assert across.lower_bound <= truth <= across.upper_bound


def test_the_line_converges_for_p_2_on_thousands_of_points():
    rng = np.random.default_rng(12)
    solution = otgan.wasserstein(rng.normal(size=5000), rng.normal(size=4000) + 0.1, p=2)
    assert solution.converged
    assert solution.relative_gap <= 1e-11


def test_weights_far_from_one_another():
    weights = np.array([1.0, 1e-300, 1e-12])
    solution = otgan.wasserstein([[0.0], [1.0], [5.0]], [[0.0]], weights)
    assert contains(
        solution.lower_bound, solution.upper_bound, certain_optimum([[0.0], [1.0], [5.0]], [[0.0]], weights, None)
    )


def test_stopped_early_it_still_brackets():
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=(60, 2)), rng.normal(size=(60, 2)) + 1
    truth = otgan.wasserstein(x, y)
    for limit in (1, 10, 50):
        stopped = otgan.wasserstein(x, y, max_iter=limit)
        assert stopped.lower_bound <= truth.upper_bound
        assert stopped.upper_bound >= truth.lower_bound
        check_parts(stopped)
    assert otgan.wasserstein(x, y, max_iter=1).status is otgan.Status.ITERATION_LIMIT
    assert "raise max_iter" in otgan.Status.ITERATION_LIMIT.value
    assert not otgan.wasserstein(x, y, max_iter=1).converged


def test_memory_limit_names_the_need_and_the_fix():
    x = np.zeros((100_000, 2))
    y = np.ones((100_000, 2))
    with pytest.raises(MemoryLimitError, match=r"needs about \d+ GiB and max_memory is 4 GiB; .*sub-samples"):
        otgan.wasserstein(x, y, method="network-simplex")
