import numpy as np
import pytest
import torch
from torch import nn

from otgan.critics import train
from otgan.critics.wgan import Wgan, clipped_share, clipped_weights
from otgan.errors import CriticError, InvalidValueError
from otgan.lipschitz import certified_upper_bound, sampled_lower_bound

RNG = np.random.default_rng(0)
Y = RNG.standard_normal((200, 2))
X = Y + np.array([3.0, 4.0])


@pytest.fixture(autouse=True)
def seeded():
    """Layers of PyTorch draw their first weights from its global generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


SHORT = {"steps": 3, "hidden": (8,), "batch_size": 16, "threads": 1}


@pytest.mark.parametrize("clip", [0.01, 0.3])
def test_every_weight_is_clipped_before_the_first_step_and_after_each(clip):
    largest = []
    network = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
    with torch.no_grad():
        network[0].weight.fill_(2.0)
    Wgan(clip=clip).constrain(network)
    assert network[0].weight.min() == torch.tensor(clip)

    def look(step, metrics):
        largest.append(max(float(weight.detach().abs().max()) for weight in network.parameters()))

    # A rate that throws weights beyond c in every step.
    train(X, Y, Wgan(clip=clip), critic=network, steps=3, learning_rate=1.0, batch_size=16, threads=1, callbacks=[look])
    assert largest == [float(torch.tensor(clip))] * 3


def test_normalisations_keep_their_scales():
    layers = nn.Sequential(
        nn.Linear(2, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 8), nn.GroupNorm(2, 8), nn.RMSNorm(8), nn.Linear(8, 1)
    )
    critic = train(X, Y, "wgan", critic=layers, steps=3, batch_size=16, threads=1)
    for k in (1, 4, 5):
        assert critic[k].weight.min() > 0.9
    for k in (0, 3, 6):
        assert critic[k].weight.abs().max() <= torch.tensor(0.01)
    assert len(clipped_weights(critic)) == (2 * 8 + 8) + (8 * 8 + 8) + (8 + 1)


def test_frozen_layers_are_left_as_they_are():
    network = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
    network[0].requires_grad_(False).weight.fill_(2.0)
    critic = train(X, Y, "wgan", critic=network, steps=2, batch_size=16, threads=1)
    assert (critic[0].weight == 2).all()
    assert critic[2].weight.detach().abs().max() <= torch.tensor(0.01)
    assert len(clipped_weights(critic)) == 8 + 1


def test_the_share_of_weights_at_the_ends():
    critic = nn.Linear(4, 1)
    with torch.no_grad():
        critic.weight.copy_(torch.tensor([[0.5, -0.5, 0.4, 0.0]]))
        critic.bias.fill_(0.5)
    assert clipped_share(critic, 0.5) == 3 / 5
    assert sorted(clipped_weights(critic)) == pytest.approx([-0.5, 0.0, 0.4, 0.5, 0.5])
    with pytest.raises(CriticError, match="critic must have weights outside of normalisations"):
        clipped_share(nn.LayerNorm(3))
    with pytest.raises(InvalidValueError, match="clip must be in"):
        clipped_share(critic, 0.0)


def test_weights_heap_up_at_the_ends():
    critic = train(X, Y, Wgan(clip=0.1), steps=300, hidden=(16,), batch_size=64, learning_rate=2e-3, threads=1)
    assert clipped_share(critic, 0.1) > 0.5


def test_its_slope_is_unknown_and_a_proven_bound_makes_it_a_lower_bound():
    critic = train(X, Y, Wgan(clip=0.1), steps=200, hidden=(16,), batch_size=64, learning_rate=2e-3, threads=1)
    with torch.no_grad():
        raw = float(critic(torch.tensor(X).float()).mean() - critic(torch.tensor(Y).float()).mean())
    bound = certified_upper_bound(critic).value
    steepest = sampled_lower_bound(critic, np.concatenate([X, Y]), np.random.default_rng(1)).value
    assert 0 < raw < 5
    assert steepest <= bound
    # All points are moved by 5: the steepest slope must make up for the estimate, the bound for even more.
    assert raw / bound <= raw / steepest <= 5
    with pytest.raises(InvalidValueError, match="lipschitz must be 1 where the method is wgan, got 3; choose c"):
        Wgan(lipschitz=3.0)
    with pytest.raises(InvalidValueError, match="clip must be in"):
        Wgan(clip=0.0)


def test_the_optimiser_is_that_of_the_paper():
    assert (Wgan.optimizer, Wgan.learning_rate, Wgan().clip) == ("rmsprop", 5e-5, 0.01)
    assert set(vars(Wgan())) == {"lipschitz", "clip"}
    train(X, Y, "wgan", **SHORT)
