import numpy as np
import pytest
import torch
from scipy import integrate, stats

from otgan.critics import train
from otgan.critics.draws import Draws
from otgan.critics.method import Players
from otgan.critics.r1 import R1
from otgan.errors import InvalidValueError
from otgan.measures import Gaussian


def test_the_penalty_is_the_mean_square_of_the_slope_at_the_source_alone():
    x, y = torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.full((2, 2), 100.0)
    terms = R1(2.0, penalty_weight=6.0).terms(Players(lambda z: z.square().sum(-1)), x, y, Draws(torch.Generator()))
    assert terms.shown["penalty"].item() == pytest.approx((4 + 36) / 2)
    assert terms.estimate.item() == pytest.approx(5 - 20_000)
    assert terms.loss.item() == pytest.approx(6 / (2 * 2) * 20 - (5 - 20_000))
    with pytest.raises(InvalidValueError, match="penalty_weight must be in"):
        R1(penalty_weight=0.0)


@pytest.mark.parametrize(("shift", "weight", "lipschitz"), [(0.4, 1.0, 1.0), (0.4, 4.0, 3.0), (-0.2, 1.0, 1.0)])
def test_the_estimate_is_the_square_of_a_weighted_norm(shift, weight, lipschitz):
    source, target = Gaussian([0.0], [[1.0]]), Gaussian([shift], [[1.0]])
    critic = train(
        source,
        target,
        R1(lipschitz, weight),
        steps=250,
        hidden=(32,),
        batch_size=256,
        learning_rate=5e-3,
        threads=1,
    )
    z = torch.from_numpy(np.sort(stats.norm.ppf((np.arange(4000) + 0.5) / 4000))[:, None]).float()
    with torch.no_grad():
        estimate = float(critic(z).mean() - critic(z + shift).mean()) / lipschitz
    # On the line the equation is solved by γ p f' = −(F_P − F_Q), and the norm is the integral of (F_P − F_Q)² / p.
    square, _ = integrate.quad(
        lambda t: (stats.norm.cdf(t) - stats.norm.cdf(t - shift)) ** 2 / stats.norm.pdf(t), -8, 8
    )
    scale = (1 + shift**2 / 4) ** 0.5
    assert estimate == pytest.approx(square / (weight * scale), rel=0.12)
    assert square >= shift**2
