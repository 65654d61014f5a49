import copy

import numpy as np
import pytest
import torch
from scipy import linalg
from torch import nn
from torch.nn.utils import parametrizations

from otgan.critics import METHODS, MLPCritic, train
from otgan.critics.draws import Draws
from otgan.critics.method import Players
from otgan.critics.norm_constrained import shorten_rows
from otgan.critics.orthonormal import bjorck_step, orthonormalize
from otgan.critics.spectral_norm import Normalised, SpectralNorm
from otgan.critics.weights import scale_to, spread_biases
from otgan.errors import CriticError
from otgan.lipschitz import certified_upper_bound, sampled_lower_bound
from otgan.operator_norms import row_norms_upper_bound, spectral_norm_upper_bound

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def seeded():
    """Layers of PyTorch draw their first weights from its global generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


Y = RNG.standard_normal((200, 2))
X = Y + np.array([3.0, 4.0])


def matrix(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("norm", [1.0, 1e-3, 77.0])
@pytest.mark.parametrize("shape", [(1, 7), (16, 2), (30, 30)])
def test_weights_are_brought_to_a_proven_norm(shape, norm, dtype):
    weight = matrix(*shape, dtype=dtype)
    direction = weight / weight.norm()
    scale_to(weight, spectral_norm_upper_bound, norm)
    assert norm * (1 - 1e-6) <= np.linalg.norm(weight.double().numpy(), 2) <= norm
    assert torch.allclose(weight / weight.norm(), direction)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("norm", [1.0, 1e-3, 77.0])
@pytest.mark.parametrize("order", [1, 2])
def test_long_rows_are_shortened_and_short_ones_left(order, norm, dtype):
    before = matrix(8, 5, dtype=dtype) * torch.tensor([1e-4, 1e4]).to(dtype).repeat(4)[:, None]
    weight = before.clone()
    shorten_rows(weight, order, norm)
    norms = np.linalg.norm(weight.double().numpy(), order, axis=1)
    assert norms.max() <= norm
    assert torch.equal(weight[::2], before[::2])
    assert norms[1::2] == pytest.approx(norm, rel=1e-6)


def test_weights_of_zeros_and_lost_ones_stay():
    for weight in (torch.zeros(3, 2), torch.full((3, 2), float("nan"))):
        before = weight.clone()
        scale_to(weight, spectral_norm_upper_bound, 1.0)
        shorten_rows(weight, 2, 1.0)
        assert torch.equal(torch.isnan(weight), torch.isnan(before))
    assert row_norms_upper_bound(torch.zeros(2, 3), 1).tolist() == [0, 0]


@pytest.mark.parametrize("shape", [(5, 5), (8, 3), (3, 8), (1, 4)])
@pytest.mark.parametrize("distance", [0.0, 0.05, 10.0])
def test_orthonormal_matrices_are_the_nearest(shape, distance):
    start = linalg.polar(matrix(*shape, dtype=torch.float64).numpy())[0]
    moved = torch.from_numpy(start) + distance * matrix(*shape, seed=1, dtype=torch.float64) / 8
    nearest = linalg.polar(moved.numpy())[0]
    assert orthonormalize(moved).numpy() == pytest.approx(nearest, abs=1e-6)


def test_one_iteration_projects_the_gradient():
    W = orthonormalize(matrix(6, 3, dtype=torch.float64)).requires_grad_()
    G = matrix(6, 3, seed=1, dtype=torch.float64)
    (projected,) = torch.autograd.grad((bjorck_step(W) * G).sum(), W)
    tangent = W.T @ projected
    assert (tangent + tangent.T).abs().max().item() < 1e-12  # W + t projected stays orthonormal to first order
    assert torch.allclose(projected, G - W @ (W.T @ G + G.T @ W) / 2)


def test_a_normalised_weight_is_exact_in_eval_mode_and_nothing_is_stale():
    weight = matrix(9, 4)
    layer = Normalised(nn.Linear(4, 9))
    for new in (weight, matrix(9, 4, seed=5)):
        before = layer.right.clone()
        result = layer.eval()(new)
        assert torch.linalg.matrix_norm(result, 2).item() == pytest.approx(1, rel=1e-6)
        assert torch.equal(layer.right, before)
    layer.train()
    for _ in range(100):
        result = layer(new)
    assert torch.linalg.matrix_norm(result, 2).item() == pytest.approx(1, rel=1e-4)
    assert not layer(torch.zeros(9, 4)).any()


def ones_own(*, activation=None, hidden=16):
    layers = nn.Sequential(nn.Linear(2, hidden), activation or nn.ReLU(), nn.Sequential(nn.Linear(hidden, 1)))
    with torch.no_grad():
        for k, parameter in enumerate(layers.parameters()):
            parameter.uniform_(-2, 2, generator=torch.Generator().manual_seed(k))
    return layers


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_critic_of_ones_own_is_normalised_in_place(dtype):
    critic = ones_own(activation=nn.Softplus()).to(dtype)
    assert train(X, Y, SpectralNorm(3.0), critic=critic, steps=30, batch_size=32, threads=1) is critic
    assert [type(module) for module in critic.modules() if isinstance(module, nn.Linear)] == [nn.Linear] * 2
    assert critic[0].weight.dtype == dtype
    assert 3 * (1 - 1e-6) <= certified_upper_bound(critic).value <= 3 * (1 + 1e-6)


CONVOLUTIONS = [
    (nn.Conv1d(2, 3, 3, padding=1), (2, 7)),
    (nn.Conv1d(4, 4, 2, stride=2, groups=2), (4, 6)),
    (nn.Conv2d(1, 4, 3, padding="same", dilation=2), (1, 6, 5)),
    (nn.Conv2d(3, 2, (1, 4), stride=(1, 3), padding=(0, 2)), (3, 3, 7)),
]


@pytest.mark.parametrize(
    ("layer", "shape"), CONVOLUTIONS, ids=lambda part: str(part) if isinstance(part, tuple) else ""
)
def test_a_convolution_is_divided_by_the_norm_of_the_operator(layer, shape):
    layer = copy.deepcopy(layer).double()
    with torch.no_grad():
        layer.weight.copy_(matrix(*layer.weight.shape, dtype=torch.float64))
        layer.bias.zero_()
        images = torch.eye(int(np.prod(shape)), dtype=torch.float64).reshape(-1, *shape)
        truth = np.linalg.norm(layer(images).flatten(1).numpy(), 2)  # a row for each unit image
        kernel = np.linalg.norm(layer.weight.flatten(1).numpy(), 2)
    network = nn.Sequential(layer)
    SpectralNorm().constrain(network)
    network.train()
    with torch.no_grad():
        for _ in range(300):
            after = network(images)
        assert np.linalg.norm(after.flatten(1).numpy(), 2) == pytest.approx(1, rel=1e-3)
        assert abs(truth / kernel - 1) > 0.01  # the reshaped kernel's norm is another
        held = np.linalg.norm(network.eval()(images).flatten(1).numpy(), 2)
        SpectralNorm().release(network)
        assert np.linalg.norm(network(images).flatten(1).numpy(), 2) == pytest.approx(held, rel=1e-6)
    assert held <= 1
    assert not layer._forward_pre_hooks


def test_a_convolutional_critic_of_ones_own_is_proven():
    critic = nn.Sequential(
        nn.Unflatten(1, (1, 4, 4)),
        nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(4, 4, 2, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16, 1),
    )
    rng = np.random.default_rng(0)
    y = rng.standard_normal((200, 16))
    x = y + 1.0  # W1 is 4
    train(x, y, SpectralNorm(2.0), critic=critic, steps=150, batch_size=32, learning_rate=1e-2, threads=1)
    bound = certified_upper_bound(critic).value
    assert 2 * (1 - 1e-6) <= bound <= 2 * (1 + 1e-6)
    assert sampled_lower_bound(critic, np.concatenate([x, y]), rng, n_rounds=3).value <= bound
    with torch.no_grad():
        estimate = float(critic(torch.tensor(x).float()).mean() - critic(torch.tensor(y).float()).mean()) / 2
    assert 0.2 * 4 < estimate <= 4 * (1 + 1e-6)


def shared():
    layer = nn.Linear(2, 2)
    other = nn.Linear(2, 2)
    other.weight = layer.weight
    return nn.Sequential(layer, other, nn.Linear(2, 1))


def twice():
    layer = nn.Linear(2, 2)
    return nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 2), layer, nn.ReLU(), layer, nn.Linear(2, 1))


class Residual(nn.Module):
    """Slopes of up to 1 + ‖A‖, times the last weight's norm."""

    def __init__(self):
        super().__init__()
        self.inner, self.last = nn.Linear(2, 2), nn.Linear(2, 1)

    def forward(self, points):
        return self.last(points + self.inner(points).relu())


