"""The loss: batches are what one problem at a time gives, and training goes down."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from otgan.autograd import OTLoss, loss, sinkhorn_divergence, wasserstein
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, InvalidWeightsError, NotProvidedError


def generic(seed, count=3, n=6, m=5, d=2):
    rng = np.random.default_rng(seed)
    arrays = (
        rng.normal(size=(count, n, d)),
        rng.normal(size=(count, m, d)),
        rng.dirichlet(np.ones(n), count),
        rng.dirichlet(np.ones(m), count),
    )
    return [torch.tensor(array, requires_grad=True) for array in arrays]


@pytest.mark.parametrize(("p", "value"), [(1, "distance"), (2, "distance"), (2, "cost")])
def test_gradients_are_derivatives(p, value):
    assert gradcheck(OTLoss(p, value=value, reduction="none"), generic(0))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("metric", ["euclidean", "cityblock", "chebyshev"])
def test_a_batch_is_many_problems(weighted, metric):
    """Against the certified solver, one problem at a time; equal weights have one plan, and no unique potentials."""
    inputs = generic(1, n=8, m=8)[: 4 if weighted else 2]
    batch = OTLoss(2, metric=metric, reduction="none")(*inputs)
    single = torch.stack([wasserstein(*problem, p=2, metric=metric) for problem in zip(*inputs, strict=True)])
    np.testing.assert_allclose(batch.detach(), single.detach(), rtol=1e-12)
    for ours, theirs in zip(*(torch.autograd.grad(out.sum(), inputs) for out in (batch, single)), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_points_without_mass_and_points_that_coincide():
    x, y, a, b = (tensor.detach() for tensor in generic(2))
    a[0, 1] = b[2, 0] = 0
    a, b = a / a.sum(1, keepdim=True), b / b.sum(1, keepdim=True)
    inputs = [tensor.requires_grad_() for tensor in (x, y, a, b)]
    batch = torch.autograd.grad(OTLoss(2, reduction="sum")(*inputs), inputs)
    single = torch.autograd.grad(sum(wasserstein(*each, p=2) for each in zip(*inputs, strict=True)), inputs)
    for ours, theirs in zip(batch, single, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-11)
    for p in (1, 2):
        zero = OTLoss(p)(x, x.detach())
        assert zero.item() == 0
        assert not torch.autograd.grad(zero, x)[0].any()


def test_what_all_problems_share():
    x, y, a, b = generic(3)
    assert OTLoss()(x, y[0]).item() == OTLoss()(x, y[:1].expand(3, -1, -1)).item()
    assert OTLoss()(x[0], y, a[0], b).item() == OTLoss()(x[:1].expand(3, -1, -1), y, a[:1].expand(3, -1), b).item()
    one = torch.autograd.grad(OTLoss(reduction="sum")(x, y[0], a, b[0]), [y, b])
    each = [torch.autograd.grad(wasserstein(x[k], y[0], a[k], b[0]), [y, b]) for k in range(3)]
    for k in range(2):
        np.testing.assert_allclose(one[k], sum(found[k] for found in each), atol=1e-12)


def test_reductions():
    x, y, *_ = generic(4)
    values = OTLoss(reduction="none")(x, y)
    assert values.shape == (3,)
    assert OTLoss(reduction="sum")(x, y).item() == pytest.approx(values.sum().item())
    assert OTLoss()(x, y).item() == pytest.approx(values.mean().item())
    assert OTLoss(reduction="none")(x[0], y[0]).item() == pytest.approx(values[0].item())
    for epsilon in (None, 1.0):
        assert OTLoss(epsilon=epsilon)(x.float(), y.float()).dtype == torch.float32


def test_large_problems_take_the_front_door(monkeypatch):
    inputs = generic(5)
    small = OTLoss(reduction="none")(*inputs)
    monkeypatch.setattr(loss, "DENSE", 5)
    monkeypatch.setattr(loss, "wasserstein_batch", None)
    np.testing.assert_allclose(OTLoss(reduction="none")(*inputs).detach(), small.detach(), rtol=1e-12)
    assert OTLoss()(inputs[0], inputs[1]).requires_grad


@pytest.mark.parametrize("most", [1, 600])
def test_smoothed(monkeypatch, most):
    """Together or one by one, with points of no mass."""
    monkeypatch.setattr(loss, "SMALL", most)
    x, y, a, b = (tensor.detach() for tensor in generic(6))
    a[0, 1] = b[2, 0] = 0
    a, b = a / a.sum(1, keepdim=True), b / b.sum(1, keepdim=True)
    inputs = [tensor.requires_grad_() for tensor in (x, y, a, b)]
    found = OTLoss(2, epsilon=1.0, value="cost", reduction="none")(*inputs)
    each = torch.stack(
        [sinkhorn_divergence(*problem, epsilon=1.0, p=2, tol=1e-7) for problem in zip(*inputs, strict=True)]
    )
    np.testing.assert_allclose(found.detach(), each.detach(), atol=1e-10)
    for ours, theirs in zip(*(torch.autograd.grad(out.sum(), inputs) for out in (found, each)), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_points_flow_to_the_target():
    """Descent on W_1 by steps of one length ends within it of the target, since each point follows its own arc."""
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(2, 20, 2, generator=generator) + 3
    x = torch.randn(2, 20, 2, generator=generator).requires_grad_()
    criterion, optimizer = OTLoss(), torch.optim.SGD([x], lr=0.2 * 40)  # the mean over all 40 points is undone
    start = criterion(x, y).item()
    for _ in range(40):
        optimizer.zero_grad()
        criterion(x, y).backward()
        optimizer.step()
    assert criterion(x, y).item() < 0.2 < start


def test_a_module_without_state():
    assert not list(OTLoss().parameters())
    assert not OTLoss().state_dict()
    expected = "OTLoss(p=2, metric='euclidean', epsilon=0.1, value='cost', reduction='mean')"
    assert repr(OTLoss(2, epsilon=0.1, value="cost")) == expected


def test_what_is_refused():
    x, y, a, b = generic(7)
    with pytest.raises(InvalidValueError, match=r"value must be 'cost' with epsilon and p > 1, got 'distance'; write"):
        OTLoss(2, epsilon=0.1)
    with pytest.raises(InvalidValueError, match="metric must be one of euclidean, cityblock, chebyshev"):
        OTLoss(metric="haversine")
    with pytest.raises(InvalidValueError, match="reduction must be one of mean, sum, none"):
        OTLoss(reduction="max")
    with pytest.raises(InvalidShapeError, match=r"x must have shape \(B, n, d\), or \(n, d\), and not be empty, got"):
        OTLoss()(x[0, 0], y)
    with pytest.raises(InvalidShapeError, match=r"y must have shape \(3, 5, 2\), or \(5, 2\) for all problems, got"):
        OTLoss()(x, y[:2])
    with pytest.raises(InvalidShapeError, match=r"a must have shape \(3, 6\), or \(6,\) for all problems, got shape"):
        OTLoss()(x, y, b)
    with pytest.raises(InvalidShapeError, match="y must have the dimension of x, 2, got dimension 1"):
        OTLoss()(x, y[:, :, :1])
    negative = a.detach().clone()
    negative[1, 2] = -1.0
    with pytest.raises(InvalidWeightsError, match=r"a\[1\] must not be negative, got -1.0 at index 2"):
        OTLoss()(x, y, negative, b)
    with pytest.raises(InvalidTypeError, match="y must be a torch tensor, got ndarray"):
        OTLoss()(x, y.detach().numpy())
    with pytest.raises(InvalidValueError, match="x must be finite"):
        OTLoss()(x * np.nan, y)
    (gradient,) = torch.autograd.grad(OTLoss()(x, y, a, b), x, create_graph=True)
    with pytest.raises(NotProvidedError, match="first derivatives"):
        gradient.sum().backward()
