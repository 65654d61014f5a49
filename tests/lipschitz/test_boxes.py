import math

import mpmath
import numpy as np
import pytest
import torch

from otgan.critics import MLPCritic
from otgan.lipschitz.boxes import halve_boxes
from otgan.lipschitz.chain import Stage, read_chain
from otgan.lipschitz.eclipse import layerwise_bound
from otgan.lipschitz.enclosures import activated_slopes, activated_values, gradient_bounds, value_bounds
from otgan.lipschitz.lower import steepest_pair
from otgan.lipschitz.walk import UnknownModuleError
from tests.lipschitz.oracle import largest_slope, random_network


def box(half=1.0, dim=2):
    return np.array([[-half] * dim, [half] * dim])


def after(calls):
    left = iter(range(calls))
    return lambda: next(left, None) is None


ACTIVATIONS = {
    ("leaky", 0.0): (lambda t: max(t, 0), lambda t: 1 if t > 0 else 0),
    ("leaky", -0.5): (lambda t: t if t > 0 else -t / 2, lambda t: 1 if t > 0 else mpmath.mpf(-0.5)),
    ("leaky", 3.0): (lambda t: t if t > 0 else 3 * t, lambda t: 1 if t > 0 else 3),
    ("elu", 1.0): (lambda t: t if t > 0 else mpmath.expm1(t), lambda t: 1 if t > 0 else mpmath.exp(t)),
    ("elu", 2.5): (lambda t: t if t > 0 else 2.5 * mpmath.expm1(t), lambda t: 1 if t > 0 else 2.5 * mpmath.exp(t)),
    ("tanh", 1.0): (mpmath.tanh, lambda t: mpmath.sech(t) ** 2),
    ("sigmoid", 1.0): (lambda t: 1 / (1 + mpmath.exp(-t)), lambda t: mpmath.exp(-t) / (1 + mpmath.exp(-t)) ** 2),
    ("softplus", 3.0): (lambda t: mpmath.log(1 + mpmath.exp(3 * t)) / 3, lambda t: 1 / (1 + mpmath.exp(-3 * t))),
}


@pytest.mark.parametrize(("kind", "number"), ACTIVATIONS)
def test_activations_stay_in_their_intervals(kind, number):
    """At both ends and in between, in 60 digits."""
    value, slope = ACTIVATIONS[kind, number]
    rng = np.random.default_rng(0)
    low = np.concatenate([rng.normal(0, s, 40) for s in (1e-6, 1, 10, 400)])
    high = low + np.concatenate([rng.exponential(s, 40) for s in (1e-12, 1, 10, 1e-3)])
    stage = Stage(np.eye(1), np.zeros(1), kind, number)
    values, slopes = activated_values(stage, low, high), activated_slopes(stage, low, high)
    with mpmath.workdps(60):
        for k, (a, b) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
            inside = [mpmath.mpf(a) + (mpmath.mpf(b) - a) * s / 8 for s in range(9)]
            for t in inside:
                assert values[0][k] <= value(t) <= values[1][k]
            for t in inside[1:-1]:
                assert slopes[0][k] <= slope(t) <= slopes[1][k]
    assert (np.diff(values, axis=0)[0] <= 1.01 * max(abs(number), 1) * (high - low) + 1e-12 * (1 + abs(high))).all()


@pytest.mark.parametrize("kind", ["relu", "leaky", "sort"])
@pytest.mark.parametrize("seed", range(2))
def test_bounds_hold_against_all_patterns(kind, seed):
    rng = np.random.default_rng(seed)
    critic = random_network(rng, (2, 4, 4, 1), kind, zero_bias=seed == 1)
    truth = largest_slope(critic, *box())
    uppers = [halve_boxes(read_chain(critic), box(), lower=0.9 * truth, stop=after(n)).upper for n in (0, 3, 100)]
    assert all(upper >= truth * (1 - 1e-9) for upper in uppers)
    assert uppers == sorted(uppers, reverse=True)


@pytest.mark.parametrize("seed", range(4))
def test_sixteen_dimensions_against_all_patterns(seed):
    """The bracket is wide here, and never wrong."""
    rng = np.random.default_rng(seed)
    critic = random_network(rng, (16, 4, 3, 1), zero_bias=seed % 2 == 0, integer=seed == 3)
    truth = largest_slope(critic, *box(dim=16))
    found = halve_boxes(read_chain(critic), box(dim=16), lower=truth, stop=after(20))
    assert truth * (1 - 1e-9) <= found.upper


@pytest.mark.parametrize("activation", ["tanh", "elu", "softplus"])
def test_smooth_networks_are_closed_in_upon(activation):
    critic = MLPCritic(2, hidden=(8, 8), activation=activation, seed=1)
    critic.standardize([0.5, -1.0], 2.0)
    seen = steepest_pair(critic, domain=box().T, n_points=512, n_rounds=20)
    found = halve_boxes(read_chain(critic), box(), lower=seen.value, rtol=0.01)
    assert found.complete
    assert seen.value <= found.upper <= 1.011 * seen.value


