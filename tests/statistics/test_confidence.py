import math
import re

import numpy as np
import pytest

from benchmarks.coverage import cases, coverage, study, table
from otgan import wasserstein
from otgan.errors import InvalidInputError, InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.statistics import confidence_interval
from otgan.statistics.finite_sample import bernstein_radius, choose_function, hoeffding_radius


def uniform(n, d=1, seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    x, y = rng.random((n, d)), rng.random((n, d))
    y[:, 0] += shift
    return x, y


# Every method keeps its level, on the line and in space, for different and for equal laws.

QUICK = [case for case in cases(60) if not (case.method == "asymptotic, atoms" and case.dim == 2)]
#: The dearest, whose siblings stay: these laws on the line, and equal ones in eight dimensions.
SLOW = "asymptotic, atoms | unequal atoms | d=8 | n=60"
REPLICATIONS = {"asymptotic, atoms": 40, "asymptotic, line": 300}


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.key, marks=[pytest.mark.slow] if case.key == SLOW else []) for case in QUICK],
)
def test_coverage_is_at_least_the_level(case):
    results = study([case], REPLICATIONS.get(case.method, 60), None, say=lambda line: None)
    share, error, _ = coverage(results[case.key])
    assert share >= 0.95 - 3 * error
    assert case.key.split(" | ")[1] in table(results)


def test_a_study_goes_on_where_it_stopped(tmp_path):
    file = tmp_path / "study.json"
    todo = [next(iter(cases(20, dims=(1,))))]
    study(todo, 3, file, say=lambda line: None)
    seen = []
    resumed = study(todo, 5, file, say=seen.append)
    assert resumed == study(todo, 5, None, say=lambda line: None)
    assert len(resumed[todo[0].key]["lower"]) == 5
    again = study(todo, 5, file, say=lambda line: None)
    assert again == resumed


# The finite-sample ends against their formulas, computed anew.


def test_upper_end_is_the_samples_distance_plus_mcdiarmid():
    x, y = uniform(50, shift=0.3)
    y = y[:30]
    interval = confidence_interval(x, y, level=0.9, diameter=1.0)
    mcdiarmid = math.sqrt((1 / 50 + 1 / 30) / 2 * math.log(2 / 0.1))
    assert interval.upper == pytest.approx(wasserstein(x, y).distance + mcdiarmid, rel=1e-10)
    assert interval.kind == "statistical at level 0.9, finite-sample"


def test_a_diameter_is_a_sub_gaussian_constant_of_half_its_size():
    x, y = uniform(50)
    by_diameter = confidence_interval(x, y, diameter=1.0)
    by_constant = confidence_interval(x, y, sub_gaussian=0.5)
    assert by_diameter.upper == pytest.approx(by_constant.upper, rel=1e-14)


def test_bernstein_radius_is_theorem_4_of_maurer_and_pontil():
    values = np.random.default_rng(0).random(200)
    v = sum((a - b) ** 2 for a in values for b in values) / (2 * 200 * 199)
    expected = math.sqrt(2 * v * math.log(2 / 0.05) / 200) + 7 * math.log(2 / 0.05) / (3 * 199)
    assert bernstein_radius(values.var(ddof=1), 1.0, 200, 0.05) == pytest.approx(expected, rel=1e-12)
    assert bernstein_radius(9 * values.var(ddof=1), 3.0, 200, 0.05) == pytest.approx(3 * expected, rel=1e-12)


def test_hoeffding_radius_inverts_its_tail():
    radius = hoeffding_radius((0.5, 2.0), (10, 40), 0.01)
    assert math.exp(-(radius**2) / (2 * (0.25 / 10 + 4 / 40))) == pytest.approx(0.01, rel=1e-12)


@pytest.mark.parametrize("d", [1, 2, 8])
def test_the_fitted_function_is_1_lipschitz_everywhere(d):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, d)), rng.normal(size=(30, d)) + 0.5
    function = choose_function(x, y, rng, 1e9)
    places = 3 * rng.normal(size=(200, d))
    f = function(places)
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    assert (abs(f[:, None] - f[None]) <= distances + 1e-12).all()


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_intervals_scale_and_move_with_the_points(factor):
    x, y = uniform(60, d=2, shift=0.5)
    base = confidence_interval(x, y, diameter=2)
    scaled = confidence_interval(x * factor + factor, y * factor + factor, diameter=2 * factor)
    assert scaled.lower == pytest.approx(base.lower * factor, rel=1e-6)
    assert scaled.upper == pytest.approx(base.upper * factor, rel=1e-6)


