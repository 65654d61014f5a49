r"""Networks as functions of batches: one network, or a stack of them of one make, each on its own batch.

The gradient of a network of linear layers and ReLUs in its points is a product of its weights with the ReLUs' 0s and
1s between them, so it is written down rather than left to autograd: its backward pass then leaves out what autograd
would carry through the second derivative of the ReLUs, which is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from otgan.critics.penalties import autograd_gradients


class NetworkFunction:
    """One network.

    Args:
        network: (n, ...) -> (n,) or (n, 1).
        call: How it is called, as in another precision; None for as it is.
    """

    def __init__(self, network: nn.Module, call: Callable[[Tensor], Tensor] | None = None) -> None:
        self.network, self._call = network, network if call is None else call
        self._layers = _linear_and_relu(network)

    def parameters(self) -> list[Tensor]:
        """What is trained."""
        return list(self.network.parameters())

    def __call__(self, points: Tensor) -> Tensor:
        """Values at (n, ...), (n,)."""
        return self._call(points).reshape(points.shape[:1])

    def input_gradients(self, points: Tensor) -> Tensor:
        """Gradients at (n, ...), of the same shape and differentiable in the weights."""
        if self._layers is None:
            return autograd_gradients(self, points)
        return _gradients([(layer.weight, layer.bias) for layer in self._layers], points)


class StackFunction:
    """Networks that differ in their numbers only, each with a batch of its own.

    Args:
        networks: (n, ...) -> (n,) or (n, 1) each; `release` writes the stack's weights back into them.
        critics: Whether they are that; otherwise whatever they give is passed on, with an axis of networks in front.
    """

    def __init__(self, networks: Sequence[nn.Module], *, critics: bool = True) -> None:
        self.networks, self._critics = networks, critics
        self.weights, self.buffers = stack_module_state(list(networks))
        self._layers = _linear_and_relu(networks[0]) if critics else None
        names = {id(module): name for name, module in networks[0].named_modules()}
        self._names = [names[id(layer)] for layer in self._layers or ()]
        self._call = vmap(lambda weights, buffers, points: functional_call(networks[0], (weights, buffers), (points,)))

    def parameters(self) -> list[Tensor]:
        """What is trained, each with an axis of networks in front."""
        return list(self.weights.values())

    def __call__(self, points: Tensor) -> Tensor:
        """Values at (s, n, ...), (s, n)."""
        if self._layers is not None:
            return _values(self._pairs(), points)
        values = self._call(self.weights, self.buffers, points)
        return values.reshape(points.shape[:2]) if self._critics else values

    def input_gradients(self, points: Tensor) -> Tensor:
        """Gradients at (s, n, ...), of the same shape and differentiable in the weights."""
        return autograd_gradients(self, points) if self._layers is None else _gradients(self._pairs(), points)

    def release(self) -> None:
        """Write the weights into the networks."""
        with torch.no_grad():
            for k, network in enumerate(self.networks):
                for name, parameter in network.named_parameters():
                    parameter.copy_(self.weights[name][k])

    def _pairs(self) -> list[tuple[Tensor, Tensor | None]]:
        """Weight (s, out, in) and bias (s, 1, out) of each linear layer."""
        biases = [self.weights.get(f"{name}.bias".lstrip(".")) for name in self._names]
        return [
            (self.weights[f"{name}.weight".lstrip(".")], None if bias is None else bias.unsqueeze(1))
            for name, bias in zip(self._names, biases, strict=True)
        ]


Layers = Sequence[tuple[Tensor, Tensor | None]]


def _linear_and_relu(network: nn.Module) -> list[nn.Linear] | None:
    """The linear layers of a network of linear layers with ReLUs between them that ends in one number, else None."""
    if type(network) is not nn.Sequential or len(network) % 2 == 0:
        return None
    plain = all(type(part) is (nn.ReLU if k % 2 else nn.Linear) for k, part in enumerate(network))
    hooked = any(part._forward_hooks or part._forward_pre_hooks for part in network.modules())
    if not plain or hooked or network[-1].out_features != 1:
        return None
    return [part for part in network if isinstance(part, nn.Linear)]


def _affine(points: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if weight.ndim == 2:
        return nn.functional.linear(points, weight, bias)
    return points @ weight.mT if bias is None else torch.baddbmm(bias, points, weight.mT)


def _values(layers: Layers, points: Tensor) -> Tensor:
    for weight, bias in layers[:-1]:
        points = _affine(points, weight, bias).relu_()  # in place: the sum itself is not needed again
    return _affine(points, *layers[-1]).squeeze(-1)


def _gradients(layers: Layers, points: Tensor) -> Tensor:
    """The row vector W_k D … D W_1 at each point, D the ReLUs' derivatives there, 0 at a kink as autograd has it."""
    active = []
    with torch.no_grad():
        inner = points
        for weight, bias in layers[:-1]:
            inner = _affine(inner, weight, bias).relu_()
            active.append(inner.sign())  # of what is never negative
    rows = layers[-1][0].expand(*points.shape[:-1], -1) if layers[-1][0].ndim == 2 else layers[-1][0]
    for (weight, _), derivative in zip(reversed(layers[:-1]), reversed(active), strict=True):
        rows = (rows * derivative) @ weight
    return rows
