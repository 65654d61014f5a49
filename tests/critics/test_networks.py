import json

import pytest
import torch

from otgan.critics.networks import ACTIVATIONS, MLPCritic, build
from otgan.errors import InvalidInputError, InvalidShapeError, InvalidTypeError, InvalidValueError


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_shape_type_and_the_way_through_json(activation):
    critic = MLPCritic(3, hidden=(8, 6), activation=activation)
    values = critic(torch.zeros(4, 3))
    assert values.shape == (4,)
    assert values.dtype == torch.float32
    again = build(json.loads(json.dumps(critic.architecture)))
    assert again.architecture == critic.architecture
    assert str(again) == str(critic)


def test_weights_come_from_the_seed_and_leave_the_global_generator_alone():
    state = torch.random.get_rng_state()
    one, same, other = MLPCritic(2, seed=1), MLPCritic(2, seed=1), MLPCritic(2, seed=2)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_centre_and_scale_change_units_and_nothing_else():
    critic = MLPCritic(2, seed=3)
    points = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    inner = critic(points)
    critic.standardize([10.0, -4.0], 1000.0)
    outer = critic(1000 * points + torch.tensor([10.0, -4.0]))
    torch.testing.assert_close(outer, 1000 * inner, rtol=1e-4, atol=1e-2)  # float32, times 1000


def test_no_hidden_layer_is_affine():
    critic = MLPCritic(2, hidden=())
    a, b, c = critic(torch.tensor([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]])).tolist()
    assert a + c == pytest.approx(2 * b, abs=1e-6)


@pytest.mark.parametrize("points", [torch.zeros(4), torch.zeros(4, 3), torch.zeros(1, 4, 2)])
def test_points_of_another_dimension_are_refused(points):
    with pytest.raises(InvalidShapeError, match=r"points must have shape \(n, 2\)"):
        MLPCritic(2)(points)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dim": 0}, "dim must be between 1"),
        ({"dim": 2.0}, "dim must be an integer"),
        ({"dim": True}, "dim must be an integer"),
        ({"dim": 2, "hidden": 128}, r"write \(128,\)"),
        ({"dim": 2, "hidden": "128"}, r"write \(128,\)"),
        ({"dim": 2, "hidden": (0,)}, "hidden must be between 1"),
        ({"dim": 2, "hidden": (2**40,)}, "hidden must be between 1"),
        ({"dim": 2, "hidden": (4,) * 65}, "at most 64 layers"),
        ({"dim": 2, "hidden": (2**16, 2**16)}, "at most 134217728 weights"),
        ({"dim": 2, "activation": "swish"}, "activation must be one of relu"),
        ({"dim": 2, "activation": ["relu"]}, "activation must be one of relu"),
        ({"dim": 2, "seed": -1}, "seed must be between 0"),
    ],
)
def test_sizes_are_checked(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        MLPCritic(**arguments)


@pytest.mark.parametrize(
    "architecture",
    [
        {"kind": "cnn", "dim": 2, "hidden": [4], "activation": "relu"},
        {"kind": "mlp", "dim": 2, "hidden": [4]},
        {"kind": "mlp", "dim": 2, "hidden": [4], "activation": "relu", "seed": 1},
        {"kind": "mlp", "dim": "2", "hidden": [4], "activation": "relu"},
        {"kind": "mlp", "dim": 2, "hidden": {"0": 4}, "activation": "relu"},
        {"kind": "mlp", "dim": 2, "hidden": [[4]], "activation": "relu"},
        ["mlp", 2],
        None,
    ],
)
def test_build_is_strict(architecture):
    with pytest.raises(InvalidInputError):
        build(architecture)


def test_standardize_checks_centre_and_scale():
    critic = MLPCritic(2)
    with pytest.raises(InvalidShapeError, match="centre must have shape"):
        critic.standardize([0.0], 1.0)
    with pytest.raises(InvalidValueError, match="centre must be at most"):
        critic.standardize([1e39, 0.0], 1.0)
    with pytest.raises(InvalidValueError, match="scale must be in"):
        critic.standardize([0.0, 0.0], 0.0)
    with pytest.raises(InvalidTypeError, match="scale must be a real number"):
        critic.standardize([0.0, 0.0], "1")
