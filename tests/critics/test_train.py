import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

import otgan
from otgan.critics import METHODS, MLPCritic, train, train_many
from otgan.critics.wgan_gp import WganGp
from otgan.errors import (
    CriticError,
    InvalidInputError,
    InvalidShapeError,
    InvalidTypeError,
    InvalidValueError,
    TrainingDivergedError,
)
from otgan.measures import Gaussian, eight_gaussians

RNG = np.random.default_rng(0)
X = RNG.standard_normal((300, 2)) + np.array([3.0, 0.0])
Y = RNG.standard_normal((300, 2))
SHORT = {"steps": 5, "hidden": (8,), "batch_size": 16}


def weights(critic):
    return torch.cat([parameter.detach().flatten() for parameter in critic.parameters()])


def estimate(critic, x, y):
    with torch.no_grad():
        return float(critic(torch.tensor(x).float()).mean() - critic(torch.tensor(y).float()).mean())


def test_the_same_seed_gives_the_same_critic_and_another_one_does_not():
    state = torch.random.get_rng_state()
    one, same, other = (train(X, Y, seed=seed, threads=1, **SHORT) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(weights(one), weights(same))
    assert not torch.equal(weights(one), weights(other))


def test_threads_and_global_random_states_are_left_as_they_were():
    before = torch.get_num_threads()
    state = np.random.get_state()[1].copy()  # noqa: NPY002 -- the state that must not be touched
    train(X, Y, threads=before + 1, **SHORT)
    assert torch.get_num_threads() == before
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_a_translation_is_measured_in_any_unit(unit):
    # W1 between a Gaussian and its translate is the length of the translation.
    shift = np.array([3.0, 4.0]) * unit
    source, target = Gaussian(1e3 * unit + shift, unit**2 * np.eye(2)), Gaussian([1e3 * unit] * 2, unit**2 * np.eye(2))
    critic = train(source, target, steps=150, hidden=(32,), batch_size=64, learning_rate=5e-3, threads=1)
    rng = np.random.default_rng(5)
    x, y = source.sample(4000, rng), target.sample(4000, rng)
    # Slopes settle above 1 by the bias of the penalty, some percent; 150 steps leave as much.
    assert estimate(critic, x, y) == pytest.approx(5 * unit, rel=0.12)
    assert estimate(critic, y, x) == pytest.approx(-5 * unit, rel=0.12)


def test_lipschitz_scales_the_estimate():
    critic = train(
        X, Y, steps=400, hidden=(32,), batch_size=64, learning_rate=5e-3, method=WganGp(lipschitz=3.0), threads=1
    )
    assert estimate(critic, X, Y) == pytest.approx(9, rel=0.12)


def test_the_callback_sees_the_loss_as_the_sum_of_its_parts():
    seen = {}
    train(1000 * X, 1000 * Y, callbacks=[seen.__setitem__], every=2, threads=1, **SHORT)
    assert list(seen) == [1, 2, 4, 5]
    assert all(set(metrics) == {"loss", "estimate", "penalty", "gradient_norm"} for metrics in seen.values())
    weight = [(m["loss"] + m["estimate"]) / m["penalty"] for m in seen.values()]
    assert weight == pytest.approx([weight[0]] * 4, rel=1e-3)
    assert weight[0] > 10  # in units of length, thousands here


def test_a_critic_of_ones_own_is_trained_in_place_and_handed_back_in_eval_mode():
    critic = nn.Sequential(nn.Linear(2, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 1)).double()
    with torch.no_grad():
        for k, parameter in enumerate(critic.parameters()):
            parameter.uniform_(-0.5, 0.5, generator=torch.Generator().manual_seed(k))
    before = weights(critic)
    assert train(X, Y, critic=critic, steps=3, threads=1) is critic
    assert not torch.equal(weights(critic), before)
    assert not critic.training


def test_a_critic_that_couples_samples_is_refused_untouched():
    critic = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
    before = copy.deepcopy(critic.state_dict())
    with pytest.raises(CriticError, match="BatchNorm1d"):
        train(X, Y, critic=critic)
    assert all(torch.equal(tensor, before[name]) for name, tensor in critic.state_dict().items())
    assert critic.training


def test_points_that_all_agree_and_points_on_the_line_train():
    critic = train(np.zeros(3), np.zeros(3), threads=1, **SHORT)
    assert estimate(critic, np.zeros((1, 1)), np.zeros((1, 1))) == 0
    assert critic.dim == 1


def test_an_interrupt_passes_through_and_threads_are_restored():
    before = torch.get_num_threads()

    def interrupt(step, metrics):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(X, Y, callbacks=[interrupt], threads=before + 1, **SHORT)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("mode", "method"), [(torch.no_grad, "wgan-gp"), *((torch.inference_mode, name) for name in METHODS)]
)
def test_a_caller_who_wants_no_gradients_gets_the_same_weights(mode, method):
    short = {**SHORT, "steps": 2}
    whole = train(X, Y, method, threads=1, **short)
    with mode():
        within = train(X, Y, method, threads=1, **short)
        assert not torch.is_grad_enabled()
    assert torch.equal(weights(within), weights(whole))
    assert not any(parameter.is_inference() for parameter in within.parameters())


