import numpy as np
import pytest
import torch

from otgan.critics import MLPCritic, gradient_penalty, train
from otgan.critics.draws import Draws
from otgan.critics.method import Players
from otgan.critics.penalties import one_sided, two_sided
from otgan.critics.wgan_lp import WganLp
from otgan.errors import InvalidValueError
from otgan.measures import Gaussian


def draws(seed=0):
    return Draws(torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("slope", "penalty"), [(0.0, 0), (0.5, 0), (2.0, 0), (2.5, 0.25), (5.0, 9)])
def test_slopes_below_the_constant_cost_nothing(slope, penalty):
    x, y = torch.full((4, 2), 3.0), torch.zeros(4, 2)
    terms = WganLp(2.0, penalty_weight=10.0).terms(Players(lambda z: slope * z[..., 0]), x, y, draws())
    assert terms.shown["penalty"].item() == pytest.approx(penalty)
    assert terms.estimate.item() == pytest.approx(3 * slope)
    assert terms.loss.item() == pytest.approx(10 * penalty - 3 * slope)
    public = gradient_penalty(lambda z: slope * z[:, 0], x, y, torch.Generator(), lipschitz=2.0, sides=1)
    assert public.item() == pytest.approx(penalty)


def test_steep_samples_count_even_where_the_mean_is_flat():
    norms = torch.tensor([0.0, 0.0, 0.0, 3.0])
    assert one_sided(norms, 1.0).item() == 1
    assert two_sided(norms, 1.0).item() == 7 / 4


def test_both_penalties_agree_where_all_slopes_are_steep():
    x, y = torch.randn(2, 8, 2, generator=torch.Generator().manual_seed(1))
    critic = MLPCritic(2, hidden=(8,), activation="tanh")
    one, two = (
        gradient_penalty(critic, x, y, torch.Generator().manual_seed(4), lipschitz=1e-6, sides=k) for k in (1, 2)
    )
    assert one.item() == pytest.approx(two.item(), rel=1e-6)
    with pytest.raises(InvalidValueError, match="sides must be 1 or 2, got 3"):
        gradient_penalty(critic, x, y, torch.Generator(), sides=3)
    with pytest.raises(InvalidValueError, match="penalty_weight must be in"):
        WganLp(penalty_weight=0.0)


@pytest.mark.parametrize("lipschitz", [1.0, 3.0])
def test_a_translation_is_measured_with_the_bias_that_is_stated(lipschitz):
    source, target = Gaussian([3.0, 4.0], np.eye(2)), Gaussian([0.0, 0.0], np.eye(2))
    critic = train(
        source,
        target,
        WganLp(lipschitz),
        steps=250,
        hidden=(32,),
        batch_size=64,
        learning_rate=5e-3,
        threads=1,
    )
    z = torch.randn(4000, 2, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        estimate = float(critic(z + torch.tensor([3.0, 4.0])).mean() - critic(z).mean())
    # Root mean square coordinate of the pooled laws: 1 within each, 3/2 and 2 between them.
    scale = (1 + (1.5**2 + 2**2) / 2) ** 0.5
    assert estimate == pytest.approx(5 * (lipschitz + 5 / (2 * 10 * scale)), rel=0.05)