def test_far_laws_are_told_apart_and_the_interval_narrows_with_n():
    widths = []
    for n in (100, 400, 1600):
        x, y = uniform(n, d=1, shift=3.0)
        interval = confidence_interval(x, y, diameter=1)
        assert 3.0 in interval
        assert interval.lower > 2
        widths.append(interval.width)
    assert widths == sorted(widths, reverse=True)


def test_a_pair_of_diameters_belongs_to_source_and_target():
    x, y = uniform(50)
    interval = confidence_interval(x, 10 * y, diameter=(1, 10))
    radius = math.sqrt((1 + 100) / 50 / 2 * math.log(2 / 0.05))
    assert interval.upper == pytest.approx(wasserstein(x, 10 * y).distance + radius, rel=1e-10)
    with pytest.raises(InvalidValueError, match="two points of y"):
        confidence_interval(x, 10 * y, diameter=(10, 1))


def test_the_same_seed_gives_the_same_interval():
    x, y = uniform(60, d=2)
    assert confidence_interval(x, y, diameter=2, seed=4) == confidence_interval(x, y, diameter=2, seed=4)


# The asymptotic ends against limit laws that are known.


def test_the_radius_on_the_line_is_that_of_the_brownian_bridge():
    # P = Q uniform: √(nm/(n+m)) (radius) tends to the 0.95 quantile of ∫ |B|, simulated here from its series
    # B(t) = Σ √2 ξ_k sin(kπt) / (kπ).
    rng = np.random.default_rng(0)
    k, t = np.arange(1, 101)[:, None], (np.arange(200) + 0.5)[None] / 200
    bridge = rng.standard_normal((20_000, 100)) @ (math.sqrt(2) * np.sin(k * math.pi * t) / (k * math.pi))
    norms = abs(bridge).mean(axis=1)
    quantile = np.quantile(norms, 0.95)
    x, y = uniform(2000)
    interval = confidence_interval(x, y, method="asymptotic", n_draws=1999)
    radius = (interval.upper - wasserstein(x, y).distance) * math.sqrt(1000)
    # Two quantiles of simulations: each has a standard error of √(.05 · .95 / N) over the density there, taken from the
    # quantiles beside it; the uniform law itself is known to 1/√2000.
    density = 0.02 / (np.quantile(norms, 0.96) - np.quantile(norms, 0.94))
    error = math.sqrt(0.05 * 0.95 * (1 / 2000 + 1 / 20_000)) / density + quantile / math.sqrt(2000)
    assert abs(radius - quantile) < 3 * error


def test_atoms_on_the_line_agree_with_the_line():
    rng = np.random.default_rng(0)
    atoms = np.array([0.0, 1.0, 4.0])
    x, y = rng.choice(atoms, 100), rng.choice(atoms, 120, p=[0.2, 0.2, 0.6])
    line = confidence_interval(x, y, method="asymptotic", n_draws=399)
    finite = confidence_interval(x, y, method="asymptotic", atoms=atoms, n_draws=399)
    # The same limit law, drawn twice: quantiles of 399 draws are some 5 % apart.
    assert finite.width == pytest.approx(line.width, rel=0.2)
    assert finite.kind == "statistical at level 0.95, asymptotic"


def test_laws_on_one_atom_are_known_exactly():
    x = np.zeros((50, 2))
    atoms = [[0.0, 0.0], [3.0, 4.0]]
    interval = confidence_interval(x, x + [3.0, 4.0], method="asymptotic", atoms=atoms, n_draws=99)
    assert (interval.lower, interval.upper) == pytest.approx((5.0, 5.0))
    assert confidence_interval(x[:, 0], x[:, 0] + 2, method="asymptotic").width == pytest.approx(0, abs=1e-12)


# Bad input.

