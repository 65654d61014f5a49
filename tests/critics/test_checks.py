import copy

import pytest
import torch
from torch import nn

from otgan.critics import MLPCritic, check_critic
from otgan.errors import CriticError

POINTS = torch.randn(16, 3, generator=torch.Generator().manual_seed(0))


def network(*middle):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 8), *middle, nn.Linear(8, 1))


class Lambda(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function, self.body = function, network(nn.ReLU())

    def forward(self, points):
        return self.function(self.body(points), points)


@pytest.mark.parametrize(
    "critic",
    [
        MLPCritic(3),
        network(nn.ReLU()),
        network(nn.LayerNorm(8), nn.ReLU()),
        network(nn.Sigmoid()),
        network(nn.Dropout(0.0)),
        nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(3, 8)), nn.Tanh(), nn.Linear(8, 1)),
        Lambda(lambda values, _: values[:, 0]),
    ],
    ids=["mlp", "plain", "layer norm", "inner sigmoid", "dropout of nothing", "spectral norm", "squeezed"],
)
def test_sound_critics_pass(critic):
    check_critic(critic, POINTS)


def test_batch_norm_is_named_with_the_reason():
    message = r"got BatchNorm1d at '1', which makes f\(x_i\) depend on the other samples of the batch; use LayerNorm"
    with pytest.raises(CriticError, match=message):
        check_critic(network(nn.BatchNorm1d(8)), POINTS)
    with pytest.raises(CriticError, match="BatchNorm1d at '1'"):  # also where its statistics are frozen
        check_critic(network(nn.BatchNorm1d(8)).eval(), POINTS)


@pytest.mark.parametrize(
    "mix",
    [
        lambda values, points: values - values.mean(),
        lambda values, points: values + points.mean(),
        lambda values, points: values / values.std(),
        lambda values, points: values + 0.01 * points.flip(0)[:, :1],
        lambda values, points: values.softmax(0) + values,
    ],
    ids=["centred", "mean of the batch", "scaled", "next neighbour", "softmax over the batch"],
)
def test_samples_mixed_by_hand_are_found(mix):
    with pytest.raises(CriticError, match="values that change with the other samples of the batch"):
        check_critic(Lambda(mix), POINTS)


def test_chance_is_refused():
    with pytest.raises(CriticError, match="Dropout at '1', which makes f random"):
        check_critic(network(nn.Dropout(0.5)), POINTS)
    state = torch.random.get_rng_state()
    with pytest.raises(CriticError, match="random values in training mode"):
        check_critic(Lambda(lambda values, _: nn.functional.dropout(values)), POINTS)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("last", [nn.Sigmoid(), nn.Softmax(1), nn.LogSigmoid()], ids=lambda m: type(m).__name__)
def test_a_last_layer_that_squashes_is_refused(last):
    with pytest.raises(CriticError, match=f"{type(last).__name__} as its last layer"):
        check_critic(nn.Sequential(network(), last), POINTS)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda values, points: points, r"shape \(n,\) or \(n, 1\)"),
        (lambda values, points: values.mean(), r"got shape \(\)"),
        (lambda values, points: values[None], r"got shape \(1, "),
        (lambda values, points: (values, points), "got tuple"),
        (lambda values, points: values * torch.nan, "finite values"),
        (lambda values, points: values @ values, "accept points of shape"),
    ],
)
def test_outputs_are_checked(function, message):
    with pytest.raises(CriticError, match=message):
        check_critic(Lambda(function), POINTS)


def test_another_dimension_is_a_clear_error():
    with pytest.raises(CriticError, match=r"accept points of shape \(n, 2\).*first layer"):
        check_critic(network(), POINTS[:, :2])


def test_what_cannot_be_copied_is_a_clear_error():
    critic = network()
    critic.lost = critic[0].weight * 2
    with pytest.raises(CriticError, match=r"copy\.deepcopy can copy"):
        check_critic(critic, POINTS)


@pytest.mark.parametrize("training", [True, False])
def test_the_module_is_left_as_it_was(training):
    critic = nn.Sequential(
        nn.utils.parametrizations.spectral_norm(nn.Linear(3, 8)), nn.InstanceNorm1d(3), network()[-1]
    )
    critic.train(training)
    before = copy.deepcopy(critic.state_dict())
    check_critic(nn.Sequential(critic[0], critic[2]), POINTS)
    assert all(torch.equal(tensor, before[name]) for name, tensor in critic.state_dict().items())
    assert all(module.training is training for module in critic.modules())

    normed = network(nn.BatchNorm1d(8)).train(training)
    before = copy.deepcopy(normed.state_dict())
    with pytest.raises(CriticError):
        check_critic(normed, POINTS)
    assert all(torch.equal(tensor, before[name]) for name, tensor in normed.state_dict().items())
    assert normed.training is training
