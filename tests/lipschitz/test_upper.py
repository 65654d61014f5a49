import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.nn.utils import parametrize

from otgan.critics import MLPCritic
from otgan.critics.layers import Cones
from otgan.critics.networks import ACTIVATIONS
from otgan.lipschitz import audit, certified_upper_bound
from otgan.lipschitz.chain import read_chain
from otgan.lipschitz.eclipse import layerwise_bound
from otgan.lipschitz.pieces import steepest_pieces
from otgan.lipschitz.walk import UnknownModuleError


def linear(weight):
    weight = torch.as_tensor(weight, dtype=torch.float32)
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
    return layer


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_product_of_the_norms(seed):
    critic = MLPCritic(4, hidden=(16, 8), seed=seed)
    norms = [np.linalg.norm(layer.weight.detach().double().numpy(), 2) for layer in critic.layers[::2]]
    bound = certified_upper_bound(critic)
    assert bound.value == pytest.approx(math.prod(norms), rel=1e-10)
    assert bound.method == "product of operator norms"
    assert bound.reason == ""


def test_centre_and_scale_cancel():
    critic = MLPCritic(2, seed=1)
    before = certified_upper_bound(critic)
    critic.standardize([5.0, 6.0], 1e-3)
    assert certified_upper_bound(critic) == before


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_of_the_mlp_is_known(activation):
    assert math.isfinite(certified_upper_bound(MLPCritic(2, hidden=(4,), activation=activation)).value)


@pytest.mark.parametrize(
    ("layer", "factor"),
    [
        (nn.Identity(), 1),
        (nn.Flatten(), 1),
        (nn.Dropout(0.3), 1),
        (nn.LeakyReLU(3.0), 3),
        (nn.LeakyReLU(-2.0), 2),
        (nn.ELU(0.5), 1),
        (nn.ELU(4.0), 4),
        (nn.Sigmoid(), 0.25),
        (nn.Softplus(5.0), 1),
    ],
    ids=str,
)
def test_factors_of_layers(layer, factor):
    critic = nn.Sequential(linear([[3.0, 4.0]]), nn.Sequential(layer, nn.Sequential(linear([[2.0]]))))
    assert certified_upper_bound(critic).value == pytest.approx(10 * factor, rel=1e-12)
    slopes = layer.eval()(torch.linspace(-9, 9, 20_001, dtype=torch.float64)[None]).diff() / (18 / 20_000)
    assert slopes.abs().max().item() == pytest.approx(factor, rel=1e-3)


def test_spectral_norm_uses_the_effective_weight_and_leaves_the_module_alone():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = nn.utils.parametrizations.spectral_norm(linear(torch.randn(5, 3)), n_power_iterations=200)
    before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    assert certified_upper_bound(nn.Sequential(layer, linear(torch.ones(1, 5)))).value == pytest.approx(
        5**0.5, rel=1e-4
    )
    assert all(torch.equal(tensor, before[name]) for name, tensor in layer.state_dict().items())
    assert layer.training


class Unknown(nn.Module):
    def forward(self, points):
        return 2 * points


class Changed(nn.Linear):
    def forward(self, points):
        return 2 * super().forward(points)


def hooked():
    layer = nn.Linear(2, 1)
    layer.register_forward_hook(lambda module, args, output: 2 * output)
    return layer


def replaced(method="forward"):
    layer = nn.Linear(2, 1)
    setattr(layer, method, lambda points: points)
    return layer


def emptied():
    critic = nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 1))
    critic._modules["0"] = None
    return critic


@pytest.mark.parametrize(
    ("critic", "reason"),
    [
        (nn.Sequential(nn.Linear(2, 2), Unknown()), "no Lipschitz constant is known for Unknown at '1'"),
        (nn.Sequential(nn.Sequential(nn.LayerNorm(2))), "no Lipschitz constant is known for LayerNorm at '0.0'"),
        (Changed(2, 1), "no Lipschitz constant is known for Changed"),
        (nn.Sequential(nn.Flatten(0)), "no Lipschitz constant is known for Flatten at '0'"),
        (nn.Softplus(threshold=1), "no Lipschitz constant is known for Softplus"),
        (hooked(), "Linear has hooks"),
        (replaced(), "Linear has hooks or a replaced forward"),
        (replaced("_call_impl"), "Linear has hooks or a replaced forward"),
        (emptied(), "Sequential has no layer at '0'"),
        (linear([[math.nan]]), "the weight of Linear is nan"),
        (lambda x: x[:, 0], "function is no torch module"),
        (nn.Sequential(*(linear([[1e38]]) for _ in range(10))), "the product leaves float64"),
    ],
)
def test_what_is_unknown_is_infinite_and_says_why(critic, reason):
    bound = certified_upper_bound(critic)
    assert bound.value == math.inf
    assert reason in bound.reason


