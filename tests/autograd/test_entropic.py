"""Gradients of smoothed distances against Sinkhorn's iteration, which torch differentiates step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from otgan.autograd import sinkhorn, sinkhorn_cost, sinkhorn_divergence, wasserstein
from otgan.errors import ConvergenceWarning, MemoryLimitError, NotProvidedError

EPSILON = 0.7


def generic(seed, n=4, m=3):
    rng = np.random.default_rng(seed)
    arrays = rng.normal(size=(n, 2)), rng.normal(size=(m, 2)), rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
    return [torch.tensor(array, requires_grad=True) for array in arrays]


def iterated(x, y, a, b, p):
    """The smoothed value and the plan's cost by 150 steps of Sinkhorn in torch's graph, far beyond convergence."""
    costs = (x[:, None] - y).square().sum(-1) ** (p / 2)
    a, b = a / a.sum(), b / b.sum()
    g = torch.zeros(len(y), dtype=torch.float64)
    for _ in range(150):
        f = -EPSILON * torch.logsumexp(b.log() + (g - costs) / EPSILON, dim=1)
        g = -EPSILON * torch.logsumexp(a.log()[:, None] + (f[:, None] - costs) / EPSILON, dim=0)
    plan = a[:, None] * b * ((f[:, None] + g - costs) / EPSILON).exp()
    entropy = (plan * (plan / (a[:, None] * b)).log()).sum()
    return (plan * costs).sum() + EPSILON * entropy, (plan * costs).sum()


@pytest.mark.parametrize(("n", "m", "p"), [(4, 3, 1), (3, 5, 2)])
def test_value_and_cost_against_the_iteration(n, m, p):
    inputs = generic(0, n, m)
    for function, truth in zip((sinkhorn, sinkhorn_cost), iterated(*inputs, p), strict=True):
        found = function(*inputs, epsilon=EPSILON, p=p, tol=1e-9)
        assert found.item() == pytest.approx(truth.item(), rel=1e-8)
        expected = torch.autograd.grad(truth, inputs, retain_graph=True)
        for ours, theirs in zip(torch.autograd.grad(found, inputs), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-7)


@pytest.mark.parametrize("function", [sinkhorn, sinkhorn_cost, sinkhorn_divergence])
def test_gradients_are_derivatives(function):
    settings = {"epsilon": 0.3, "p": 1.5, "metric": "chebyshev", "tol": 1e-9}
    assert gradcheck(lambda *inputs: function(*inputs, **settings), generic(1, 3, 3), fast_mode=True)


def test_small_epsilon_comes_near_the_exact_gradient():
    inputs = generic(2)
    exact = torch.autograd.grad(wasserstein(*inputs), inputs[:2])
    for function in (sinkhorn, sinkhorn_cost, sinkhorn_divergence):
        smoothed = torch.autograd.grad(function(*inputs, epsilon=2e-3), inputs[:2])
        for ours, theirs in zip(smoothed, exact, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_divergence_of_equal_measures_is_least():
    x, _, a, _ = generic(3)
    divergence = sinkhorn_divergence(x, x.detach().clone(), a, a.detach().clone(), epsilon=EPSILON, tol=1e-11)
    assert divergence.item() == pytest.approx(0, abs=1e-12)
    for gradient in torch.autograd.grad(divergence, [x, a]):
        np.testing.assert_allclose(gradient, 0, atol=1e-8)


def test_the_difference_is_taken_in_float64():
    """In float32 the terms would agree in all digits."""
    x = generic(4)[0].detach().float()
    y = x + 1e-4
    found = sinkhorn_divergence(x, y, epsilon=EPSILON, p=2)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(2e-8, rel=1e-2)  # of a translation by v it is |v|²


@pytest.mark.parametrize("function", [sinkhorn, sinkhorn_cost])
def test_points_without_mass(function):
    x, y, a, b = (tensor.detach() for tensor in generic(5))
    a = torch.cat([torch.zeros(1), a[1:] / a[1:].sum()]).requires_grad_()
    b = torch.cat([b[:-1] / b[:-1].sum(), torch.zeros(1)]).requires_grad_()
    settings = {"epsilon": EPSILON, "tol": 1e-10}
    gradients = torch.autograd.grad(function(x, y, a, b, **settings), [a, b])
    step, kept = 1e-6, function(x, y, a, b, **settings)
    more_a, more_b = a.detach() + step * torch.eye(4)[0], b.detach() + step * torch.eye(3)[-1]
    gained = function(x, y, more_a, b, **settings) - kept, function(x, y, a, more_b, **settings) - kept
    assert gained[0].item() / step == pytest.approx(gradients[0][0].item(), abs=1e-4)
    assert gained[1].item() / step == pytest.approx(gradients[1][-1].item(), abs=1e-4)


def test_what_falls_short_is_said():
    x, y, a, b = generic(6)
    with pytest.warns(ConvergenceWarning, match=r"marginals are off by .*, more than 0, .*raise tol"):
        sinkhorn(x, y, a, b, epsilon=EPSILON, tol=0)
    with pytest.raises(MemoryLimitError, match="gradient of the smoothed plan's cost"):
        sinkhorn_cost(x.repeat(500, 1), y.repeat(500, 1), epsilon=EPSILON, max_memory=100_000_000)
    (gradient,) = torch.autograd.grad(sinkhorn(x, y, epsilon=EPSILON), x, create_graph=True)
    with pytest.raises(NotProvidedError, match="first derivatives"):
        gradient.sum().backward()
