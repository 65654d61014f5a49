import pytest
import torch
from torch import nn

from otgan.critics import MLPCritic
from otgan.critics.functions import NetworkFunction, StackFunction
from otgan.critics.penalties import autograd_gradients, gradient_norms

POINTS = torch.randn(3, 20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def networks(activation="relu", bias=True):
    made = [MLPCritic(2, (8, 6), activation, seed=k).double().layers for k in range(3)]
    if not bias:
        for network in made:
            network[2].bias = None
    return made


def weights_gradient(norms, weights):
    return torch.cat(
        [
            g.flatten()
            for g in torch.autograd.grad((norms - 1).square().sum(), weights, allow_unused=True)
            if g is not None
        ]
    )


@pytest.mark.parametrize("bias", [True, False])
def test_the_gradient_that_is_written_down_is_autograds(bias):
    for network in networks(bias=bias):
        ours = NetworkFunction(network).input_gradients(POINTS[0])
        assert torch.allclose(ours, autograd_gradients(network, POINTS[0]), atol=1e-14)
        weights = [layer.weight for layer in network if isinstance(layer, nn.Linear)]
        by_hand = weights_gradient(gradient_norms(NetworkFunction(network), POINTS[0]), weights)
        by_autograd = weights_gradient(gradient_norms(network, POINTS[0]), weights)
        assert torch.allclose(by_hand, by_autograd, atol=1e-12)


@pytest.mark.parametrize(("activation", "bias"), [("relu", True), ("relu", False), ("tanh", True), ("maxmin", True)])
def test_a_stack_is_its_networks_side_by_side(activation, bias):
    made = networks(activation, bias)
    stack = StackFunction(made)
    alone = [NetworkFunction(network) for network in made]
    for k in range(3):
        assert torch.allclose(stack(POINTS)[k], alone[k](POINTS[k]), atol=1e-13)
        assert torch.allclose(stack.input_gradients(POINTS)[k], alone[k].input_gradients(POINTS[k]), atol=1e-13)
    with torch.no_grad():
        for weight in stack.parameters():
            weight.mul_(2)
    stack.release()
    assert torch.allclose(stack(POINTS)[1], alone[1](POINTS[1]), atol=1e-12)


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)),
        nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1), nn.ReLU()),
        nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 1))),
    ],
)
def test_other_networks_are_left_to_autograd(network):
    function = NetworkFunction(network.double())
    assert torch.equal(function.input_gradients(POINTS[0]), autograd_gradients(function, POINTS[0]))


def test_a_hook_is_never_passed_over():
    network = networks()[0]
    network[0].register_forward_hook(lambda layer, inputs, output: 3 * output)
    assert torch.equal(NetworkFunction(network).input_gradients(POINTS[0]), autograd_gradients(network, POINTS[0]))