def test_a_zero_layer_makes_a_constant():
    critic = nn.Sequential(linear([[1e38]]), linear([[0.0]]), linear([[1e38]]))
    assert certified_upper_bound(critic).value == 0


def test_rows_bound_numbers_only():
    # The identity of the plane has the norm 1 in each row, and 1 as an operator; this one has 1 in each row, and √2.
    layer = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    assert certified_upper_bound(layer).value >= math.sqrt(2)


def slope(critic, x, x_other):
    x, x_other = (torch.tensor([point], dtype=torch.float64) for point in (x, x_other))
    critic = copy.deepcopy(critic).double()
    return float((critic(x) - critic(x_other)).detach().abs() / (x - x_other).norm())


def test_a_layer_counts_as_often_as_it_is_applied():
    layer = linear(3 * torch.eye(2))
    nn.init.zeros_(layer.bias)
    critic = nn.Sequential(layer, nn.ReLU(), layer, nn.ReLU(), layer, linear([[1.0, 0.0]]))
    assert slope(critic, [1.0, 1.0], [2.0, 1.0]) == pytest.approx(27)
    assert certified_upper_bound(critic).value == pytest.approx(27)
    assert audit(critic, domain=[(-3, 3), (-3, 3)]).upper == pytest.approx(27)


@pytest.mark.parametrize("act", [nn.LeakyReLU(5.0), nn.ReLU(), nn.Softplus()], ids=str)
def test_an_activation_counts_as_often_as_it_is_applied(act):
    first, second, last = linear([[1.0], [1.0]]), linear([[-1.0, 0.0], [0.0, 1.0]]), linear([[1.0, -1.0]])
    for layer in (first, second, last):
        nn.init.zeros_(layer.bias)
    shared = nn.Sequential(first, act, second, act, last)
    apart = nn.Sequential(first, act, second, copy.deepcopy(act), last)
    assert certified_upper_bound(shared) == certified_upper_bound(apart)
    domain = [(-3.0, 3.0)]
    result, truth = audit(shared, domain=domain), audit(apart, domain=domain)
    assert result.upper == truth.upper
    steepest = max(slope(shared, [x], [x + 1e-3]) for x in (-2.9, -0.5, 0.5, 2.9))
    assert steepest * (1 - 1e-6) <= result.upper


@pytest.mark.parametrize("register", [register_module_forward_hook, register_module_forward_pre_hook])
def test_hooks_of_all_modules_are_hooks(register):
    handle = register(lambda *_: None)
    try:
        assert "hooks" in certified_upper_bound(linear([[1.0]])).reason
    finally:
        handle.remove()
    assert certified_upper_bound(linear([[1.0]])).value == pytest.approx(1)


def test_a_slope_set_below_zero_makes_a_bound_above_it():
    cones = Cones([[0.0, 0.0]])
    cones.slope = -2.0
    assert certified_upper_bound(cones).value == 2


def test_numbers_beyond_float64_and_complex_ones_are_unknown():
    critic = MLPCritic(2, (4,)).double()
    with torch.no_grad():
        critic.layers[0].weight[0] = 1e300
    critic.standardize([1e20, 0.0], 1.0)
    assert layerwise_bound(read_chain(critic)) == math.inf
    critic = MLPCritic(2, (4,)).double()
    with torch.no_grad():
        critic.layers[0].bias[0] = 1e300
    critic.standardize([0.0, 0.0], 1e18)
    with pytest.raises(UnknownModuleError, match="leave float64"):
        steepest_pieces(read_chain(critic), np.array([[0.0, 0.0], [1.0, 1.0]]))
    bound = certified_upper_bound(imaginary())
    assert bound.value == math.inf
    assert "complex numbers" in bound.reason


def imaginary():
    layer = linear([[1.0]])
    parametrize.register_parametrization(layer, "weight", Imaginary(), unsafe=True)
    return layer


class Imaginary(nn.Module):
    def forward(self, weight):
        return torch.complex(weight, weight)
