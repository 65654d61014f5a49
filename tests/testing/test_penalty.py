"""`assert_gradient_penalty_is_per_sample`: penalties that are right in any of their forms, and many that are not."""

import pytest
import torch

from otgan.errors import InvalidTypeError, InvalidValueError
from otgan.testing import assert_gradient_penalty_is_per_sample


def gradients_at(critic, points, create_graph=True):
    points = points.detach().requires_grad_()
    return torch.autograd.grad(critic(points).sum(), points, create_graph=create_graph)[0]


def norms(gradients):
    return gradients.flatten(1).norm(dim=1)


def two_sided(critic, x, y):
    return (norms(gradients_at(critic, (x + y) / 2)) - 1).square().mean()


def one_sided(critic, x, y):
    return 10 * (norms(gradients_at(critic, y)) - 1).relu().square().mean()


def r1(critic, x, y):
    return gradients_at(critic, x).flatten(1).square().sum(1).mean() / 2


def global_randomness(critic, x, y, weight=10.0):
    t = torch.rand(len(x), *[1] * (x.ndim - 1))
    return weight * (norms(gradients_at(critic, t * x + (1 - t) * y)) - 1).square().mean()


def own_generator(critic, x, y, weight=1.0, *, generator):
    t = torch.rand((len(x),) + (1,) * (x.ndim - 1), generator=generator)
    return weight * (norms(gradients_at(critic, t * x + (1 - t) * y)) - 1).square().mean()


def near(critic, x, y):
    return (norms(gradients_at(critic, x + 0.5 * torch.randn_like(x))) - 1).square().mean()


def column_only(critic, x, y):
    """Wants values of shape (n, 1)."""
    points = x.detach().requires_grad_()
    ones = torch.ones(len(x), 1)
    (gradients,) = torch.autograd.grad(critic(points), points, grad_outputs=ones, create_graph=True)
    return (norms(gradients) - 1).square().mean()


def flat_only(critic, x, y):
    """Wants values of shape (n,)."""
    points = x.detach().requires_grad_()
    (gradients,) = torch.autograd.grad(critic(points), points, grad_outputs=torch.ones(len(x)), create_graph=True)
    return (norms(gradients) - 1).square().mean()


def by_vmap(critic, x, y):
    def value(point):
        return critic(point[None]).sum()

    return (norms(torch.func.vmap(torch.func.grad(value))(x)) - 1).square().mean()


@pytest.mark.parametrize("shape", [1, (2, 2, 2)], ids=str)
@pytest.mark.parametrize(
    "penalty",
    [two_sided, one_sided, r1, global_randomness, own_generator, near, column_only, flat_only, by_vmap],
    ids=lambda penalty: penalty.__name__,
)
def test_right_penalties_pass(penalty, shape):
    state = torch.random.get_rng_state()
    assert_gradient_penalty_is_per_sample(penalty, shape)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_another_constant():
    def penalty(critic, x, y):
        return (norms(gradients_at(critic, x)) - 40).relu().square().mean()

    assert_gradient_penalty_is_per_sample(penalty, k=40)
    with pytest.raises(AssertionError, match=r"gradient in the critic's weights, got none for f\(x\) = 13 x\[0\]"):
        assert_gradient_penalty_is_per_sample(penalty)  # slopes of 13 are none of its business


WRONG = {
    "each coordinate": (lambda g: (g - 1).square().mean(), "over all of its axes, got 8.5 for"),
    "sum of sizes": (lambda g: (g.flatten(1).abs().sum(1) - 1).square().mean(), "got 16 for"),
    "largest": (lambda g: (g.flatten(1).abs().amax(1) - 1).square().mean(), "got 16 for"),
    "first coordinate": (lambda g: (g.flatten(1)[:, 0] - 1).square().mean(), "got 16 for"),
    "sum": (lambda g: (norms(g) - 1).square().sum(), "the mean over samples instead of the sum"),
    "mean of gradients": (lambda g: (g.mean(0).norm() - 1).square(), "with the norms 5 and 13"),
    "norm of the mean norm": (lambda g: (norms(g).mean() - 1).square(), "with the norms 5 and 13"),
    "root mean square": (lambda g: (norms(g).square().mean().sqrt() - 1).square(), "in the mean 80"),
    "largest sample": (lambda g: (norms(g).max() - 1).square(), "in the mean 80"),
    "first sample": (lambda g: (norms(g)[0] - 1).square(), "in the mean 80"),
    "divided twice": (lambda g: (norms(g) - 1).square().mean() / len(g), "not depend on the number of samples"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_wrong_penalties_are_found(fault):
    wrong, message = WRONG[fault]
    with pytest.raises(AssertionError, match="penalty must ") as caught:
        assert_gradient_penalty_is_per_sample(lambda critic, x, y: wrong(gradients_at(critic, x)))
    assert message in str(caught.value)


def test_the_gradient_of_mean_values_is_found():
    def penalty(critic, x, y):
        points = x.detach().requires_grad_()
        (gradients,) = torch.autograd.grad(critic(points).mean(), points, create_graph=True)
        return (norms(gradients) - 1).square().mean()

    with pytest.raises(AssertionError, match=r"got 16 on one pair of points and 2\.25 on 2"):
        assert_gradient_penalty_is_per_sample(penalty)


@pytest.mark.parametrize("detach", [lambda p: p.detach(), lambda p: p])
def test_a_penalty_that_trains_nothing_is_found(detach):
    def penalty(critic, x, y):
        return detach((norms(gradients_at(critic, x, create_graph=False)) - 1).square().mean())

    with pytest.raises(AssertionError, match=r"gradient in the critic's weights.*pass create_graph=True"):
        assert_gradient_penalty_is_per_sample(penalty)


@pytest.mark.parametrize(
    ("penalty", "options", "error", "message"),
    [
        (1.0, {}, InvalidTypeError, "penalty must be a function, got float"),
        (
            lambda critic: 1,
            {},
            InvalidTypeError,
            r"penalty must be a function of \(critic, x, y\) or \(critic, x, y, g",
        ),
        (lambda critic, x, y, t, s: 1, {}, InvalidTypeError, "wrap it in a lambda that fills in its other arguments"),
        (lambda critic, x, y: 1.0, {}, InvalidTypeError, "penalty must return a scalar tensor, got float"),
        (lambda critic, x, y: torch.zeros(2), {}, InvalidTypeError, r"return a scalar tensor, got shape \(2,\)"),
        (lambda critic, x, y: torch.tensor(torch.nan), {}, InvalidValueError, "penalty must be finite, got nan for f"),
        (two_sided, {"shape": "2"}, InvalidTypeError, "shape must be"),
        (two_sided, {"k": 0}, InvalidValueError, "k must be in"),
        (two_sided, {"tol": -1}, InvalidValueError, "tol must be in"),
        (two_sided, {"seed": -1}, InvalidValueError, "seed must be"),
    ],
)
def test_misuse_is_a_typed_error(penalty, options, error, message):
    with pytest.raises(error, match=message):
        assert_gradient_penalty_is_per_sample(penalty, **options)
