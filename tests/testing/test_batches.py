"""`assert_no_batch_coupling`: whatever mixes samples is found, what does not mix them passes."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from otgan.critics import MLPCritic
from otgan.errors import CriticError, InvalidTypeError, InvalidValueError
from otgan.testing import assert_no_batch_coupling


def network(*middle):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 8), *middle, nn.Linear(8, 1))


def image_critic(*middle):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(1, 2, 2), *middle, nn.Flatten(), nn.Linear(8, 1))


#: In float32 its values move by rounding as the batch grows.
SINGLE = MLPCritic(3, hidden=(128, 128))


@pytest.mark.parametrize(
    ("critic", "shape"),
    [
        (MLPCritic(3), 3),
        (network(nn.ReLU()), (3,)),
        (network(nn.LayerNorm(8)), 3),
        (network(nn.Dropout(0.5)), 3),
        (nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(3, 1))), 3),
        (image_critic(nn.InstanceNorm2d(2)), (1, 3, 3)),
        (lambda x: np.abs(x).sum(1), 3),
        (lambda x: torch.linalg.vector_norm(x, dim=1), 3),
        (lambda x: x.astype(np.float32).sum(1, keepdims=True), 3),
        (lambda x: np.zeros(len(x)), 3),
        (lambda x: 1.1 * SINGLE(x.float()).double(), 3),
    ],
    ids=[
        "mlp",
        "relu",
        "layer",
        "dropout",
        "spectral",
        "instance",
        "numpy",
        "torch",
        "float32",
        "zero",
        "single inside",
    ],
)
def test_uncoupled_critics_pass(critic, shape):
    state = torch.random.get_rng_state()
    assert_no_batch_coupling(critic, shape)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    ("critic", "shown"),
    [
        (lambda x: x[:, 0] - x[:, 0].mean(), "f(z) = 0 alone and f(z) = -0.5 beside [[1.0, 0.0, 0.0]], for z = [0.0,"),
        (lambda x: x[:, 0] / len(x), "f(z) = 1 alone and f(z) = 0.5 beside [[0.0, 0.0, 0.0]], for z = [1.0, 0.0, 0.0"),
        (lambda x: x[:, 0] + np.arange(len(x)), "f(z) = 1 beside [[0.0, 0.0, 0.0]] and z last, for z = [0.0, 0.0,"),
        (lambda x: x[:, 1] + 1e-5 * x[:, 2].max(), "beside [["),
        (
            lambda x: x[:, 0] + (len(x) > 50),
            "f(z) = 0 alone and f(z) = 1 beside [0.0, 0.0, 0.0, 0.0, 0.0, 0.0] … (50 x 3 numbers)",
        ),
        (lambda x: x[:, 0].softmax(0), "f(z) = 1 alone and f(z) = 0.5 beside [[0.0, 0.0, 0.0]]"),
    ],
    ids=["centred", "divided", "position", "weak", "many", "softmax"],
)
def test_coupling_is_shown_by_the_smallest_batches(critic, shown):
    with pytest.raises(AssertionError) as caught:
        assert_no_batch_coupling(critic, 3)
    assert shown in str(caught.value)
    assert str(caught.value).startswith("critic must compute each value from its own point only, got f(z) = ")


@pytest.mark.parametrize("training", [True, False])
def test_modules_are_asked_in_training_mode_and_left_as_they_were(training):
    critic = network(nn.BatchNorm1d(8)).train(training)
    before = copy.deepcopy(critic.state_dict())
    with pytest.raises(AssertionError, match="in training mode; BatchNorm1d at '1' mixes samples"):
        assert_no_batch_coupling(critic, 3)
    assert critic.training is training
    assert all(torch.equal(value, before[name]) for name, value in critic.state_dict().items())


def test_images():
    with pytest.raises(AssertionError, match="BatchNorm2d at '1'"):
        assert_no_batch_coupling(image_critic(nn.BatchNorm2d(2)), (1, 3, 3))


class InEval(nn.Module):
    def forward(self, x):
        return x[:, 0] if self.training else x[:, 0] - x[:, 0].mean()


def test_eval_mode_has_its_turn():
    with pytest.raises(AssertionError, match="in eval mode"):
        assert_no_batch_coupling(InEval(), 2)


class Noisy(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x)[:, 0]


def test_chance_is_no_coupling_and_leaves_no_trace():
    state = torch.random.get_rng_state()
    with pytest.raises(CriticError, match="critic must give the same value for the same points each time, got random"):
        assert_no_batch_coupling(Noisy(), 2)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    ("critic", "shape", "error", "message"),
    [
        (3, 2, InvalidTypeError, "critic must be a torch module or a function, got int"),
        (network(), 2, CriticError, r"critic must accept points of shape \(n, 2\), got mat1"),
        (network(), "3", InvalidTypeError, "shape must be a number of coordinates or a tuple of sizes"),
        (network(), (), InvalidTypeError, "shape must be"),
        (network(), 0, InvalidValueError, "shape must be at least 1"),
        (lambda x: x, 2, CriticError, r"critic must return shape \(n,\)"),
        (lambda x: x[:, 0] * np.inf, 2, CriticError, "critic must return finite values"),
        (lambda x: np.random.default_rng().random(len(x)), 2, CriticError, "same value for the same points"),
    ],
)
def test_misuse_is_a_typed_error(critic, shape, error, message):
    with pytest.raises(error, match=message):
        assert_no_batch_coupling(critic, shape)
