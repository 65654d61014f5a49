"""`assert_lipschitz`: functions whose constants are known, and what is said of those that break it."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from otgan.critics import MLPCritic
from otgan.critics.layers import Cones
from otgan.errors import CriticError, InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.lipschitz import steepest_pair
from otgan.testing import assert_lipschitz, relu_network

BOX = [(-1.0, 1.0)] * 2


class Twice(nn.Module):
    def forward(self, values):
        return 2 * values


def slope_of(critic, *arguments, **options):
    with pytest.raises(AssertionError) as caught:
        assert_lipschitz(critic, *arguments, **options)
    return float(re.search(r"the slope ([\d.e-]+)", str(caught.value))[1])


@pytest.mark.parametrize(
    ("critic", "constant"),
    [
        (lambda x: np.linalg.norm(x, axis=1), 1.0),
        (lambda x: torch.linalg.vector_norm(x, dim=1), 1.0),
        (lambda x: np.abs(x).sum(1), 2**0.5),
        (lambda x: x[:, 0] * x[:, 1], 2**0.5),  # attained in the corners alone
        (lambda x: 1e3 * np.sin(x[:, 0]), 1e3),
        (lambda x: np.full(len(x), 7.0), 0.0),
    ],
    ids=["norm", "torch", "sum of sizes", "saddle", "steep sine", "constant"],
)
def test_the_constant_passes_and_less_fails(critic, constant):
    assert_lipschitz(critic, constant, domain=BOX)
    if constant:
        low = 0.99 * constant
        assert low < slope_of(critic, low, domain=BOX) <= constant * (1 + 1e-9)


def test_the_witness_stays_in_the_domain():
    with pytest.raises(AssertionError) as caught:
        assert_lipschitz(lambda x: x[:, 0] * x[:, 1], 1.39, domain=[(-1, 1), (-0.9, 1)])
    places = [list(map(float, place.split(","))) for place in re.findall(r"\[([^\]]*)\]", str(caught.value))]
    assert len(places) == 2
    assert all(-1 <= x <= 1 and -0.9 <= y <= 1 for x, y in places)


def test_outside_of_the_domain_everything_is_allowed():
    assert_lipschitz(lambda x: np.where(np.abs(x[:, 0]) > 1.001, 50 * x[:, 0], x[:, 1]), domain=BOX)


def test_rounding_is_no_slope():
    assert_lipschitz(lambda x: 1e8 + x[:, 0], domain=BOX)  # steps of 1.5e-8, as steep as one likes
    assert_lipschitz(lambda x: x[:, 0].astype(np.float32), domain=BOX)


def test_single_precision_inside_is_no_slope():
    critic = MLPCritic(2, hidden=(64, 64))

    def inside(x):
        return 1.1 * critic(torch.as_tensor(x, dtype=torch.float32)).detach().numpy().astype(np.float64)

    far = [(999.0, 1001.0)] * 2  # where neighbours in float32 are 6e-5 apart
    truth = 1.1 * steepest_pair(critic, domain=far).value
    assert_lipschitz(inside, 1.05 * truth, domain=far)
    assert 0.5 * truth < slope_of(inside, 0.5 * truth, domain=far) < 1.05 * truth


def test_a_kink_is_no_slope():
    # x - relu(x) + relu(-x) is 0 everywhere, and autograd says 1 at 0
    def zero(x):
        return (x - torch.relu(x) + torch.relu(-x))[:, 0]

    assert_lipschitz(zero, 0, domain=[(-1, 1)])


def test_tolerance_is_relative():
    critic = relu_network([([[1.001]], [0.0])])
    assert_lipschitz(critic, domain=[(-1, 1)], tol=0.01)
    assert slope_of(critic, domain=[(-1, 1)]) == pytest.approx(1.001, rel=1e-7)
    assert_lipschitz(lambda x: 1e-6 * x[:, 0], 1e-6, domain=[(-1, 1)])
    assert slope_of(lambda x: 1.01e-6 * x[:, 0], 1e-6, domain=[(-1, 1)]) == pytest.approx(1.01e-6, rel=1e-3)


def test_all_of_space():
    assert slope_of(MLPCritic(20), 1) > 1
    assert slope_of(lambda x: 2 * x[:, 0], dim=3) == pytest.approx(2)
    assert slope_of(nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1)), 0.001) > 0.001
    assert 1.5 < slope_of(nn.Sequential(Cones([[0.0, 0.0, 0.0]]), Twice()), 1.5) <= 2 + 1e-9
    far = MLPCritic(2, hidden=(4,))
    far.standardize([1e3, 1e3], 10.0)
    assert slope_of(far, 0.5) > 0.5
    assert_lipschitz(far, 100.0)  # proven by its layers


def test_the_pieces_of_a_network_are_all_looked_at():
    # A ridge of width 1e-4 and slope 3, which no search of points can be expected to find.
    rows = [[1.0, 0.0]] * 2
    ridge = relu_network([(rows, [-0.31, -0.3101]), ([[3.0, -3.0]], [0.0])])
    assert slope_of(ridge, domain=BOX) == pytest.approx(3, rel=1e-3)


def test_many_dimensions():
    box = np.tile([-1.0, 1.0], (1000, 1))
    assert_lipschitz(lambda x: torch.linalg.vector_norm(x, dim=1), domain=box, max_seconds=0.1)
    assert 1.05 < slope_of(lambda x: 1.1 * torch.linalg.vector_norm(x, dim=1), domain=box) <= 1.1 + 1e-9


def test_the_same_seed_finds_the_same_points():
    def text(seed):
        with pytest.raises(AssertionError) as caught:
            assert_lipschitz(MLPCritic(2, seed=3), 0.5, domain=BOX, seed=seed)
        return str(caught.value)

    assert text(1) == text(1)


def test_the_critic_is_left_as_it_was():
    critic = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).train()
    before = {name: value.clone() for name, value in critic.state_dict().items()}
    state = torch.random.get_rng_state()
    assert_lipschitz(critic, 1e3, domain=BOX)
    assert critic.training
    assert all(torch.equal(value, before[name]) for name, value in critic.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    ("critic", "options", "error", "message"),
    [
        (3, {"domain": BOX}, InvalidTypeError, "critic must be a torch module or a function"),
        (lambda x: x[:, 0], {}, InvalidTypeError, r"domain must be given where f does not tell its dimension"),
        (lambda x: x[:, 0], {"domain": [1, 2]}, InvalidShapeError, r"domain must have shape \(d, 2\)"),
        (lambda x: x[:, 0], {"domain": [(1, 0)]}, InvalidValueError, "domain must have low < high"),
        (lambda x: x[:, 0], {"domain": BOX, "dim": 3}, InvalidShapeError, "domain must have the critic's 3 coord"),
        (lambda x: x[:, 0], {"domain": BOX, "k": -1}, InvalidValueError, "k must be in"),
        (lambda x: x[:, 0], {"domain": BOX, "tol": -1}, InvalidValueError, "tol must be in"),
        (lambda x: x[:, 0], {"domain": BOX, "max_seconds": 0}, InvalidValueError, "max_seconds must be in"),
        (lambda x: x[:, 0], {"domain": BOX, "seed": -1}, InvalidValueError, "seed must be"),
        (lambda x: x[:, 0] - x.mean(), {"domain": BOX}, CriticError, "values that change with the other points"),
        (lambda x: x[:, 0] * np.nan, {"domain": BOX}, CriticError, "critic must return finite values"),
    ],
)
def test_misuse_is_a_typed_error(critic, options, error, message):
    with pytest.raises(error, match=message):
        assert_lipschitz(critic, **options)