X, Y = uniform(60)
X2, Y2 = uniform(60, d=2)


@pytest.mark.parametrize("level", [0, 1, -0.1, 1.5, math.nan, math.inf, 95])
def test_level_outside_the_open_unit_interval_is_refused(level):
    with pytest.raises(InvalidValueError, match=r"level must be in \(0, 1\), ends excluded, got .*; take 0.95"):
        confidence_interval(X, Y, level=level, diameter=1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, InvalidValueError, "diameter must be declared .* cannot be estimated.*; pass diameter=D"),
        ({"diameter": 1, "sub_gaussian": 1}, InvalidValueError, "sub_gaussian must be left out where diameter"),
        ({"diameter": 0.5}, InvalidValueError, "diameter must be at least the distance of two points of x"),
        ({"diameter": -1}, InvalidValueError, "diameter must be in"),
        ({"diameter": math.inf}, InvalidValueError, "diameter must be in"),
        ({"diameter": (1, 1, 1)}, InvalidShapeError, "diameter must be a number or a pair, got 3 entries"),
        ({"diameter": "1"}, InvalidTypeError, "diameter must be a real number"),
        ({"sub_gaussian": 0.01}, InvalidValueError, "sub_gaussian must allow for points of x that are"),
        ({"sub_gaussian": 0}, InvalidValueError, "sub_gaussian must allow for"),
        ({"method": "bootstrap"}, InvalidValueError, "method must be one of finite-sample, asymptotic"),
        ({"level": "0.95", "diameter": 1}, InvalidTypeError, "level must be a real number"),
        ({"diameter": 1, "atoms": [0.0]}, InvalidValueError, "atoms must be left out for method='finite-sample'"),
        (
            {"method": "asymptotic", "diameter": 1},
            InvalidValueError,
            "diameter must be left out for method='asymptotic'",
        ),
        ({"method": "asymptotic", "level": 0.999, "n_draws": 99}, InvalidValueError, "n_draws must be at least 999"),
        ({"diameter": 1, "seed": -1}, InvalidValueError, "seed must be at least 0"),
        ({"diameter": 1, "max_memory": 0}, InvalidValueError, "max_memory must be in"),
    ],
)
def test_bad_settings_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        confidence_interval(X, Y, **arguments)


def test_declared_diameters_are_checked_between_points_and_not_along_boxes():
    # The box around a disc has a diagonal that no two of its points attain.
    angles = np.linspace(0, 2 * math.pi, 40, endpoint=False)
    disc = np.column_stack([np.cos(angles), np.sin(angles)])
    confidence_interval(disc, disc, diameter=2)
    with pytest.raises(InvalidValueError, match=r"two points of x, 2, got 1\.99"):
        confidence_interval(disc, disc, diameter=1.99)


def test_asymptotic_off_the_line_is_refused_with_the_reason():
    with pytest.raises(InvalidValueError, match=re.escape("n^(-1/d)") + ".*dimension 2; declare diameter"):
        confidence_interval(X2, Y2, method="asymptotic")


@pytest.mark.parametrize(
    ("x", "y", "arguments", "message"),
    [
        (X[:7], Y, {"diameter": 1}, "x must have at least 8 points, got 7"),
        (X, Y[:49], {"method": "asymptotic"}, "y must have at least 50 points, got 49"),
        (X, Y2, {"diameter": 1}, "y must have the dimension of x, 1, got dimension 2"),
        (X2 * 0, Y2 * 0, {"method": "asymptotic", "atoms": [0.0, 1.0]}, "atoms must have the dimension of x, 2"),
        (X * 0, Y * 0, {"method": "asymptotic", "atoms": np.arange(13.0)}, "x must have at least 5 points for each of"),
        (X, Y, {"method": "asymptotic", "atoms": [0.0, 1.0]}, "x must take declared atoms only, got .* at row 0"),
        (X * 0, Y * 0, {"method": "asymptotic", "atoms": [0.0, 1.0, -0.0]}, "atoms must list each point once"),
        ([math.nan] * 40, Y, {"diameter": 1}, "x must be finite"),
    ],
)
def test_samples_that_do_not_fit_are_refused(x, y, arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        confidence_interval(x, y, **arguments)