def test_many_are_trained_where_no_gradients_are_wanted():
    whole = train_many(X, Y, seeds=[0, 1], threads=1, **SHORT)
    with torch.inference_mode():
        within = train_many(X, Y, seeds=[0, 1], threads=1, **SHORT)
    assert all(torch.equal(weights(one), weights(same)) for one, same in zip(whole, within, strict=True))


def test_weights_that_cannot_be_trained_are_refused():
    with torch.inference_mode():
        critic = nn.Linear(2, 1)
        with pytest.raises(CriticError, match=r"got some that were made in torch.inference_mode; make or load"):
            train(X, Y, critic=critic, threads=1, **SHORT)


@pytest.mark.parametrize("method", METHODS)
def test_networks_are_float32_whatever_the_default_is(method):
    short = {**SHORT, "steps": 2}
    single = train(X, Y, method, threads=1, **short)
    torch.set_default_dtype(torch.float64)
    try:
        double = train(X, Y, method, threads=1, **short)
    finally:
        torch.set_default_dtype(torch.float32)
    one, other = single.state_dict(), double.state_dict()
    assert {name: value.dtype for name, value in one.items()} == {name: value.dtype for name, value in other.items()}
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_divergence_is_an_error():
    with pytest.raises(TrainingDivergedError, match="lower the learning rate"):
        train(X, Y, learning_rate=1e30, threads=1, **SHORT)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"target": Y[:, :1]}, InvalidShapeError, "target must have the dimension of source, 2, got 1"),
        ({"target": [[math.nan, 0]]}, InvalidValueError, "target must be finite"),
        ({"method": "gan"}, InvalidValueError, "method must be one of .*wgan-gp, .*, got 'gan'"),
        ({"device": "elsewhere"}, InvalidValueError, "device must be one that is here, got 'elsewhere'"),
        ({"hidden": 8}, InvalidTypeError, "hidden must be a sequence of widths, got 8"),
        ({"hidden": None, "critic": nn.Linear(2, 1)}, InvalidTypeError, "hidden must be a sequence of widths"),
        ({"callbacks": print}, InvalidTypeError, "callbacks must be a sequence of functions"),
        ({"callbacks": [3]}, InvalidTypeError, "callbacks must hold functions of .*, got 3"),
        ({"device": "meta"}, InvalidValueError, "device must hold numbers"),
        ({"device": 1.5}, InvalidValueError, "device must be one that is here"),
        ({"critic": lambda z: z}, InvalidTypeError, "critic must be a torch.nn.Module"),
        ({"critic": nn.Flatten()}, CriticError, "critic must have weights to train"),
        ({"critic": nn.Linear(3, 1)}, CriticError, r"accept points of shape \(n, 2\)"),
        ({"critic": MLPCritic(3)}, CriticError, r"accept points of shape \(n, 2\)"),
        ({"steps": 0}, InvalidValueError, "steps must be at least 1"),
        ({"batch_size": 0}, InvalidValueError, "batch_size must be between 1"),
        ({"learning_rate": 0.0}, InvalidValueError, "learning_rate must be in"),
        ({"optimizer": "adamw"}, InvalidValueError, "optimizer must be one of adam"),
        ({"seed": -1}, InvalidValueError, "seed must be at least 0"),
        ({"threads": 0}, InvalidValueError, "threads must be between 1"),
        ({"every": 0}, InvalidValueError, "every must be at least 1"),
        ({"source": 1e30 * X, "target": 1e30 * Y}, InvalidValueError, "spread between"),
    ],
)
def test_arguments_are_checked(changes, error, message):
    with pytest.raises(error, match=message) as caught:
        train(**({"source": X, "target": Y} | SHORT | changes))
    assert isinstance(caught.value, InvalidInputError)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_defaults_come_out_as_the_penalty_has_it(seed):
    source, target = eight_gaussians(radius=2.0, std=0.1), Gaussian([0.0, 0.0], np.eye(2))
    rng = np.random.default_rng(999)
    x, y = source.sample(2000, rng), target.sample(2000, rng)
    exact = otgan.wasserstein(x, y).distance
    # The optimum of the loss: all slopes 1 + W1 / (2 λ s), with s the root mean square coordinate of the pooled laws.
    scale = np.sqrt(((4 + 2 * 0.01) / 2 + 1) / 2)
    biased = exact * (1 + exact / (2 * 10 * scale))
    assert estimate(train(source, target, seed=seed, threads=1), x, y) == pytest.approx(biased, rel=0.01)
