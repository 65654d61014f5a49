import math

import numpy as np
import pytest
import torch
from torch import nn

from otgan.critics import MLPCritic
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.lipschitz import as_function, audit, certified_upper_bound, sampled_lower_bound

W = np.array([3.0, -4.0])


def points(n=200, d=2, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def lower(critic, where=None, seed=0, **options):
    options = {"n_pairs": 256, "n_starts": 16, "n_rounds": 8} | options
    return sampled_lower_bound(critic, points() if where is None else where, np.random.default_rng(seed), **options)


def assert_witness(bound, critic, d=2):
    """The two points show the slope, by themselves."""
    f, f_other = as_function(critic, d).values(np.stack([bound.x, bound.x_other]))
    assert abs(f - f_other) / np.linalg.norm(bound.x - bound.x_other) >= bound.value > 0


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_linear_maps(unit):
    bound = lower(lambda x: x @ W, unit * points())
    assert 5 * (1 - 1e-7) < bound.value <= 5
    assert_witness(bound, lambda x: x @ W)


def test_a_norm_in_torch_and_numpy():
    for critic in (lambda x: np.sqrt((x**2).sum(1)), lambda x: torch.linalg.vector_norm(x, dim=1)):
        bound = lower(critic)
        assert 1 - 1e-6 < bound.value <= 1


def test_an_absolute_value_made_of_relus():
    critic = nn.Sequential(nn.Linear(1, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        critic[0].weight.copy_(torch.tensor([[1.0], [-1.0]]))
        critic[2].weight.fill_(1.0)
    bound = lower(critic, np.array([0.0, 1.0, -1.0]))
    assert 1 - 1e-7 < bound.value <= 1


def test_autograd_at_a_kink_is_not_believed():
    # x - relu(x) + relu(-x) is zero everywhere; with relu'(0) = 0, autograd says 1 at 0.
    def zero(x):
        return (x - torch.relu(x) + torch.relu(-x))[:, 0]

    where = np.zeros((50, 1))
    assert as_function(zero, 1).gradients(where).max() == 1
    bound = lower(zero, where)
    assert bound.value == 0
    np.testing.assert_array_equal(bound.x, bound.x_other)


def test_rounding_is_no_slope():
    # 1 + 1e-17 x is constant in float64, and a sine of size 1e-13 on top of 1e3 is mostly noise.
    assert lower(lambda x: 1 + 1e-17 * x[:, 0]).value == 0
    assert lower(lambda x: 1e3 + 1e-13 * np.sin(1e6 * x[:, 0])).value < 1e-7
    rough = np.float32
    assert lower(lambda x: x.astype(rough) @ W.astype(rough), 1e3 + points()).value <= 5


def test_it_finds_a_steep_place_between_the_points():
    # All slope is in a strip around 0, where there is no point.
    where = np.concatenate([points() / 10 + [3, 0], points() / 10 - [3, 0]])
    bound = lower(lambda x: np.tanh(3 * x[:, 0]) / 3, where)
    assert 0.999 < bound.value <= 1


def small(seed):
    """A random network of 3 ReLUs, and its Lipschitz constant: all patterns of the ReLUs that some point has."""
    critic = MLPCritic(2, hidden=(3,), seed=seed)
    a, b = (critic.layers[k].weight.detach().double().numpy() for k in (0, 2))
    bias = critic.layers[0].bias.detach().double().numpy()
    ticks = np.linspace(-60, 60, 601)
    grid = np.stack(np.meshgrid(ticks, ticks), -1).reshape(-1, 2)
    patterns = np.unique(grid @ a.T + bias > 0, axis=0)
    return critic, np.linalg.norm((patterns * b) @ a, axis=1).max()


@pytest.mark.parametrize("seed", range(8))
def test_small_networks_are_bracketed(seed):
    critic, truth = small(seed)
    bound = lower(critic, 5 * points(), n_pairs=1024)
    assert bound.value <= truth * (1 + 1e-12) <= certified_upper_bound(critic).value * (1 + 1e-12)
    assert bound.value > 0.8 * truth
    assert_witness(bound, critic)


@pytest.mark.parametrize("activation", ["relu", "tanh", "softplus", "elu", "leaky_relu"])
@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_lower_is_below_upper(activation, scale):
    critic = MLPCritic(5, hidden=(16, 16), activation=activation, seed=3)
    critic.standardize(np.full(5, scale), scale)
    bound = lower(critic, scale * (1 + points(d=5)))
    assert 0 < bound.value <= certified_upper_bound(critic).value


def test_one_affine_layer_closes_the_gap():
    critic = MLPCritic(2, hidden=())
    assert lower(critic).value == pytest.approx(certified_upper_bound(critic).value, rel=1e-7)


def test_the_generator_decides():
    critic = MLPCritic(2, seed=1)
    one, same = lower(critic, seed=4), lower(critic, seed=4)
    assert one.value == same.value
    np.testing.assert_array_equal(one.x, same.x)


def test_single_points_and_points_that_all_agree():
    for where in (np.zeros((1, 2)), np.ones((5, 2))):
        assert math.isclose(lower(lambda x: x @ W, where).value, 5, rel_tol=1e-6)


def test_arguments_are_checked():
    with pytest.raises(InvalidTypeError, match=r"rng must be a numpy\.random\.Generator"):
        sampled_lower_bound(lambda x: x @ W, points(), 0)
    with pytest.raises(InvalidValueError, match="n_pairs must be at least 1"):
        lower(lambda x: x @ W, n_pairs=0)
    with pytest.raises(InvalidShapeError, match=r"points must have shape \(n, 2\)"):
        lower(as_function(lambda x: x @ W, 2), points(d=3))


@pytest.mark.parametrize("size", [1e-150, 1e-160, 1e-200, 1e-300])
def test_short_distances_are_measured(size):
    """x ↦ x_1 has the slope 1; where squares of lengths underflow, too, none above it is reported."""
    for domain in ([(0.0, size)], [(0.0, size), (-size, size)]):
        assert audit(lambda x: x[:, 0], domain=domain).lower <= 1
    if size > 1e-290:
        assert audit(lambda x: x[:, 0], domain=[(0.0, size)]).lower > 0.99
