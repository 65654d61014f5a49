import numpy as np
import pytest
import torch
from torch import nn

from otgan.critics import MLPCritic
from otgan.errors import CriticError, InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.lipschitz import as_function

POINTS = np.random.default_rng(0).standard_normal((50, 3))
W = np.array([1.0, -2.0, 0.5])


def network(*middle):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 8), *middle, nn.Linear(8, 1))


class Single(nn.Module):
    """Computes in float32 whatever it is cast to."""

    def __init__(self):
        super().__init__()
        self.body = network(nn.Tanh())

    def forward(self, points):
        assert points.dtype == torch.float32
        return self.body(points)


@pytest.mark.parametrize(
    ("critic", "tolerance"),
    [
        (lambda x: np.tanh(x @ W), 1e-9),  # central differences
        (lambda x: np.tanh(x @ W)[:, None], 1e-9),
        (lambda x: torch.tanh(x @ torch.tensor(W)), 1e-14),
        (lambda x: torch.tanh(x @ torch.tensor(W))[:, None], 1e-14),
        (lambda x: torch.tanh(x.float() @ torch.tensor(W).float()), 1e-5),
        (lambda x: torch.tanh(torch.nn.functional.linear(x, torch.tensor(W).float()[None])), 1e-5),
        (lambda x: torch.tanh(torch.from_numpy(x @ W)), 1e-9),
        (torch.no_grad()(lambda x: torch.tanh(x @ torch.tensor(W))), 1e-9),
    ],
    ids=["numpy", "column", "torch", "torch column", "inside float32", "only float32", "numpy to torch", "no grad"],
)
def test_values_and_gradients_of_callables(critic, tolerance):
    function = as_function(critic, 3)
    values = np.tanh(POINTS @ W)
    np.testing.assert_allclose(function.values(POINTS), values, atol=min(tolerance, 1e-6))
    np.testing.assert_allclose(function.gradients(POINTS), (1 - values**2)[:, None] * W, atol=tolerance)


def test_rounding_to_float32_on_the_way_is_noticed():
    assert as_function(lambda x: x @ W, 3).unit == 2.0**-53
    assert as_function(lambda x: torch.relu(x).sum(1), 3).unit == 2.0**-53
    assert as_function(lambda x: torch.relu(x).float().sum(1), 3).unit == 2.0**-24
    assert as_function(lambda x: (x @ W).astype(np.float32), 3).unit == 2.0**-24
    assert as_function(lambda x: torch.relu(x).float().sum(1).double(), 3).unit == 2.0**-24
    assert as_function(lambda x: abs(x[:, 0]), 3, probes=np.float32(POINTS)).unit == 2.0**-53
    assert as_function(network(nn.Tanh()), 3).unit == 2.0**-53