def test_one_tanh_has_its_steepest_place_where_it_is():
    """f(x) = 3 tanh(2 x + 1): slope 6 at −1/2, or 6 / cosh²(1) from 0 on."""
    critic = MLPCritic(1, hidden=(1,), activation="tanh")
    with torch.no_grad():
        critic.layers[0].weight.fill_(2.0)
        critic.layers[0].bias.fill_(1.0)
        critic.layers[2].weight.fill_(3.0)
    chain = read_chain(critic)
    assert 6 <= halve_boxes(chain, box(dim=1), lower=6 * (1 - 1e-9)).upper <= 6.006
    away = halve_boxes(chain, np.array([[0.0], [1.0]]), lower=6 / math.cosh(1) ** 2)
    assert 6 / math.cosh(1) ** 2 <= away.upper <= 1.0011 * 6 / math.cosh(1) ** 2


@pytest.mark.parametrize("activation", ["relu", "tanh", "softplus"])
def test_gradients_at_points_stay_below_the_bounds_of_their_boxes(activation):
    critic = MLPCritic(3, hidden=(16, 16), activation=activation, seed=0).double()
    rng = np.random.default_rng(1)
    middle = rng.uniform(-1, 1, (50, 3))
    half = 10.0 ** rng.uniform(-12, 0, (50, 1))
    bounds = gradient_bounds(read_chain(critic), middle - half, middle + half)
    for share in rng.uniform(-1, 1, (20, 50, 3)):
        x = torch.tensor(middle + share * half, requires_grad=True)
        (gradients,) = torch.autograd.grad(critic(x).sum(), x)
        assert (gradients.norm(dim=1).numpy() <= bounds * (1 + 1e-12)).all()


@pytest.mark.parametrize("kind", ["relu", "leaky", "sort"])
def test_tiny_boxes_off_the_kinks_have_the_gradient_itself(kind):
    critic = random_network(np.random.default_rng(0), (2, 8, 8, 1), kind)
    middle = np.random.default_rng(1).uniform(-1, 1, (50, 2))
    bounds = gradient_bounds(read_chain(critic), middle - 1e-9, middle + 1e-9)
    x = torch.tensor(middle, requires_grad=True)
    (gradients,) = torch.autograd.grad(critic.double()(x).sum(), x)
    np.testing.assert_allclose(bounds, gradients.norm(dim=1).numpy(), rtol=1e-9, atol=1e-9)


def test_values_are_enclosed():
    critic = MLPCritic(3, hidden=(16, 16), activation="tanh", seed=0)
    critic.standardize([100.0, 0.3, -5.0], 0.7)
    chain = read_chain(critic)
    points = 100 * np.random.default_rng(0).standard_normal((5, 3))
    lows, highs = value_bounds(chain, points)
    with mpmath.workdps(60):
        for point, low, high in zip(points.tolist(), lows.tolist(), highs.tolist(), strict=True):
            v = [(mpmath.mpf(x) - c) / chain.scale for x, c in zip(point, chain.centre.tolist(), strict=True)]
            for stage in chain.stages:
                v = [mpmath.fdot(row, v) + b for row, b in zip(stage.weight.tolist(), stage.bias.tolist(), strict=True)]
                v = [mpmath.tanh(t) for t in v] if stage.kind == "tanh" else v
            assert low <= chain.scale * v[0] <= high
    assert (highs - lows <= 1e-11 * (1 + np.abs(lows))).all()


def test_too_much_for_memory_or_float64_is_refused():
    with pytest.raises(UnknownModuleError, match="too much memory"):
        halve_boxes(read_chain(MLPCritic(2**15, hidden=(128,))), box(dim=2**15))
    critic = MLPCritic(2).double()
    with torch.no_grad():
        critic.layers[0].weight.mul_(1e200)
    with pytest.raises(UnknownModuleError, match="too large"):
        halve_boxes(read_chain(critic), box())


@pytest.mark.parametrize("seed", range(4))
def test_the_layerwise_bound_holds_against_all_patterns(seed):
    rng = np.random.default_rng(seed)
    critic = random_network(rng, (3, 5, 4, 1), zero_bias=seed % 2 == 0)
    assert largest_slope(critic, *box(9.0, dim=3)) <= layerwise_bound(read_chain(critic)) * (1 + 1e-12)


def plain_eclipse(chain):
    """The recursion of the paper as it stands, in floating point."""
    X = np.eye(chain.dim)
    for stage in chain.stages[:-1]:
        P = stage.weight @ np.linalg.inv(X) @ stage.weight.T
        scale = 2 / np.linalg.eigvalsh(P).max()
        X = scale * np.eye(len(P)) - scale**2 / 4 * P
    w = chain.stages[-1].weight
    return math.sqrt((w @ np.linalg.inv(X) @ w.T)[0, 0])


@pytest.mark.parametrize(("dim", "hidden"), [(2, (32, 32)), (16, (8, 8, 8)), (3, ()), (1, (4,)), (2, (16,) * 6)])
def test_the_layerwise_bound_is_eclipse_fast_and_not_below_it(dim, hidden):
    chain = read_chain(MLPCritic(dim, hidden=hidden, seed=1))
    bound = layerwise_bound(chain)
    assert bound == pytest.approx(plain_eclipse(chain), rel=1e-7)
    assert bound >= plain_eclipse(chain) * (1 - 1e-13)


def test_the_layerwise_bound_knows_where_it_holds():
    for critic in (random_network(np.random.default_rng(0), (2, 4, 1), kind) for kind in ("leaky", "sort")):
        assert layerwise_bound(read_chain(critic)) == math.inf
    assert math.isfinite(layerwise_bound(read_chain(MLPCritic(2, activation="tanh"))))
