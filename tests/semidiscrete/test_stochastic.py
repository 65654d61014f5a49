"""Averaged ascent and its interval, against closed forms on the line and solvers that share nothing with it."""

from __future__ import annotations

import math
import signal

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import binom

import otgan
from otgan.costs import point_costs
from otgan.errors import Interrupted, InvalidInputError, InvalidTypeError, InvalidValueError, NotProvidedError
from otgan.measures import Gaussian, Uniform
from otgan.semidiscrete import bracket, semidiscrete_wasserstein
from otgan.semidiscrete.ascent import ascend
from otgan.solution import Status

ATOMS = np.array([0.1, 0.9, 0.35, 1.6])
WEIGHTS = np.array([0.3, 0.15, 0.35, 0.2])


def cost_on_line(atoms, weights, p):
    """W_p^p from the uniform law on [0, 1]: the quantile of the atoms is constant on intervals of [0, 1]."""
    order = np.argsort(atoms)
    edges = np.concatenate([[0.0], np.cumsum(weights[order])])
    primitive = lambda t: np.sign(t) * abs(t) ** (p + 1) / (p + 1)  # noqa: E731
    return float(sum(primitive(edges[1:] - atoms[order]) - primitive(edges[:-1] - atoms[order])))


def solve(source, atoms, weights=None, *, seed=0, **settings):
    settings = {"max_iter": 300, "n_fresh": 4000} | settings
    return semidiscrete_wasserstein(
        source, atoms, weights, method="stochastic", rng=np.random.default_rng(seed), **settings
    )


@pytest.mark.parametrize("p", [1, 2, 3.5])
def test_uniform_law_on_the_line(p):
    truth = cost_on_line(ATOMS, WEIGHTS, p)
    found = solve(Uniform(0.0, 1.0), ATOMS, WEIGHTS, p=p, level=0.999)
    assert truth in found.cost_interval
    assert found.lower_bound <= truth ** (1 / p) <= found.upper_bound
    assert found.lower_bound <= found.distance <= found.upper_bound
    assert found.cost == pytest.approx(truth, abs=found.cost_interval.width)
    assert found.cost_interval.kind == "statistical at level 0.999, asymptotic"
    if p > 1:  # for p = 1, atoms on one side of a point tie, and the cells of the optimum are not its plan
        # Four standard errors of the shares of 4000 draws.
        assert found.masses == pytest.approx(WEIGHTS, abs=4 * 0.5 / math.sqrt(4000))
    assert found.stats.marginal_violation == pytest.approx(abs(found.masses - WEIGHTS).sum())


def test_cells_on_the_line_are_the_intervals_of_the_quantiles():
    found = solve(Uniform(0.0, 1.0), ATOMS, WEIGHTS, p=2, max_iter=2000)
    places = np.linspace(0.0, 1.0, 401)
    edges = np.array([0.3, 0.65, 0.8])  # masses of the atoms in their order on the line
    away = abs(places[:, None] - edges).min(axis=1) > 0.02
    rank = np.searchsorted(edges, places[away])
    assert (found.assign(places[away]) == np.argsort(ATOMS)[rank]).all()
    assert found.potentials(places) == pytest.approx(((places[:, None] - ATOMS) ** 2 - found.g).min(axis=1))


@pytest.mark.parametrize("max_iter", [1, 100])
def test_either_end_misses_as_rarely_as_it_says(max_iter):
    """At the level 0.8 each end is wrong in a tenth of the cases at most, after one step as after many."""
    truth, runs = cost_on_line(ATOMS, WEIGHTS, 2), 60
    law = Uniform(0.0, 1.0)
    found = [
        solve(law, ATOMS, WEIGHTS, seed=seed, p=2, level=0.8, n_fresh=300, max_iter=max_iter, batch_size=32)
        for seed in range(runs)
    ]
    most = binom.ppf(0.9999, runs, 0.1)
    assert sum(one.cost_interval.lower > truth for one in found) <= most
    assert sum(one.cost_interval.upper < truth for one in found) <= most
    # And narrow: an interval of ten standard deviations would pass the above. f ≤ c lies in [0, 1.6²] here.
    assert max(one.cost_interval.width for one in found) < 2 * 1.2816 * 1.28 / math.sqrt(300) + 0.02


