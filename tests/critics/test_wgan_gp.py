import pytest
import torch

from otgan.critics import MLPCritic, gradient_penalty
from otgan.critics.wgan_gp import WganGp


def test_the_estimate_is_source_minus_target_and_the_penalty_is_not_in_it():
    x, y = torch.full((4, 2), 3.0), torch.zeros(4, 2)
    terms = WganGp(penalty_weight=10.0)(lambda z: 2 * z[:, 0], x, y, torch.Generator().manual_seed(0))
    assert terms.estimate.item() == pytest.approx(6)
    assert terms.penalty.item() == pytest.approx(1)
    assert terms.gradient_norm.item() == pytest.approx(2)
    assert terms.loss.item() == pytest.approx(-6 + 10)


def test_the_penalty_is_the_public_one():
    x, y = torch.randn(2, 8, 2, generator=torch.Generator().manual_seed(1))
    critic = MLPCritic(2, hidden=(8,), activation="tanh")
    terms = WganGp(lipschitz=2.0)(critic, x, y, torch.Generator().manual_seed(4))
    assert torch.equal(terms.penalty, gradient_penalty(critic, x, y, torch.Generator().manual_seed(4), lipschitz=2.0))
