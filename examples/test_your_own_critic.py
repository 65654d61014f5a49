"""Does my critic keep its constraint, and is my gradient penalty the one I think it is?

Three faults that leave the loss falling are planted: a batch normalisation, a penalty whose norm runs over the whole
batch, and a critic that is too steep in one small ball, away from all data. One sees each of them found, with the
points that show it, and the repaired versions pass. In a test suite the calls stand alone, as in the last lines.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from otgan.testing import (
    assert_gradient_penalty_is_per_sample,
    assert_lipschitz,
    assert_no_batch_coupling,
    relu_network,
    with_bump,
)

SEED = 0
BOX = [(-2.0, 2.0), (-2.0, 2.0)]


def network(*middle: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 16), *middle, nn.ReLU(), nn.Linear(16, 1))


def gradients_at(critic: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    points = ((x + y) / 2).requires_grad_()
    return torch.autograd.grad(critic(points).sum(), points, create_graph=True)[0]


def over_the_batch(critic: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return (gradients_at(critic, x, y).norm() - 1).square()


def per_sample(critic: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return (gradients_at(critic, x, y).flatten(1).norm(dim=1) - 1).square().mean()


def tell(name: str, assertion: Callable[[], None]) -> None:
    try:
        assertion()
    except AssertionError as fault:
        print(f"{name}: {fault}")
    else:
        print(f"{name}: passes")


def main() -> None:
    torch.manual_seed(SEED)
    tell("batch norm", lambda: assert_no_batch_coupling(network(nn.BatchNorm1d(16)), 2))
    tell("layer norm", lambda: assert_no_batch_coupling(network(nn.LayerNorm(16)), 2))
    tell("norm over the batch", lambda: assert_gradient_penalty_is_per_sample(over_the_batch))
    tell("norm per sample", lambda: assert_gradient_penalty_is_per_sample(per_sample))
    flat = relu_network([([[0.6, 0.8]], [0.0])])
    tell("steep in a ball", lambda: assert_lipschitz(with_bump(flat, [1.234, -0.567]), domain=BOX))
    tell("one linear layer", lambda: assert_lipschitz(flat, domain=BOX))


if __name__ == "__main__":
    main()
