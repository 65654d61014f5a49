"""What the strategies draw is what they say, whatever it is, and the simplest of it is simple."""

import re
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from torch import nn

import otgan
from otgan.errors import InvalidTypeError, InvalidValueError
from otgan.lipschitz import certified_upper_bound, steepest_pair
from otgan.measures import DiscreteMeasure, GaussianMixture
from otgan.testing import (
    KnownW1,
    cones,
    critics,
    discrete_measures,
    gaussian_mixtures,
    max_min_network,
    pairs_with_known_w1,
    point_clouds,
    relu_network,
    weights,
    with_bump,
)
from tests.truth import certain_optimum

NONE = settings(database=None, derandomize=True)


def simplest(strategy, condition=lambda _: True):
    return find(strategy, condition, settings=settings(NONE, max_examples=100))


def some(strategy, condition):
    """One that meets the condition, as it was drawn."""
    return find(strategy, condition, settings=settings(NONE, max_examples=2000, phases=[Phase.generate]))


def test_the_simplest_of_each():
    assert simplest(point_clouds(2)).tolist() == [[0.0, 0.0]]
    assert simplest(weights(2)).tolist() == [0.5, 0.5]
    assert repr(simplest(discrete_measures())) == "DiscreteMeasure([[0.0]], [1.0])"
    assert repr(simplest(gaussian_mixtures(2))) == "GaussianMixture([[0.0, 0.0]], [1.0], [1.0])"
    assert simplest(pairs_with_known_w1(families=["translation"]), lambda pair: pair.w1 > 0).y.tolist() == [[1.0]]


@pytest.mark.parametrize(
    "condition",
    [
        lambda x: len(np.unique(x, axis=0)) < len(x),
        lambda x: 0 < np.abs(x).max() < 1e-4,
        lambda x: np.abs(x).max() > 1e4,
        lambda x: x.shape == (6, 3),
        lambda x: (x != np.round(x, 2)).any() and np.abs(x).max() > 1,
    ],
    ids=["duplicates", "tiny", "huge", "most points", "no lattice"],
)
def test_clouds_of_every_kind_are_drawn(condition):
    assert condition(some(point_clouds(), condition))


def test_weights_of_every_kind_are_drawn():
    assert (some(weights(3), lambda w: (w == 0).any()) == 0).any()
    wide = some(weights(3), lambda w: 0 < w.min() < 1e-9 * w.max())
    assert wide.sum() == pytest.approx(1)


@NONE
@given(point_clouds((2, 5), min_points=2, max_points=3, scales=(1e3,)), weights(4))
def test_sizes_are_kept(x, w):
    assert x.dtype == np.float64
    assert 2 <= len(x) <= 3
    assert x.shape[1] in (2, 5)
    assert np.abs(x).max() <= 8e3
    assert w.shape == (4,)
    assert w.min() >= 0
    assert w.sum() == pytest.approx(1, abs=1e-15)


@NONE
@given(discrete_measures(), gaussian_mixtures())
def test_measures_print_as_what_makes_them(measure, mixture):
    again = eval(repr(measure), {"DiscreteMeasure": DiscreteMeasure})
    np.testing.assert_array_equal(again.points, measure.points)
    np.testing.assert_array_equal(again.raw_weights, measure.raw_weights)
    twin = eval(repr(mixture), {"GaussianMixture": GaussianMixture})
    draws = [m.sample(4, np.random.default_rng(0)) for m in (mixture, twin)]
    np.testing.assert_array_equal(*draws)


@settings(NONE, max_examples=100)
@given(pairs_with_known_w1(max_points=4))
def test_known_w1_is_the_optimum(pair):
    """Against a linear program in rational arithmetic, which knows none of the arguments."""
    optimum = certain_optimum(pair.x, pair.y, pair.a, pair.b)
    assert Fraction(pair.interval.lower) <= optimum <= Fraction(pair.interval.upper)
    again = eval(repr(pair), {"KnownW1": KnownW1})
    np.testing.assert_array_equal(again.a, pair.a)


@pytest.mark.parametrize("family", ["same", "translation", "dirac", "scaled", "shared", "line"])
def test_each_family_is_drawn_and_is_not_only_zero(family):
    pair = some(pairs_with_known_w1(families=[family]), lambda p: len(p.x) > 1 and (p.w1 > 0 or family == "same"))
    assert pair.family == family
    solution = otgan.wasserstein(pair.x, pair.y, pair.a, pair.b)
    assert solution.lower_bound <= pair.interval.upper
    assert solution.upper_bound >= pair.interval.lower


@settings(NONE, max_examples=40)
@given(critics(2, lipschitz=True))
def test_lipschitz_critics_are(critic):
    assert critic(torch.zeros(3, 2)).numel() == 3
    assert steepest_pair(critic, domain=[(-3, 3)] * 2, n_points=500, n_rounds=3).value <= 1
    if isinstance(critic, nn.Sequential):
        assert certified_upper_bound(critic).value <= 1 + 1e-6


