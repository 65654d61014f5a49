import math

import pytest
import torch

from otgan.gan.losses import (
    hinge_critic,
    js_estimate,
    logistic_critic,
    minimax_generator,
    non_saturating_generator,
    wasserstein_critic,
    wasserstein_generator,
)

LOG3 = math.log(3)


def values(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def test_wasserstein_losses_by_hand():
    # E f(fake) = 1, E f(real) = 4.
    assert float(wasserstein_critic(values(3.0, 5.0), values(-2.0, 1.0, 4.0))) == 1 - 4
    assert float(wasserstein_generator(values(-2.0, 1.0, 4.0))) == -1


def test_hinge_loss_by_hand():
    # max(0, 1 − f) = 0, 1/2, 2 at the real points; max(0, 1 + f) = 0, 3/2 at the others.
    assert float(hinge_critic(values(2.0, 0.5, -1.0), values(-2.0, 0.5))) == pytest.approx(2.5 / 3 + 0.75, rel=1e-15)


def test_logistic_losses_by_hand():
    # D = 3/4 and 1/4 at the real points, 1/2 and 3/4 at the others.
    real, fake = values(LOG3, -LOG3), values(0.0, LOG3)
    by_hand = -(math.log(3 / 4) + math.log(1 / 4)) / 2 - (math.log(1 / 2) + math.log(1 / 4)) / 2
    assert float(logistic_critic(real, fake)) == pytest.approx(by_hand, rel=1e-14)
    assert float(minimax_generator(fake)) == pytest.approx((math.log(1 / 2) + math.log(1 / 4)) / 2, rel=1e-14)
    assert float(non_saturating_generator(fake)) == pytest.approx(-(math.log(1 / 2) + math.log(3 / 4)) / 2, rel=1e-14)


def test_logits_that_are_far_from_0_do_not_overflow():
    far = torch.tensor([1000.0])
    assert float(logistic_critic(-far, far)) == 2000
    assert float(non_saturating_generator(-far)) == 1000
    assert float(minimax_generator(far)) == -1000


def test_losses_take_means_over_the_last_axis_alone():
    real, fake = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0)).unbind(0)
    for loss in (wasserstein_critic, hinge_critic, logistic_critic):
        each = torch.stack([loss(one, other) for one, other in zip(real, fake, strict=True)])
        assert torch.equal(loss(real, fake), each)


@pytest.mark.parametrize(
    ("loss", "slope"),
    # Where D = 1/10001, d/df log(1 − D) = −D vanishes, and −d/df log D = −(1 − D) does not.
    [(minimax_generator, -1 / 10001), (non_saturating_generator, -10000 / 10001), (wasserstein_generator, -1.0)],
)
def test_what_a_sure_discriminator_leaves_of_the_gradient(loss, slope):
    at_fake = values(-math.log(10000)).requires_grad_()
    loss(at_fake).backward()
    assert float(at_fake.grad) == pytest.approx(slope, rel=1e-12)


def test_the_best_discriminator_speaks_of_js():
    # p = (3/4, 1/4) and q = (1/4, 3/4) on two points; the best logit is log p/q = ±log 3.
    real, fake = values(LOG3, LOG3, LOG3, -LOG3), values(LOG3, -LOG3, -LOG3, -LOG3)
    js = 3 / 4 * math.log(3 / 2) + 1 / 4 * math.log(1 / 2)  # KL(p | m), and by symmetry KL(q | m), m = (1/2, 1/2)
    assert js_estimate(float(logistic_critic(real, fake))) == pytest.approx(js, rel=1e-13)
    for scale in (0.5, 0.9, 1.1, 2.0):  # no other says more
        assert js_estimate(float(logistic_critic(scale * real, scale * fake))) < js
    assert js_estimate(0.0) == math.log(2)
    assert js_estimate(float(logistic_critic(values(0.0), values(0.0)))) == pytest.approx(0, abs=1e-15)
