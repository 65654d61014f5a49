import pytest
import torch

from otgan.critics import MLPCritic, gradient_penalty
from otgan.critics.draws import Draws
from otgan.critics.method import Players
from otgan.critics.wgan_gp import WganGp


def draws(seed=0):
    return Draws(torch.Generator().manual_seed(seed))


def test_the_estimate_is_source_minus_target_and_the_penalty_is_not_in_it():
    x, y = torch.full((4, 2), 3.0), torch.zeros(4, 2)
    terms = WganGp(penalty_weight=10.0).terms(Players(lambda z: 2 * z[..., 0]), x, y, draws())
    assert terms.estimate.item() == pytest.approx(6)
    assert terms.shown["penalty"].item() == pytest.approx(1)
    assert terms.shown["gradient_norm"].item() == pytest.approx(2)
    assert terms.loss.item() == pytest.approx(-6 + 10)


def test_the_penalty_is_the_public_one():
    x, y = torch.randn(2, 8, 2, generator=torch.Generator().manual_seed(1))
    critic = MLPCritic(2, hidden=(8,), activation="tanh")
    terms = WganGp(lipschitz=2.0).terms(Players(critic), x, y, draws(4))
    public = gradient_penalty(critic, x, y, torch.Generator().manual_seed(4), lipschitz=2.0)
    assert torch.equal(terms.shown["penalty"], public)


def test_a_stack_gives_each_critic_its_own_numbers():
    x, y = torch.randn(2, 3, 8, 2, generator=torch.Generator().manual_seed(1))
    slopes = torch.tensor([1.0, 2.0, 4.0])[:, None]
    stack = Draws(*(torch.Generator().manual_seed(k) for k in range(3)), stacked=True)
    terms = WganGp().terms(Players(lambda z: slopes * z.square().sum(-1)), x, y, stack)
    for k in range(3):
        alone = WganGp().terms(Players(lambda z, k=k: slopes[k] * z.square().sum(-1)), x[k], y[k], draws(k))
        assert terms.loss[k].item() == pytest.approx(alone.loss.item(), rel=1e-6)
