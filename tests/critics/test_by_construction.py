"""What holds for every critic that is K-Lipschitz by construction, as it is delivered, saved and loaded."""

import numpy as np
import pytest
import torch
from torch import nn

from otgan.critics import METHODS, get_method, load_critic, save_critic, train
from otgan.critics.cones import ConesMethod
from otgan.critics.groupsort import GroupSortMethod
from otgan.critics.norm_constrained import NormConstrained, shorten_rows
from otgan.critics.spectral_norm import SpectralNorm
from otgan.errors import CriticError, InvalidValueError
from otgan.lipschitz import certified_upper_bound, sampled_lower_bound

RNG = np.random.default_rng(0)
Y = RNG.standard_normal((300, 2))
SHIFT = np.array([3.0, 4.0])
X = Y + SHIFT  # W1 is 5, since all points are moved by one vector
SHORT = {"steps": 20, "hidden": (8, 8), "batch_size": 32, "threads": 1}
ALL = [
    ConesMethod,
    *(lambda k, w=w: GroupSortMethod(k, w) for w in ("bjorck", "exponential", "householder", "cayley")),
    lambda k: GroupSortMethod(k, activation="fullsort"),
    NormConstrained,
    lambda k: NormConstrained(k, "fullsort"),
    SpectralNorm,
]
NAMES = ["cones", "bjorck", "exponential", "householder", "cayley", "fullsort", "rows", "rows-fullsort", "spectral"]


def estimate(critic, x=X, y=Y):
    with torch.no_grad():
        return float((critic(torch.tensor(x).float()) - critic(torch.tensor(y).float())).double().mean())


@pytest.mark.parametrize("lipschitz", [1.0, 0.03, 50.0])
@pytest.mark.parametrize("make", ALL, ids=NAMES)
def test_the_delivered_critic_is_proven_and_no_slope_contradicts(make, lipschitz, tmp_path):
    trained = train(X, Y, make(lipschitz), seed=3, **SHORT)
    save_critic(trained, tmp_path / "critic.safetensors")
    critic = load_critic(tmp_path / "critic.safetensors")
    assert estimate(critic) == estimate(trained)
    bound = certified_upper_bound(critic).value
    assert bound <= lipschitz * (1 + 1e-6)
    steepest = sampled_lower_bound(critic, np.concatenate([X, Y]), np.random.default_rng(1), n_rounds=5).value
    assert steepest <= lipschitz * (1 + 1e-6)
    assert estimate(critic) <= 5 * lipschitz * (1 + 1e-6)  # as duality has it
    if not isinstance(make(1.0), NormConstrained):
        assert bound >= lipschitz * (1 - 1e-6)  # nothing is given away


@pytest.mark.parametrize(
    ("method", "low"),
    [
        (ConesMethod(2.0, n_cones=64), 0.9),
        (GroupSortMethod(2.0), 0.97),
        (NormConstrained(2.0), 0.9),
        # ReLUs lose slope: the bias downwards that its docstring states.
        (SpectralNorm(2.0), 0.5),
    ],
    ids=["cones", "groupsort", "norm-constrained", "spectral-norm"],
)
def test_a_translation_is_measured_from_below(method, low):
    critic = train(X, Y, method, steps=150, hidden=(16,), batch_size=64, learning_rate=2e-2, threads=1)
    assert low <= estimate(critic) / (2 * 5) <= 1 + 1e-6


@pytest.mark.parametrize("make", ALL, ids=NAMES)
def test_the_constant_scales_the_critic(make):
    one, five = (estimate(train(X, Y, make(k), **SHORT)) for k in (1.0, 5.0))
    assert five == pytest.approx(5 * one, rel=1e-3)


@pytest.mark.parametrize("make", ALL, ids=NAMES)
def test_training_in_steps_of_the_loop_loses_nothing_at_the_end(make):
    """The estimate of the network as it was trained, and of the plain weights that are delivered."""
    seen = {}
    method = make(1.0)
    points = torch.tensor(np.concatenate([X, Y]) - SHIFT / 2).float()

    class Watched(type(method)):
        def release(self, network):
            network.eval()
            seen["before"] = network(points).detach().flatten()
            super().release(network)
            seen["after"] = network(points).detach().flatten()

    train(X, Y, Watched(**vars(method)), **SHORT)
    before, after = ((values[: len(X)] - values[len(X) :]).mean().item() for values in seen.values())
    assert after == pytest.approx(before, rel=1e-5)


@pytest.mark.parametrize("make", ALL[1:], ids=NAMES[1:])
def test_weights_are_plain_again_and_numbers_that_are_lost_do_not_hide_why(make):
    critic = train(X, Y, make(1.0), **SHORT)
    assert all(type(module) is nn.Linear for module in critic.modules() if isinstance(module, nn.Linear))
    method = make(1.0)
    method.constrain(critic.layers)
    with torch.no_grad():
        for weight in critic.parameters():
            weight.fill_(float("nan"))
    method.after_step(critic.layers)
    method.release(critic.layers)
    assert all(type(module) is nn.Linear for module in critic.modules() if isinstance(module, nn.Linear))


@pytest.mark.parametrize("name", ["cones", "groupsort", "norm-constrained"])
def test_a_critic_of_ones_own_is_refused_where_the_method_builds_it(name):
    with pytest.raises(CriticError, match=f"critic must be left out where the method is {name}"):
        train(X, Y, name, critic=nn.Linear(2, 1))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("groupsort", {"weights": "qr"}, "weights must be one of bjorck, exponential, householder, cayley, got 'qr'"),
        ("groupsort", {"activation": "relu"}, "activation must be one of maxmin, fullsort, got 'relu'"),
        ("norm-constrained", {"activation": 3}, "activation must be one of maxmin, fullsort, got 3"),
        ("cones", {"n_cones": 0}, "n_cones must be at least 1"),
    ],
)
def test_options_are_checked(name, options, message):
    with pytest.raises(InvalidValueError, match=message):
        get_method(name, **options)


def test_they_are_listed():
    held = {name for name, kind in METHODS.items() if kind.held == "by construction"}
    assert held >= {"cones", "groupsort", "norm-constrained", "spectral-norm"}


@pytest.mark.parametrize(
    "place",
    ["default", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"))],
)
def test_rows_are_shortened_on_the_cpu_wherever_the_weight_is(place):
    weight = torch.tensor([[3.0, -4.0], [0.25, 0.25]])
    if place == "default":
        with torch.device("meta"):  # where new tensors would go if nothing else were said
            shorten_rows(weight, 2, 1.0)
    else:
        weight = weight.to(place)
        shorten_rows(weight, 2, 1.0)
    assert weight.cpu().tolist()[0] == pytest.approx([0.6, -0.8], rel=1e-6)
    assert weight.cpu().tolist()[1] == [0.25, 0.25]
