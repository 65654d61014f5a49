"""Gradients of exact distances: finite differences where they are derivatives, values known by hand where not."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

import otgan
from otgan.autograd import OTLoss, wasserstein
from otgan.errors import InvalidTypeError, InvalidValueError, NotProvidedError


def generic(seed, n=5, m=4, d=2):
    """Points and weights in general position: one plan, and one pair of potentials up to a constant."""
    rng = np.random.default_rng(seed)
    arrays = rng.normal(size=(n, d)), rng.normal(size=(m, d)), rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
    return [torch.tensor(array, requires_grad=True) for array in arrays]


@pytest.mark.parametrize(
    ("p", "metric", "d", "value"),
    [
        (1, "euclidean", 2, "distance"),
        (1, "euclidean", 1, "distance"),
        (1, "cityblock", 3, "distance"),
        (1.5, "chebyshev", 3, "distance"),
        (2, "euclidean", 2, "distance"),
        (2, "euclidean", 1, "distance"),
        (2, "euclidean", 3, "cost"),
        (3, "cityblock", 2, "cost"),
    ],
)
def test_gradients_are_derivatives(p, metric, d, value):
    """Finite differences leave the simplex of weights, so this also checks that they are normalised inside."""
    assert gradcheck(lambda *inputs: wasserstein(*inputs, p=p, metric=metric, value=value), generic(0, d=d))


def test_weights_on_the_globe():
    x, y, a, b = generic(1)
    x, y = x.detach() * 20, y.detach() * 20
    assert gradcheck(lambda *weights: wasserstein(x, y, *weights, metric="haversine"), [a, b], atol=1e-3)


def test_gradients_known_by_hand():
    x = torch.tensor([0.0, 1.0], dtype=torch.float64, requires_grad=True)
    a = torch.tensor([0.75, 0.25], dtype=torch.float64, requires_grad=True)
    distance = wasserstein(x, torch.tensor([0.0, 1.0]), a, torch.tensor([0.5, 0.5]))
    distance.backward()  # a quarter goes from 0 to 1, so that W1 = a_0 / (a_0 + a_1) − 1/2
    assert distance.item() == 0.25
    np.testing.assert_allclose(a.grad, [0.25, -0.75], atol=1e-15)
    # what stays is pulled nowhere; at 0 it is a quarter that moves
    np.testing.assert_allclose(x.grad, [-0.25, 0.0], atol=1e-15)


@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize("metric", ["euclidean", "cityblock", "chebyshev"])
def test_nothing_is_nan_where_points_coincide(p, metric):
    x, _, a, b = generic(2, 4, 4)
    here = wasserstein(x, x.detach(), p=p, metric=metric)
    assert here.item() == 0
    gradient = torch.autograd.grad(here, x)[0]
    assert not gradient.any()
    y = x.detach().clone()
    y[0] += torch.tensor([3.0, 0.0])  # one of four moves, the others stay
    y.requires_grad_()
    cost = wasserstein(x, y, p=p, metric=metric, value="cost")
    at_x, at_y = torch.autograd.grad(cost, [x, y])
    np.testing.assert_allclose(at_x.sum(0) + at_y.sum(0), 0, atol=1e-12)  # a translation of both changes nothing
    assert at_x.any()
    for value in ("distance", "cost"):
        parts = torch.autograd.grad(wasserstein(x, x, a, b, p=p, metric=metric, value=value), [x, a, b])
        assert all(torch.isfinite(part).all() for part in parts)


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e100])
def test_points_whose_squares_leave_float64(scale):
    """W_1 scales with the points, and so its gradient stays as it is."""
    x, y, a, b = generic(3)
    plain = torch.autograd.grad(wasserstein(x, y, a, b), x)[0]
    x, y = (x.detach() * scale).requires_grad_(), y.detach() * scale
    np.testing.assert_allclose(torch.autograd.grad(wasserstein(x, y, a, b), x)[0], plain, rtol=1e-12)


def test_a_point_without_mass_is_due_what_the_first_mass_brings():
    x, y, a, b = (tensor.detach() for tensor in generic(4))
    a = a.clone()
    a[2] = 0
    a = a / a.sum()
    a.requires_grad_()
    (gradient,) = torch.autograd.grad(wasserstein(x, y, a, b, p=2, value="cost"), a)
    step = torch.zeros(5, dtype=torch.float64)
    step[2] = 1e-7
    gained = wasserstein(x, y, a + step, b, p=2, value="cost") - wasserstein(x, y, a, b, p=2, value="cost")
    assert gained.item() / 1e-7 == pytest.approx(gradient[2].item(), rel=1e-5)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("batched", [False, True])
def test_a_subgradient_for_weights_where_there_is_no_derivative(p, batched):
    """The cost is convex in the weights: it lies above each of its tangents, all over the simplex."""
    rng = np.random.default_rng(9)
    x = torch.tensor(rng.integers(0, 2, (6, 2)).astype(float))  # points that coincide, and that both sides share
    y = torch.tensor(rng.integers(0, 3, (6, 2)).astype(float))
    cost = OTLoss(p, value="cost") if batched else partial(wasserstein, p=p, value="cost")
    a, b = (torch.full((1, 6), 1 / 6, dtype=torch.float64, requires_grad=True) for _ in range(2))
    places = (x[None], y[None], a, b) if batched else (x, y, a[0], b[0])
    at = cost(*places)
    slopes = torch.autograd.grad(at, [a, b])
    for _ in range(20):
        others = [torch.tensor(rng.dirichlet(np.full(6, 0.3))) for _ in range(2)]
        tangent = at + sum((slope[0] * (c - d[0])).sum() for slope, c, d in zip(slopes, others, (a, b), strict=True))
        assert wasserstein(x, y, *others, p=p, value="cost").item() >= tangent.item() - 1e-12


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_lower_precision_is_that_of_the_ends_alone(dtype):
    x, y, a, b = (tensor.detach().to(dtype) for tensor in generic(5))
    x.requires_grad_()
    distance = wasserstein(x, y, a, b)
    distance.backward()
    assert (distance.dtype, x.grad.dtype) == (dtype, dtype)
    wide = x.detach().double().requires_grad_()
    exact = wasserstein(wide, y.double(), a.double(), b.double())
    exact.backward()
    assert distance == exact.to(dtype)
    assert (x.grad == wide.grad.to(dtype)).all()
    assert wasserstein(x, wide).dtype == torch.float64


def test_values_are_those_of_the_front_door():
    x, y, a, b = generic(6)
    solution = otgan.wasserstein(x, y, a, b, p=2)
    assert wasserstein(x, y, a, b, p=2).item() == solution.distance
    assert wasserstein(x, y, a, b, p=2, value="cost").item() == solution.cost
    assert not wasserstein(x.detach(), y.detach()).requires_grad


def test_second_derivatives_are_refused():
    x, y, *_ = generic(7)
    (gradient,) = torch.autograd.grad(wasserstein(x, y), x, create_graph=True)
    with pytest.raises(NotProvidedError, match=r"first derivatives, .* fixed; call backward without create_graph=True"):
        gradient.square().sum().backward()


def test_what_is_refused():
    x, y, *_ = generic(8)
    with pytest.raises(InvalidTypeError, match=r"^x must be a torch tensor, got list; convert it by torch\.as_tensor"):
        wasserstein([[0.0]], y)
    with pytest.raises(InvalidTypeError, match=r"^y must hold floating point numbers, got torch\.int64; call its"):
        wasserstein(x, torch.zeros(4, 2, dtype=torch.int64))
    with pytest.raises(
        InvalidValueError, match=r"^b must be on the device of x, cpu, got meta; call its \.to\('cpu'\)"
    ):
        wasserstein(x, y, b=torch.ones(4, device="meta"))
    with pytest.raises(InvalidValueError, match="value must be one of distance, cost"):
        wasserstein(x, y, value="root")
    with pytest.raises(NotProvidedError, match=r"euclidean, cityblock, chebyshev; for metric='haversine' detach\(\)"):
        wasserstein(x, y, metric="haversine")