def test_a_declared_diameter_holds_for_every_number_of_draws_and_is_wider():
    truth = cost_on_line(ATOMS, WEIGHTS, 1)
    law = Uniform(0.0, 1.0)
    bounded, asymptotic = (solve(law, ATOMS, WEIGHTS, diameter=diameter) for diameter in (1.0, None))
    assert bounded.cost_interval.kind == "statistical at level 0.95, finite-sample"
    assert truth in bounded.cost_interval
    # Hoeffding's radius on either side of values that differ by what weak duality leaves, which is small.
    radius = math.sqrt(math.log(1 / 0.025) / (2 * 4000))
    assert 2 * radius <= bounded.gap <= 2 * radius + 0.01
    assert asymptotic.gap < bounded.gap


@pytest.mark.parametrize("p", [1, 1.5, 2, 4])
def test_no_transform_varies_by_more_than_the_range(p):
    rng = np.random.default_rng(1)
    x = rng.random((400, 2))
    y = rng.normal(size=(6, 2)) * 3
    draws = point_costs(x, y, p=p)
    widest = max(
        float(np.ptp((draws.block(slice(None), slice(None)) - rng.normal(size=6) * 20).min(axis=1))) for _ in range(50)
    )
    assert widest <= bracket._range(draws, math.sqrt(2))


def test_far_atoms_and_scales():
    """The start and the steps know the units: a map of everything by a factor maps the answer, draw by draw."""
    rng = np.random.default_rng(2)
    y = rng.random((8, 2)) + 30
    small, large = (solve(Uniform([0.0, 0.0], [s, s]), y * s, p=2, max_iter=50, n_fresh=500) for s in (1.0, 2.0**40))
    assert large.distance == pytest.approx(2.0**40 * small.distance, rel=1e-9)
    assert large.g == pytest.approx(2.0**80 * small.g, rel=1e-6, abs=2.0**80 * 1e-9)
    shift = 30.0 * math.sqrt(2)
    assert small.lower_bound <= shift + math.sqrt(2)
    assert small.upper_bound >= shift - math.sqrt(2)


@pytest.mark.parametrize("exponent", [-330, 330])
def test_the_radius_knows_the_units(exponent):
    """Squares of costs leave float64 here; the interval is as wide, beside the distance, as in any other unit."""
    s = 2.0**exponent
    y = np.random.default_rng(4).random((5, 2))
    one, other = (solve(Uniform([0.0] * 2, [u] * 2), y * u, p=2, max_iter=5, n_fresh=200) for u in (1.0, s))
    assert one.relative_gap > 0.01
    assert other.relative_gap == pytest.approx(one.relative_gap, rel=1e-6)


def test_smoothing_that_is_hardly_any_is_none():
    law, atoms = Uniform([0.0, 0.0], [1.0, 1.0]), np.random.default_rng(4).random((5, 2))
    none, hardly = (solve(law, atoms, max_iter=5, n_fresh=100, epsilon=epsilon) for epsilon in (0.0, 1e-320))
    assert hardly.g == pytest.approx(none.g, abs=1e-12)


def test_a_law_that_is_its_atoms_is_at_distance_nothing():
    found = solve(np.zeros((1, 2)), np.zeros((3, 2)), max_iter=1, n_fresh=100)
    assert found.upper_bound == 0.0
    assert found.converged


def test_translations_of_a_gaussian():
    """All mass to one atom: W_1 is the mean of a norm, here that of a normal law on the line."""
    found = solve(Gaussian([0.0], [[4.0]]), [0.0], level=0.999)
    assert 2 * math.sqrt(2 / math.pi) in found.distance_interval
    assert found.g == [0.0]


def test_a_sampler_and_points_are_laws_too():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(40, 2)), rng.normal(size=(5, 2)) + 1
    exact = otgan.wasserstein(x, y)
    found = solve(x, y, level=0.999)
    assert exact.distance in found.distance_interval
    by_sampler = solve(lambda n, rng: x[rng.integers(40, size=n)], y, level=0.999)
    assert exact.distance in by_sampler.distance_interval


def test_repeated_atoms_are_merged_and_those_without_mass_left_out():
    y = [[2.0], [0.0], [2.0], [1.0], [-0.0]]
    found = solve(Uniform(0.0, 1.0), y, [0.25, 0.25, 0.25, 0.0, 0.25])
    assert found.atoms.tolist() == [[2.0], [0.0]]
    assert found.weights.tolist() == [0.5, 0.5]
    assert found.g.shape == found.masses.shape == (2,)
    assert cost_on_line(np.array([2.0, 0.0]), found.weights, 1) in found.cost_interval


