"""The monitor against distances that are known: translations, where W1 is the length of the shift."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

from otgan.errors import CriticError, InvalidShapeError, InvalidValueError
from otgan.measures import Gaussian
from otgan.training import W1Monitor, run

SHIFT = np.array([3.0, 4.0])  # of length 5
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 2))
Y = X + SHIFT


def slope(factor, dtype=torch.float64):
    """f(z) = −factor ⟨z, shift⟩ / |shift|, the perfect critic where the factor is 1."""
    critic = nn.Linear(2, 1, dtype=dtype)
    with torch.no_grad():
        critic.weight.copy_(-factor * torch.from_numpy(SHIFT)[None] / 5)
        critic.bias.fill_(100.0)
    return critic


@pytest.mark.parametrize("factor", [1.0, 2.0, 0.5])
def test_a_critic_is_held_against_the_length_of_the_shift(factor):
    record = W1Monitor(X, Y, critic=slope(factor)).measure(7)
    assert record.step == 7
    assert record.distance == pytest.approx(5.0, rel=1e-12)
    assert record.w1.lower <= 5.0 * (1 + 1e-15)
    assert record.w1.upper >= 5.0 * (1 - 1e-15)
    assert record.estimate == pytest.approx(5.0 * factor, rel=1e-12)
    assert record.relative_error == pytest.approx(factor - 1, abs=1e-12)
    assert record.critic_lower <= 5.0 * (1 + 1e-15)
    if factor <= 1:  # a transform never lowers the value of a feasible pair
        assert record.critic_lower >= 5.0 * factor * (1 - 1e-12)
    assert record.bracket.lower == record.critic_lower


def test_a_critic_of_other_points_is_named():
    with pytest.raises(CriticError, match=r"critic must accept points of shape \(60, 2\), got RuntimeError"):
        W1Monitor(X, Y, critic=nn.Linear(3, 1)).measure(1)


def test_values_are_divided_by_the_constant():
    record = W1Monitor(X, Y, critic=slope(10.0), lipschitz=10.0).measure(1)
    assert record.estimate == pytest.approx(5.0, rel=1e-12)
    assert record.bracket.relative_width < 1e-9


def test_a_critic_that_is_no_number_proves_nothing_and_stops_nothing():
    monitor = W1Monitor(X, Y, critic=lambda points: np.full(len(points), np.nan), stop_below=0.5)
    record = monitor.measure(1)
    assert np.isnan(record.estimate)
    assert record.critic_lower == 0.0
    assert not monitor.finished


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors_and_modules_of_any_float_are_read(dtype):
    sides = torch.from_numpy(X).to(dtype).requires_grad_(), torch.from_numpy(Y).to(dtype)
    record = W1Monitor(*sides, critic=slope(1.0, dtype)).measure(1)
    assert record.estimate == pytest.approx(5.0, rel=1e-5)


def test_it_looks_when_it_is_time():
    monitor = W1Monitor(X, Y, critic=slope(1.0), every=3)
    numbers = [monitor(k) for k in range(1, 8)]
    assert [record.step for record in monitor.history] == [3, 6]
    assert [k for k, found in enumerate(numbers, 1) if found] == [3, 6]
    assert numbers[2] == monitor.history[0].numbers
    assert monitor.last is monitor.history[1]


def test_generated_points_are_held_against_the_source_and_its_noise():
    """Generated points are the real ones, shifted: exactly 5 where the pairs are whole, and 0 without the shift."""
    real = W1Monitor(X, generate=lambda n, rng: np.zeros((n, 2)))._source.points
    for shift, expected in ((1.0, 5.0), (0.0, 0.0)):
        monitor = W1Monitor(X, generate=lambda n, rng, by=shift: torch.from_numpy(real + by * SHIFT))
        record = monitor.measure(1)
        assert len(real) == 30
        assert record.distance == pytest.approx(expected, rel=1e-12)
        assert record.estimate is None
        assert record.relative_error is None
        assert record.bracket == record.w1
        assert 0.1 < record.noise_floor < 2.0


def test_a_perfect_generator_is_as_far_away_as_the_noise_floor():
    """Both are W1 of two independent samples of one law, so over many looks their means agree within their spread."""
    law = Gaussian([0.0, 0.0], [[1.0, 0.0], [0.0, 1.0]])
    ratios = []
    for seed in range(20):
        monitor = W1Monitor(law, generate=law.sample, n_samples=50, seed=seed)
        record = monitor.measure(1)
        ratios.append(np.log(record.distance / record.noise_floor))
    assert abs(np.mean(ratios)) < 4 * np.std(ratios) / np.sqrt(len(ratios))


def test_two_looks_draw_anew_and_the_same_step_draws_the_same():
    """Whichever generator is drawn from: the one that is handed over, or PyTorch's global one."""
    for draw in (lambda n, rng: rng.normal(size=(n, 2)), lambda n, rng: torch.randn(n, 2)):
        monitors = [W1Monitor(X, generate=draw, seed=4) for _ in range(2)]
        one, two = (monitors[0].measure(k).distance for k in (1, 2))
        torch.randn(3)
        assert one != two
        assert monitors[1].measure(2).distance == two