def hooked():
    critic = nn.Sequential(nn.Linear(2, 1))
    critic[0].register_forward_hook(lambda module, args, output: 2 * output)
    return critic


def zero():
    layer = nn.Linear(4, 1)
    nn.init.zeros_(layer.weight)
    return nn.Sequential(nn.Linear(2, 4), layer)


class Quadratic(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.ones(2))

    def forward(self, points):
        return (self.a * points).square().sum(1)


@pytest.mark.parametrize(
    ("critic", "message"),
    [
        (
            nn.Sequential(nn.Unflatten(1, (1, 2)), nn.Conv1d(1, 1, 2, padding_mode="circular"), nn.Flatten(0)),
            "got Conv1d at '1'; replace it",
        ),
        (nn.Sequential(nn.Linear(2, 4), nn.LayerNorm(4), nn.Linear(4, 1)), "got LayerNorm at '1'"),
        (nn.Sequential(nn.Linear(2, 4), parametrizations.spectral_norm(nn.Linear(4, 1))), "ParametrizedLinear at '1'"),
        (shared(), "each with a weight of its own, .*, got a weight in two layers"),
        (zero(), "have no weight of zeros"),
        (twice(), "got a weight in two layers, or a layer in two places"),
        (Residual(), "be a chain of Linear, .*, got Residual, whose forward may compute anything"),
        (nn.Sequential(nn.Linear(2, 2), Residual()), "got Residual at '1', whose"),
        (nn.Sequential(nn.Linear(2, 4), nn.LeakyReLU(3.0), nn.Linear(4, 1)), "got LeakyReLU at '1', which is not 1-L"),
        (
            nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 1).requires_grad_(False)),
            "got frozen parameters of Linear at '1'",
        ),
        (hooked(), "got Linear at '0', which has hooks"),
        (Quadratic(), "have weights in plain Linear, Conv1d and Conv2d layers only, .*, got Quadratic"),
    ],
)
def test_layers_whose_norm_is_not_held_are_refused_untouched(critic, message):
    before = copy.deepcopy(critic.state_dict())
    with pytest.raises(CriticError, match=message):
        train(X, Y, "spectral-norm", critic=critic, steps=1, batch_size=8, threads=1)
    assert all(torch.equal(tensor, before[name]) for name, tensor in critic.state_dict().items())