def test_modules_are_evaluated_in_float64_and_left_alone():
    critic = network(nn.Tanh(), nn.Dropout(0.5)).train()
    function = as_function(critic, 3)
    a, b = (layer.weight.detach().double().numpy() for layer in (critic[0], critic[3]))
    inner = np.tanh(POINTS @ a.T + critic[0].bias.detach().double().numpy())
    np.testing.assert_allclose(function.values(POINTS), inner @ b[0] + critic[3].bias.item(), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(function.gradients(POINTS), ((1 - inner**2) * b) @ a, rtol=1e-12, atol=1e-14)
    assert critic.training
    assert critic[0].weight.dtype == torch.float32
    assert critic[0].weight.grad is None


def test_a_module_that_refuses_float64_keeps_its_own_type():
    critic = Single()
    function = as_function(critic, 3)
    assert function.unit == 2.0**-24
    with torch.no_grad():
        np.testing.assert_array_equal(function.values(POINTS), critic(torch.tensor(POINTS).float())[:, 0].double())


def test_what_is_trained_further_does_not_change_the_function():
    critic = MLPCritic(3)
    function = as_function(critic, 3)
    before = function.values(POINTS)
    with torch.no_grad():
        critic.layers[0].weight.mul_(2)
    np.testing.assert_array_equal(function.values(POINTS), before)


def test_many_points_are_taken_in_chunks_that_fit_together():
    sizes = []

    def critic(x):
        sizes.append(len(x))
        return (x @ W).squeeze()

    function = as_function(critic, 3)
    points = np.random.default_rng(1).standard_normal((2**14 + 1, 3))
    np.testing.assert_allclose(function.values(points), points @ W, rtol=1e-12, atol=1e-14)
    assert max(sizes) <= 2**13
    assert sizes[-1] == 1


def test_differences_follow_the_size_of_the_points():
    for unit in (1e-6, 1e6):
        function = as_function(lambda x, unit=unit: unit * np.sin(x @ W / unit), 3, probes=unit * POINTS)
        np.testing.assert_allclose(function.gradients(unit * POINTS), np.cos(POINTS @ W)[:, None] * W, atol=1e-8)


def test_batch_norm_is_a_function_of_one_point_once_it_is_evaluated():
    as_function(network(nn.BatchNorm1d(8)), 3)


@pytest.mark.parametrize(
    ("critic", "message"),
    [
        (lambda x: x, r"return shape \(n,\) or \(n, 1\), here \(16,\) or \(16, 1\), got shape \(16, 3\)"),
        (lambda x: x.sum(), r"got shape \(\)"),
        (lambda x: (x @ W)[None], r"got shape \(1, 16\)"),
        (lambda x: x @ W * np.nan, "return finite values, got nan at point 0"),
        (lambda x: np.where(x[:, 0] > 0, np.inf, 0), "return finite values, got inf at point"),
        (lambda x: (x @ W).astype(complex), "return real numbers"),
        (lambda x: ["a"] * len(x), "return real numbers"),
        (lambda x: x @ W - (x @ W).mean(), "change with the other points of the batch"),
        (lambda x: torch.relu(x).sum(1) - torch.relu(x).mean(), "change with the other points of the batch"),
        (lambda x: x @ np.ones(4), r"accept points of shape \(n, 3\)"),
        (nn.Linear(4, 1), r"accept points of shape \(n, 3\).*got RuntimeError"),
        (nn.Linear(3, 2), r"got shape \(16, 2\)"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_refusals(critic, message):
    with pytest.raises(CriticError, match=message):
        as_function(critic, 3)


def test_random_critics_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(CriticError, match="another value for the same points"):
        as_function(lambda x: rng.standard_normal(len(x)), 3)


def test_infinite_gradients_are_refused():
    function = as_function(lambda x: torch.sqrt(x[:, 0] ** 2), 3)
    with pytest.raises(CriticError, match="have finite gradients, got NaN or infinity at point 0"):
        function.gradients(np.zeros((1, 3)))


def test_arguments_are_checked():
    with pytest.raises(InvalidTypeError, match="critic must be a torch module or a function, got int"):
        as_function(3, 3)
    with pytest.raises(InvalidShapeError, match=r"points must have shape \(n, 3\)"):
        as_function(lambda x: x @ W, 3).values(np.zeros((4, 2)))
    with pytest.raises(InvalidValueError, match="points must be finite"):
        as_function(lambda x: x @ W, 3).values([[np.nan, 0, 0]])
    function = as_function(lambda x: x @ W, 3)
    assert as_function(function, 3) is function


def test_a_layer_that_works_in_place_has_gradients():
    critic = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(2, 1))
    points = np.array([[1.0, -1.0]])
    gradient = as_function(critic, 2).gradients(points)
    assert gradient == pytest.approx(np.array([[critic[1].weight[0, 0].item(), 0.0]]))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_gradients_are_those_of_autograd_in_whatever_mode(mode):
    critic, points = MLPCritic(2, hidden=(8, 8), activation="tanh"), np.random.default_rng(0).normal(size=(9, 2))
    whole = as_function(critic, 2)
    with mode():
        within = as_function(critic, 2)
        assert (within.values(points) == whole.values(points)).all()
        gradients = [function.gradients(points) for function in (within, whole)]
    for found in gradients:  # differences would be off by 1e-10
        np.testing.assert_array_equal(found, whole.gradients(points))


def test_weights_made_in_inference_mode_are_refused():
    with torch.inference_mode():
        critic = nn.Sequential(nn.Linear(2, 4), nn.SiLU(), nn.Linear(4, 1))
    with pytest.raises(CriticError, match=r"got some that were made in torch.inference_mode; make or load"):
        as_function(critic, 2)
    hidden = as_function(lambda points: critic(torch.as_tensor(points).float()), 2)
    with pytest.raises(CriticError, match=r"got some that were made in torch.inference_mode; make or load"):
        as_function(lambda points: critic(points.float()), 2).gradients(np.zeros((3, 2)))
    assert np.isfinite(hidden.values(np.zeros((3, 2)))).all()