def test_everything_is_left_as_it_was_found():
    network = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2))
    network[2].eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    legacy, python = np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002

    def generate(n, rng):
        assert not network.training
        assert not torch.is_grad_enabled()
        np.random.normal()  # noqa: NPY002
        random.random()
        return network(torch.randn(n, 2))

    W1Monitor(X, generate=generate, modules=(network,)).measure(1)
    W1Monitor(X, Y, critic=nn.Sequential(network, nn.Linear(2, 1))).measure(1)
    with pytest.raises(ZeroDivisionError):
        W1Monitor(X, generate=lambda n, rng: 1 / 0, modules=(network,)).measure(1)
    assert [part.training for part in network] == [True, True, False, True]
    assert network.training
    assert torch.is_grad_enabled()
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert np.random.get_state()[1].tolist() == legacy  # noqa: NPY002
    assert random.getstate() == python


def test_the_global_generator_of_torch_is_left_as_it_was_found():
    before = torch.get_rng_state()
    monitor = W1Monitor(lambda n, rng: torch.randn(n, 2), generate=lambda n, rng: torch.randn(n, 2), n_samples=10)
    monitor.measure(1)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_run_stops_once_the_bracket_is_narrow():
    """The critic's slope grows by a tenth a step and reaches 1 at step 10: from there on it proves all of W1."""
    critic = slope(0.0)

    def step(k):
        with torch.no_grad():
            critic.weight.copy_(-min(1.0, k / 10) * torch.from_numpy(SHIFT)[None] / 5)
        return {}

    monitor = W1Monitor(X, Y, critic=critic, every=1, stop_below=0.01)
    summary = run(step, 50, callbacks=(monitor,))
    assert summary.stopped == "W1Monitor has finished"
    assert summary.step == len(monitor.history) <= 10
    widths = [record.bracket.relative_width for record in monitor.history]
    assert widths[-1] < 0.01 <= min(widths[:-1])
    assert summary.metrics["w1_upper"] == monitor.last.w1.upper


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((X,), {}, InvalidValueError, "either target and critic, or generate, got none"),
        ((X, Y), {}, InvalidValueError, "got target"),
        ((X,), {"critic": slope(1.0)}, InvalidValueError, "got critic"),
        ((X, Y), {"generate": lambda n, rng: X}, InvalidValueError, "got target and generate"),
        ((X,), {"generate": lambda n, rng: X, "stop_below": 0.1}, InvalidValueError, "stop_below must come with"),
        ((X[:1],), {"generate": lambda n, rng: X}, InvalidValueError, "source must have points .*, got too few of 1;"),
        ((X, Y[:, :1]), {"critic": slope(1.0)}, InvalidShapeError, "target must have the dimension of source, 2"),
        ((X, Y), {"critic": slope(1.0), "every": 0}, InvalidValueError, "every must be at least 1"),
        ((X, Y), {"critic": slope(1.0), "stop_below": 0}, InvalidValueError, "stop_below must be in"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, options, error, message):
    with pytest.raises(error, match=message):
        W1Monitor(*arguments, **options)


def test_a_critic_of_another_shape_is_refused():
    with pytest.raises(CriticError, match=r"critic must return shape \(60,\) or \(60, 1\), got \(60, 2\)"):
        W1Monitor(X, Y, critic=nn.Linear(2, 2)).measure(1)