def test_biases_are_spread_over_the_data():
    critic = MLPCritic(2, hidden=(64, 64), activation="maxmin")
    with torch.no_grad():
        for layer in critic.layers[::2]:
            layer.weight.mul_(1e-3)
    points = matrix(500, 2) + 5
    far = critic.layers[0](points)
    assert ((far > 0).float().mean(0) % 1 == 0).float().mean() > 0.9  # hardly a unit changes sign on the data
    spread_biases(critic.layers, points, 0)
    for k in (1, 3):
        values = critic.layers[:k](points)
        assert ((values > 0).float().mean(0) % 1 == 0).float().mean() < 0.3


@pytest.mark.parametrize("name", ["cones", "groupsort", "norm-constrained", "r1", "spectral-norm", "wgan", "wgan-lp"])
def test_labels_and_stacks(name):
    """The mean of label times value, −1 at the source and +1 at the target, is half the loss without the penalty."""
    method = METHODS[name]()
    x, y = torch.randn(2, 3, 8, 2, generator=torch.Generator().manual_seed(1))
    slopes = torch.tensor([1.0, 2.0, 4.0])[:, None]
    stack = Draws(*(torch.Generator().manual_seed(k) for k in range(3)), stacked=True)
    together = method.terms(Players(lambda z: slopes * z.square().sum(-1)), x, y, stack)
    assert together.loss.shape == together.estimate.shape == (3,)
    for k in range(3):

        def critic(z, k=k):
            return slopes[k] * z.square().sum(-1)

        alone = method.terms(Players(critic), x[k], y[k], Draws(torch.Generator().manual_seed(k)))
        assert together.loss[k].item() == pytest.approx(alone.loss.item(), rel=1e-5)
        labels = torch.cat([-torch.ones(8), torch.ones(8)])
        keras = (labels * critic(torch.cat([x[k], y[k]]))).mean().item()
        weight = {"r1": 10 / 2, "wgan-lp": 10}.get(name, 0)
        penalty = weight * alone.shown["penalty"].item() if weight else 0.0
        assert alone.loss.item() == pytest.approx(2 * keras + penalty, rel=1e-5)
        assert alone.estimate.item() == pytest.approx(-2 * keras, rel=1e-5)
