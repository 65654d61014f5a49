"""Dual potentials of three kinds: feasible, proving what they say, with the slopes that theory asks for."""

from __future__ import annotations

import math

import numpy as np
import pytest

import otgan
from otgan.certificate import lower_bound
from otgan.costs import point_costs
from otgan.errors import InvalidTypeError, InvalidValueError
from otgan.estimators import dual_potentials
from otgan.measures import DiscreteMeasure, Gaussian, Uniform
from otgan.problem import problem_from_points

KINDS = {
    "exact": {},
    "entropic": {"epsilon": 0.02},
    "stochastic": {"rng": 0, "max_iter": 500},
}


def potentials(x, y, a=None, b=None, *, method, **settings):
    given = KINDS[method] | settings
    if "rng" in given:
        given["rng"] = np.random.default_rng(given["rng"])
    return dual_potentials(x, y, a, b, method=method, **given)


def weighted_samples(seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(60, 2)), rng.normal(size=(25, 2)) * 0.5 + [2.0, 0.0]
    return x, y, rng.dirichlet(np.ones(60)), rng.dirichlet(np.ones(25))


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("method", KINDS)
def test_weak_duality_and_nearly_the_optimum(method, p):
    x, y, a, b = weighted_samples()
    exact = otgan.wasserstein(x, y, a, b, p=p)
    found = potentials(x, y, a, b, method=method, p=p)
    proven = lower_bound(problem_from_points(x, y, a, b, p=p, metric="euclidean"), found(x), found.g)
    assert proven <= exact.certificate.cost.upper
    # Smoothing costs at most ε (log 25 + 1) or so, 500 steps of 256 draws about as much.
    share = 1e-9 if method == "exact" else 0.05
    assert proven >= exact.cost * (1 - share)


@pytest.mark.parametrize("method", KINDS)
def test_all_are_feasible_everywhere(method):
    x, y, a, b = weighted_samples(1)
    found = potentials(x, y, a, b, method=method)
    assert isinstance(found, otgan.Potentials)
    places = np.random.default_rng(2).normal(size=(500, 2)) * 3
    targets = found.costs.y
    slack = np.linalg.norm(places[:, None] - targets, axis=2) - found(places)[:, None] - found.g
    assert slack.min() >= -1e-12
    assert abs(slack.min(axis=1)).max() <= 1e-12  # and no better f goes with this g
    assert found(found.costs.x) == pytest.approx(found.f, abs=1e-12)


@pytest.mark.parametrize("method", KINDS)
def test_slope_one_along_transport_rays(method):
    """Both clouds on parallel lines: the transport goes along the first axis, and f falls along it at slope 1."""
    rng = np.random.default_rng(3)
    x = np.column_stack([rng.uniform(-1.0, 0.0, 300), np.zeros(300)])
    y = np.column_stack([rng.uniform(2.0, 3.0, 20), np.zeros(20)])
    found = potentials(x, y, method=method)
    places = np.column_stack([np.linspace(-1.0, 1.9, 30), np.zeros(30)])
    step = np.array([1e-4, 0.0])
    slopes = (found(places + step) - found(places - step)) / 2e-4
    assert slopes == pytest.approx(np.full(30, -1.0), abs=1e-6)


def test_gradient_for_p_2_is_the_way_to_the_atom():
    """∇f(x) = 2 (x − T(x)) inside a cell; T for two atoms and the uniform square is known, a cut at the mass."""
    rng = np.random.default_rng(4)
    atoms = np.array([[0.25, 0.5], [0.75, 0.5]])
    found = potentials(Uniform([0.0, 0.0], [1.0, 1.0]), DiscreteMeasure(atoms, [0.3, 0.7]), method="stochastic", p=2)
    places = rng.random((200, 2)) * 0.9 + 0.05
    places = places[abs(places[:, 0] - 0.3) > 0.03]
    goal = atoms[(places[:, 0] > 0.3).astype(int)]
    step = 1e-5
    gradient = np.column_stack([(found(places + e) - found(places - e)) / (2 * step) for e in step * np.eye(2)])
    assert gradient == pytest.approx(2 * (places - goal), abs=1e-6)


def test_laws_on_both_sides():
    """Two Gaussians that differ by a shift: W_1 is its length, up to what 200 atoms know of the target."""
    source, target = Gaussian([0.0, 0.0], np.eye(2)), Gaussian([3.0, 0.0], np.eye(2))
    found = potentials(source, target, method="stochastic", n_atoms=200, max_iter=200)
    assert len(found.g) == 200
    fresh = np.random.default_rng(5)
    x, y = source.sample(20_000, fresh), target.sample(20_000, fresh)
    value = found(x).mean() - found(y).mean()  # f is 1-Lipschitz, so at most 3 in expectation
    error = math.sqrt((found(x).var() + found(y).var()) / 20_000)
    assert 2.7 < value < 3 + 4 * error


def test_weights_by_themselves_and_in_a_measure_are_read_alike():
    x, y, a, b = weighted_samples(6)
    by_arrays = potentials(x, y, a, b, method="stochastic", max_iter=5)
    by_measures = potentials(DiscreteMeasure(x, a), DiscreteMeasure(y, b), method="stochastic", max_iter=5)
    assert (by_arrays.g == by_measures.g).all()
    assert by_arrays.costs.shape == point_costs(by_arrays.costs.x, y).shape


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "message"),
    [
        (([0.0], [1.0]), {"method": "newton"}, InvalidValueError, "method must be one of exact, entropic, stochastic"),
        (([0.0], [1.0]), {"epsilon": 0.1}, InvalidValueError, "epsilon must be 0 for method 'exact', got 0.1"),
        (([0.0], [1.0]), {"method": "entropic"}, InvalidValueError, "epsilon must be in"),
        (([0.0], [1.0]), {"method": "stochastic"}, InvalidTypeError, "rng must be given for method 'stochastic'"),
        ((Uniform(0, 1), [1.0]), {}, InvalidTypeError, "x must be points for method 'exact', got Uniform"),
        (([1.0], lambda n, rng: rng.random(n)), {}, InvalidTypeError, "y must be points for method 'exact'"),
        (
            (Uniform(0, 1), [1.0], [1.0]),
            {"method": "stochastic", "rng": np.random.default_rng(0)},
            InvalidTypeError,
            "a must be left out where x is a law, got list",
        ),
    ],
)
def test_bad_input(arguments, settings, error, message):
    with pytest.raises(error, match=message):
        dual_potentials(*arguments, **settings)
