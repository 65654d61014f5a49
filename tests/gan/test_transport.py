import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from otgan.entropic import sinkhorn_divergence
from otgan.errors import InvalidValueError
from otgan.gan import get_system, train_gan
from otgan.gan.transport import OptimalTransport, SinkhornGan
from otgan.measures import Gaussian


def batches(n=24, dim=2):
    draws = torch.Generator().manual_seed(0)
    x, y = (torch.randn(n, dim, generator=draws, dtype=torch.float64) for _ in range(2))
    return x, (y + 1).requires_grad_()


def test_ot_pulls_each_point_towards_its_partner_in_the_cheapest_assignment():
    x, y = batches()
    loss, own = OptimalTransport().loss(x, y)
    loss.backward()
    cost = cdist(x.numpy(), y.detach().numpy())
    rows, columns = linear_sum_assignment(cost)
    assert own == pytest.approx(cost[rows, columns].mean())
    partner = x[torch.from_numpy(rows[np.argsort(columns)])]
    away = y.detach() - partner
    assert torch.allclose(y.grad, away / away.norm(dim=1, keepdim=True) / len(y))


@pytest.mark.parametrize(
    "system", [OptimalTransport(), OptimalTransport(epsilon=0.3), SinkhornGan(), SinkhornGan(p=1.0, epsilon=0.3)]
)
def test_gradients_are_those_of_the_loss(system):
    x, y = batches(8)
    loss, _ = system.loss(x, y)
    loss.backward()
    step = 1e-2  # beside which a marginal error of 1e-3 is small
    for i, j in ((0, 0), (3, 1)):
        ends = []
        for sign in (1, -1):
            moved = y.detach().clone()
            moved[i, j] += sign * step
            ends.append(float(system.loss(x, moved)[0]))
        assert float(y.grad[i, j]) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=0.01, abs=1e-3)


@pytest.mark.parametrize("p", [1.0, 2.0])
def test_sinkhorn_descends_the_divergence_and_says_its_root(p):
    x, y = batches()
    loss, own = SinkhornGan(p=p, epsilon=0.5).loss(x, y)
    expected = sinkhorn_divergence(x.numpy(), y.detach().numpy(), epsilon=0.5, p=p)
    assert float(loss.detach()) == pytest.approx(float(expected.value), rel=0.01)
    assert own == pytest.approx(float(expected.value) ** (1 / p), rel=0.01)


def test_sinkhorn_leaves_equal_batches_alone_where_smoothed_transport_draws_them_together():
    x, _ = batches()
    slopes = []
    for system in (SinkhornGan(p=1.0, epsilon=0.5), OptimalTransport(epsilon=0.5)):
        y = x.clone().requires_grad_()
        system.loss(x, y)[0].backward()
        slopes.append(float((y.grad * y.detach()).sum()))  # of the loss, where all points move away from 0
    assert abs(slopes[0]) < 1e-3
    assert slopes[1] > 0.01


@pytest.mark.parametrize("method", ["ot", "sinkhorn"])
def test_a_generator_learns_where_the_law_is(method):
    """One linear layer, which is told nothing but batches; its number is in the units of the data."""
    law, seen = Gaussian([1.5, 2.0], 0.25 * np.eye(2)), []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        own = torch.nn.Linear(2, 2)
    learnt = train_gan(
        law, get_system(method, learning_rate=0.1), generator=own, steps=80, batch_size=32, ema=0, monitor=False,
        callbacks=[lambda step, numbers: seen.append(numbers["own"])], every=1,
    )  # fmt: skip
    points = learnt.sample(2000, np.random.default_rng(0))
    assert np.abs(points.mean(0) - [1.5, 2]).max() < 0.15
    assert np.abs(np.cov(points.T) - 0.25 * np.eye(2)).max() < 0.12
    assert seen[0] == pytest.approx(2.5, abs=1)
    assert seen[-1] < 0.6


def test_own_is_in_the_units_of_the_data():
    """Of one law and a hundred times it, trainings are alike, and their numbers a hundred times each other."""
    runs = []
    for scale in (1.0, 100.0):
        numbers = []
        law = Gaussian([0.0, 0.0], scale**2 * np.eye(2))
        train_gan(
            law, "ot", hidden=(8,), steps=2, batch_size=16, monitor=False, every=1,
            callbacks=[lambda step, found, numbers=numbers: numbers.append(found["own"])],
        )  # fmt: skip
        runs.append(numbers)
    assert np.allclose(np.array(runs[0]) * 100, runs[1], rtol=1e-3)


@pytest.mark.parametrize(
    ("method", "options", "says"),
    [
        ("ot", {"epsilon": -0.1}, "epsilon must be in"),
        ("sinkhorn", {"epsilon": 0.0}, "epsilon must be in"),
        ("sinkhorn", {"p": 0.5}, "p must be in"),
        ("ot", {"learning_rate": 0.0}, "learning_rate must be in"),
    ],
)
def test_settings_out_of_range_are_refused(method, options, says):
    with pytest.raises(InvalidValueError, match=says):
        get_system(method, **options)