@settings(NONE, max_examples=40)
@given(critics((1, 2), lipschitz=False))
def test_steep_critics_are(critic):
    d = len(critic.centre) if hasattr(critic, "centre") else critic[0].in_features
    # Where a ball is, two points near its centre tell; elsewhere the slope is the same all over.
    centre = critic.centre.tolist() if hasattr(critic, "centre") else [0.7] * d
    box = [(c - 0.05, c + 0.05) for c in centre]
    assert steepest_pair(critic, domain=box, n_points=500, n_rounds=3).value > 1.2


@pytest.mark.parametrize(
    ("lipschitz", "kind"),
    [(True, "Cones"), (True, "GroupSort"), (False, "Bump"), (False, "ReLU"), (None, "Bump"), (None, "GroupSort")],
)
def test_critics_of_every_kind_are_drawn(lipschitz, kind):
    critic = some(critics(2, lipschitz=lipschitz), lambda critic: kind in str(critic))
    assert kind in str(critic)


def test_networks_compute_what_is_written():
    at = torch.tensor([[3.0, -4.0]])
    network = relu_network([([[1.0, 0.0], [0.0, 1.0]], [0.0, 1.0]), ([[2.0, 1.0]], [0.5])])
    assert network(at).item() == 6.5
    sort = max_min_network([([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0]), ([[0.0, 1.0]], [0.0])])
    assert sort(at).item() == 3
    assert cones([[0.0, 0.0]], [1.0])(at).item() == -4
    bump = with_bump(network, [3.0, -4.0], radius=0.5, slope=2.0)
    assert bump(at).item() == 7.5
    assert bump(at + 1).item() == network(at + 1).item()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: point_clouds("2"), InvalidTypeError, "dims must be a dimension or several, got '2'"),
        (lambda: point_clouds(0), InvalidValueError, "dims must be at least 1, got 0"),
        (lambda: point_clouds(min_points=3, max_points=2), InvalidValueError, "max_points must be at least 3, got 2"),
        (lambda: point_clouds(scales=[0.0]), InvalidValueError, r"scales must be in \(0, "),
        (lambda: point_clouds(scales=[]), InvalidValueError, "scales must hold a number"),
        (lambda: pairs_with_known_w1(scales=[]), InvalidValueError, "scales must hold a number"),
        (lambda: critics(lipschitz="yes"), InvalidTypeError, "lipschitz must be True, False or None, got 'yes'"),
        (lambda: weights(0), InvalidValueError, "n must be at least 1"),
        (lambda: pairs_with_known_w1(families=["circle"]), InvalidValueError, "families must be among same, trans"),
        (lambda: pairs_with_known_w1(2, families=["line"]), InvalidValueError, "dims must include 1 for the family"),
        (lambda: pairs_with_known_w1(scales=[0.1]), InvalidValueError, "scales must be powers of two, got 0.1"),
        (lambda: critics(max_width=1), InvalidValueError, "max_width must be at least 2"),
        (lambda: relu_network([]), InvalidValueError.__base__, "layers must end in one output, got 0 layers"),
        (lambda: relu_network([([[1.0]], [0.0, 1.0])]), InvalidValueError.__base__, r"bias 0 must have shape \(1,\)"),
        (lambda: relu_network([([[1.0]], [0.0]), ([[1.0, 2.0]], [0.0])]), ValueError, "weight 1 must have 1 columns"),
        (lambda: with_bump(nn.Identity(), [0.0], radius=0.0), InvalidValueError, "radius must be in"),
    ],
)
def test_arguments_are_checked(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_lists_are_accepted_where_printed():
    pair = KnownW1(x=[[0.0]], y=[[2.0]], a=[1.0], b=[1.0], w1=2.0, family="translation")
    assert pair.interval.lower < 2.0 < pair.interval.upper
    assert re.fullmatch(r"KnownW1\(x=\[\[0\.0\]\], y=.*family='translation'\)", repr(pair))


def test_two_clouds_share_points():
    both = st.tuples(point_clouds(2), point_clouds(2))
    x, y = some(both, lambda c: len(c[0]) > 1 and any((c[0][-1] == row).all() for row in c[1]) and c[0][-1].any())
    assert (x[-1] == y).all(axis=1).any()


WITHOUT = """
import sys
sys.modules["hypothesis"] = None  # importing it raises ImportError
import otgan.testing
from otgan.errors import MissingDependencyError
from otgan.testing import assert_coupling, assert_lipschitz, relu_network
assert_lipschitz(relu_network([([[1.0]], [0.0])]), domain=[(-1, 1)])
assert_coupling([[1.0]])
for name in ("point_clouds", "critics", "pairs_with_known_w1"):
    try:
        getattr(otgan.testing, name)
    except MissingDependencyError as error:
        assert "pip install 'otgan[testing]'" in str(error), error
    else:
        raise SystemExit(name)
try:
    from otgan.testing import weights
except ImportError as error:
    print(error)
"""


def test_without_hypothesis_only_the_strategies_are_missing():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("the strategies of otgan.testing need Hypothesis, which is not installed; run pip")


def test_names_resolve():
    import otgan.testing

    assert all(getattr(otgan.testing, name) is not None for name in otgan.testing.__all__)
    assert set(otgan.testing.__all__) <= set(dir(otgan.testing))
    with pytest.raises(AttributeError, match="no attribute 'assert_nothing'"):
        _ = otgan.testing.assert_nothing
