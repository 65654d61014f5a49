import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from otgan.critics import MLPCritic, gradient_penalty
from otgan.critics.draws import Draws
from otgan.critics.penalties import gradient_norms, interpolate
from otgan.errors import CriticError, InvalidShapeError, InvalidValueError


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def points(n=7, d=3, seed=1):
    x, y = torch.randn(2, n, d, dtype=torch.float64, generator=generator(seed))
    return x, y + 1


def network(activation="tanh", d=3):
    return MLPCritic(d, hidden=(8, 8), activation=activation, seed=5).double()


def one_by_one(critic, x, y, seed, lipschitz):
    """The definition: one place on each segment, one gradient at a time."""
    g = generator(seed)
    t = torch.rand((len(x), 1), generator=g, dtype=x.dtype)
    total = 0.0
    for x_i, y_i, t_i in zip(x, y, t, strict=True):
        place = (x_i + t_i * (y_i - x_i)).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(place[None])[0], place)
        total += (gradient.pow(2).sum().sqrt().item() - lipschitz) ** 2
    return total / len(x)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), lipschitz=st.sampled_from([0.5, 1.0, 3.0]))
def test_it_is_the_mean_over_samples_taken_one_by_one(seed, lipschitz):
    x, y = points(seed=seed)
    penalty = gradient_penalty(network(), x, y, generator(seed), lipschitz=lipschitz)
    assert penalty.item() == pytest.approx(one_by_one(network(), x, y, seed, lipschitz), rel=1e-12)


def test_it_is_neither_of_the_two_usual_mistakes():
    x, y = points()
    critic = network()
    place = interpolate(x, y, Draws(generator(3))).requires_grad_()
    (gradients,) = torch.autograd.grad(critic(place).sum(), place)
    over_the_batch = (gradients.norm(dim=0) - 1).square().mean().item()
    all_at_once = (gradients.norm() - 1).square().item()
    penalty = gradient_penalty(critic, x, y, generator(3)).item()
    assert abs(penalty - over_the_batch) > 1e-3
    assert abs(penalty - all_at_once) > 1e-3


def test_there_is_one_place_on_each_segment():
    x, y = torch.zeros(50, 4), torch.ones(50, 4)
    places = interpolate(x, y, Draws(generator()))
    assert (places == places[:, :1]).all()
    assert len(places[:, 0].unique()) == 50
    assert 0 <= places.min() < 0.1 < 0.9 < places.max() < 1


def test_images_count_as_one_point_each():
    x = torch.zeros(5, 2, 3, 4)
    penalty = gradient_penalty(lambda z: 2 * z.sum((1, 2, 3)), x, x + 1, generator())
    assert penalty.item() == pytest.approx((2 * 24**0.5 - 1) ** 2, rel=1e-5)


def test_truth_for_linear_critics():
    x, y = points(d=2)
    w = torch.tensor([3.0, 4.0], dtype=torch.float64)
    assert gradient_penalty(lambda z: z @ w, x, y, generator()).item() == pytest.approx(16)
    assert gradient_penalty(lambda z: z @ w / 5, x, y, generator()).item() == pytest.approx(0)
    assert gradient_penalty(lambda z: z @ w, x, y, generator(), lipschitz=5).item() == pytest.approx(0)


def test_a_gradient_of_exactly_zero_leaves_the_weights_finite():
    critic = network("relu")
    with torch.no_grad():
        critic.layers[0].weight.zero_()
    x, y = points()
    penalty = gradient_penalty(critic, x, y, generator())
    penalty.backward()
    assert penalty.item() == 1
    assert all(p.grad is None or p.grad.isfinite().all() for p in critic.parameters())


def test_its_gradient_in_the_weights_agrees_with_differences():
    x, y = points(n=3, d=2)
    weight = torch.randn(4, 2, dtype=torch.float64, generator=generator(), requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda w: gradient_penalty(lambda z: torch.tanh(z @ w.T).sum(1), x, y, generator()), (weight,)
    )


def test_layer_norm_passes_and_values_may_be_a_column():
    critic = nn.Sequential(nn.Linear(3, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 1)).double()
    x, y = points()
    assert gradient_penalty(critic, x, y, generator(2)).item() == pytest.approx(
        one_by_one(lambda z: critic(z)[:, 0], x, y, 2, 1.0), rel=1e-12
    )


def test_refusals():
    x, y = points()
    with pytest.raises(InvalidShapeError, match="y must have the shape of x"):
        gradient_penalty(network(), x, y[:3], generator())
    with pytest.raises(InvalidValueError, match="lipschitz must be in"):
        gradient_penalty(network(), x, y, generator(), lipschitz=0)
    with pytest.raises(CriticError, match="differentiable in its points"):
        gradient_norms(lambda z: network()(z).detach(), x)


def test_a_critic_that_ignores_its_points_has_slope_zero():
    constant = nn.Parameter(torch.zeros((), dtype=torch.float64))
    assert gradient_norms(lambda z: constant.expand(len(z)), points()[0]).tolist() == [0] * 7
