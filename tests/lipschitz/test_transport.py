import math

import numpy as np
import pytest
import torch

import otgan
from otgan.critics import MLPCritic
from otgan.critics.layers import Cones
from otgan.errors import CriticError, InvalidShapeError, InvalidValueError, InvalidWeightsError
from otgan.lipschitz import certified_w1_lower_bound
from otgan.lipschitz.domain import box_around
from otgan.measures import DiscreteMeasure


def samples(d=2, seed=0, n=60, m=40):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.standard_normal((m, d)) + 1.5


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("d", [1, 2, 5])
def test_it_is_never_above_w1(d, seed):
    """For untrained critics and for weights, by exact transport."""
    x, y = samples(d, seed)
    rng = np.random.default_rng(seed)
    a, b = rng.random(len(x)), rng.random(len(y))
    a, b = a / a.sum(), b / b.sum()
    truth = otgan.wasserstein(DiscreteMeasure(x, a), DiscreteMeasure(y, b)).upper_bound
    bound = certified_w1_lower_bound(MLPCritic(d, hidden=(8,), seed=seed), x, y, a, b, max_seconds=0.3)
    assert 0 <= bound.by_lipschitz <= truth
    assert 0 <= bound.by_c_transform <= truth
    assert bound.value == max(bound.by_lipschitz, bound.by_c_transform)


def test_a_perfect_potential_proves_all_of_w1_both_ways():
    """A translation: f(x) = −u·x has slope 1, and W1 is the length of the shift."""
    x, _ = samples()
    y = x + [0.6, 0.8]
    critic = torch.nn.Linear(2, 1, bias=False).double()
    with torch.no_grad():
        critic.weight.copy_(torch.tensor([[-0.6, -0.8]], dtype=torch.float64) * 5)
    bound = certified_w1_lower_bound(critic, x, y)
    assert 1 - 1e-9 < bound.by_lipschitz <= 1 + 1e-15
    assert bound.estimate == pytest.approx(5)
    assert bound.lipschitz.value == pytest.approx(5)
    # Values that are five times too steep are of no use to the c-transform until they are divided.
    assert certified_w1_lower_bound(lambda p: critic(torch.tensor(p)) / 5, x, y).by_c_transform == pytest.approx(1)


def test_the_better_one_wins():
    """A cone with a needle on it: no constant helps, the c-transform shrugs it off."""
    x, y = samples()
    critic = Cones([[1.5, 1.5]])

    def needle(p):
        needle = 1000 * np.maximum(0.01 - np.linalg.norm(p - 9, axis=1), 0)
        return np.linalg.norm(p - 1.5, axis=1) + needle

    assert certified_w1_lower_bound(critic, y, x).by_lipschitz > 0.5
    bound = certified_w1_lower_bound(needle, x, y)
    assert bound.by_lipschitz == 0
    assert bound.lipschitz.value == math.inf
    assert "no torch module" in bound.lipschitz.reason
    assert bound.value == bound.by_c_transform > 0.5
    given = certified_w1_lower_bound(needle, x, y, lipschitz=1000.0)
    assert 0 < given.by_lipschitz < 1e-2 * given.by_c_transform


def test_a_wrong_constant_makes_no_wrong_bound():
    x, y = samples()
    truth = otgan.wasserstein(x, y)
    bound = certified_w1_lower_bound(lambda p: -7 * p.sum(axis=1), x, y, lipschitz=0.01)
    assert bound.by_lipschitz <= truth.upper_bound


def test_points_on_a_line_in_the_plane():
    x, y = np.zeros((3, 2)), np.zeros((2, 2))
    x[:, 1], y[:, 1] = [0, 1, 2], [5, 6]
    bound = certified_w1_lower_bound(MLPCritic(2, hidden=(8,)), x, y, max_seconds=1)
    assert bound.value <= 4.5


def test_arguments_are_checked():
    x, y = samples()
    critic = MLPCritic(2, hidden=(4,))
    with pytest.raises(InvalidShapeError, match="y must have the dimension of x, 2, got 1"):
        certified_w1_lower_bound(critic, x, y[:, :1])
    with pytest.raises(InvalidWeightsError):
        certified_w1_lower_bound(critic, x, y, a=[1.0])
    with pytest.raises(InvalidValueError, match="lipschitz"):
        certified_w1_lower_bound(critic, x, y, lipschitz=0.0)
    with pytest.raises(CriticError, match=r"stay below 1e[+]150"):
        certified_w1_lower_bound(lambda p: 1e200 * p[:, 0], x, y)


def test_the_box_around_points_has_an_inside_or_is_all_of_space():
    box = box_around(np.array([[1.0, 5.0], [2.0, 5.0]]))
    assert (box[0] == (1.0, 2.0)).all()
    assert box[1, 0] < 5.0 < box[1, 1]
    assert box_around(np.array([[1e120, 0.0]])) is None