def test_smoothing_climbs_the_smoothed_dual():
    """Its maximum is the potential of Sinkhorn's fixed point, here by a plain iteration on a law of few points."""
    rng = np.random.default_rng(4)
    x, y, epsilon = rng.random((6, 2)), rng.random((4, 2)), 0.5
    b = np.array([0.4, 0.3, 0.2, 0.1])
    costs = np.linalg.norm(x[:, None] - y, axis=2)
    g = np.zeros(4)
    for _ in range(200):
        f = -epsilon * logsumexp((g - costs) / epsilon, b=b, axis=1)
        g = -epsilon * logsumexp((f[:, None] - costs) / epsilon - math.log(6), axis=0)
    law, atoms = otgan.measures.empirical(x), point_costs(y, y)
    limits = {"deadline": math.inf, "interrupted": lambda: False, "show": lambda text: None}
    found, _ = ascend(law, atoms, b, rng, batch_size=64, max_iter=1000, epsilon=epsilon, **limits)
    assert found == pytest.approx(g - b @ g, abs=0.01)
    unsmoothed, _ = ascend(law, atoms, b, rng, batch_size=64, max_iter=1000, epsilon=0.0, **limits)
    assert abs(unsmoothed - found).max() > 0.02  # so that the line above says something


def test_stopped_by_time_or_by_ctrl_c_it_still_brackets():
    truth = cost_on_line(ATOMS, WEIGHTS, 1)
    stopped = solve(Uniform(0.0, 1.0), ATOMS, WEIGHTS, max_seconds=1e-9, tol=0.0, level=0.999)
    assert stopped.status is Status.RESOURCE_LIMIT
    assert not stopped.converged
    assert truth in stopped.cost_interval
    calls = 0

    def pressed(n, rng):
        nonlocal calls
        calls += 1
        if calls == 5:
            signal.raise_signal(signal.SIGINT)
        return rng.random((n, 1))

    with pytest.raises(Interrupted) as caught:
        solve(pressed, ATOMS, WEIGHTS, tol=0.0, level=0.999, max_iter=10**6)
    assert caught.value.partial.status is Status.INTERRUPTED
    assert truth in caught.value.partial.cost_interval


def test_status_says_whether_the_interval_is_as_narrow_as_asked():
    law = Uniform(0.0, 1.0)
    wide, narrow = (solve(law, ATOMS, WEIGHTS, tol=tol) for tol in (1e-6, 0.5))
    assert wide.status is Status.ITERATION_LIMIT
    assert narrow.status is Status.OPTIMAL
    assert narrow.converged
    assert narrow.relative_gap <= 0.5
    assert wide.gap == narrow.gap
    assert solve(law, ATOMS, WEIGHTS, seed=1).gap != wide.gap


def test_what_it_does_not_have_it_says():
    found = solve(Uniform(0.0, 1.0), ATOMS, n_fresh=200, max_iter=1)
    with pytest.raises(NotProvidedError, match=r"otgan.wasserstein\(x, y\).plan"):
        _ = found.plan
    with pytest.raises(NotProvidedError, match="method='power-diagram'"):
        _ = found.cells
    with pytest.raises(InvalidInputError, match="points must have the dimension of y, 1, got shape"):
        found.assign([[0.0, 1.0]])
    assert "ITERATION_LIMIT, atoms=4" in repr(found)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"rng": None}, InvalidTypeError, "rng must be given for method 'stochastic', got None"),
        ({"rng": 0}, InvalidTypeError, "rng must be a numpy.random.Generator"),
        ({"level": 1}, InvalidValueError, r"level must be in \(0, 1\), ends excluded"),
        ({"level": 0}, InvalidValueError, "level must be in"),
        ({"n_fresh": 10}, InvalidValueError, "n_fresh must be at least 100, got 10"),
        ({"epsilon": -1}, InvalidValueError, "epsilon must be in"),
        ({"max_iter": 0}, InvalidValueError, "max_iter must be at least 1"),
        ({"p": 0.5}, InvalidValueError, "p must be in"),
        ({"method": "sgd"}, InvalidValueError, "method must be one of auto, stochastic, power-diagram"),
        ({"diameter": 0.5}, InvalidValueError, "diameter must be at least the distance of two draws"),
        ({"y": [[0.0, 1.0]]}, InvalidInputError, "y must have the dimension of the source, 1, got 2"),
        ({"b": [1.0, -1.0]}, InvalidInputError, "b must not be negative"),
        ({"source": "law"}, InvalidInputError, "source must hold real numbers"),
    ],
)
def test_bad_input(settings, error, message):
    usual = {"source": Uniform(0.0, 1.0), "y": [0.0, 1.0], "rng": np.random.default_rng(0), "method": "stochastic"}
    with pytest.raises(error, match=message):
        semidiscrete_wasserstein(**(usual | {"max_iter": 1, "n_fresh": 200} | settings))
