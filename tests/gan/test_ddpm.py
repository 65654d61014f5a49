import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from otgan.errors import InvalidValueError
from otgan.gan import get_system
from otgan.gan.ddpm import Ddpm, posterior_deviation
from otgan.gan.system import Start, Task

TASK = Task((1,), "mlp", (8,), 2)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


class Oracle(torch.nn.Module):
    """The best guess of the noise where the data are normal: E[z | x_k] by conditional normal laws."""

    def __init__(self, system, mean, std):
        super().__init__()
        self.left, self.steps, self.mean, self.std = system.signal(), system.noise_steps, mean, std
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, x, t):
        left = self.left[(t * self.steps).round().long()].to(x)[:, None]
        return self.weight * (1 - left).sqrt() / (left * self.std**2 + 1 - left) * (x - left.sqrt() * self.mean)


def posterior(left, below):
    """Mean's weights of x_0 and x_k, and variance, of x_j given both, by conditioning x_j, x_k as a joint normal."""
    step = left / below  # x_k = sqrt(step) x_j + noise
    # Given x_0: Var x_j = 1 - below, Cov(x_j, x_k) = sqrt(step) (1 - below), Var x_k = 1 - left.
    gain = math.sqrt(step) * (1 - below) / (1 - left)
    return math.sqrt(below) - gain * math.sqrt(left), gain, (1 - below) - gain * math.sqrt(step) * (1 - below)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_spread_is_that_of_the_posterior(schedule):
    left = Ddpm(schedule=schedule, noise_steps=50).signal().tolist()
    for k, j in ((50, 49), (30, 10), (2, 1), (1, 0)):
        assert posterior_deviation(left[k], left[j]) ** 2 == pytest.approx(posterior(left[k], left[j])[2], abs=1e-12)


@pytest.mark.parametrize(("schedule", "sampling_steps"), [("linear", 12), ("cosine", 12), ("linear", 5)])
def test_ancestral_sampling_draws_from_the_posterior_around_the_guess(schedule, sampling_steps):
    """With a guess that is linear in the point, each level is normal, and its mean and variance are a recursion."""
    system = Ddpm(schedule=schedule, noise_steps=12, sampling_steps=sampling_steps)
    mean, std, n = 0.7, 0.3, 40000
    left = system.signal().tolist()
    levels = [round(k * 12 / sampling_steps) for k in range(sampling_steps, -1, -1)]
    middle, variance = 0.0, 1.0
    for k, j in pairwise(levels):
        gain = math.sqrt(left[k]) * std**2 / (left[k] * std**2 + 1 - left[k])  # E[x_0 | x_k] = mean + gain (x_k - ...)
        data, point, spread = posterior(left[k], left[j])
        slope = data * gain + point
        middle = data * (mean - gain * math.sqrt(left[k]) * mean) + slope * middle
        variance = slope**2 * variance + spread
    with torch.no_grad():
        points = system.sample(TASK, {"noise": Oracle(system, mean, std)}, n, rng())
    assert float(points.mean()) == pytest.approx(middle, abs=4 * math.sqrt(variance / n))
    assert float(points.var()) == pytest.approx(variance, rel=4 * math.sqrt(2 / n))


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_a_single_point_is_drawn_exactly_however_one_draws(schedule, eta):
    system = Ddpm(schedule=schedule, noise_steps=100, sampling_steps=7, eta=eta)
    with torch.no_grad():
        points = system.sample(TASK, {"noise": Oracle(system, 2.5, 0.0).double()}, 50, rng())
    assert torch.allclose(points, torch.tensor(2.5, dtype=points.dtype), atol=1e-5)


def test_ddim_is_a_map_that_tends_to_the_one_between_the_laws():
    """The flow between two normal laws on the line is increasing, so it multiplies deviations by the ratio of both."""
    system = Ddpm(schedule="linear", noise_steps=1000, sampling_steps=1000, eta=0.0)
    with torch.no_grad():
        points, again = (system.sample(TASK, {"noise": Oracle(system, 0.0, 0.5)}, 20, rng()) for _ in range(2))
        noise = torch.randn((20, 1), generator=rng())
    assert torch.equal(points, again)
    assert torch.allclose(points, 0.5 * noise, rtol=0.02)


def test_the_schedules_are_those_of_the_papers():
    linear = Ddpm(schedule="linear", noise_steps=1000).signal()
    assert float(linear[1]) == pytest.approx(1 - 1e-4)
    assert float(linear[1000] / linear[999]) == pytest.approx(1 - 0.02)
    assert float(linear[1000]) == pytest.approx(math.exp(-sum(np.linspace(1e-4, 0.02, 1000))), rel=0.2)
    cosine = Ddpm(schedule="cosine", noise_steps=10).signal()
    start = math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    assert float(cosine[0]) == 1
    assert float(cosine[4]) == pytest.approx(math.cos(0.408 / 1.008 * math.pi / 2) ** 2 / start)
    assert float(cosine[10] / cosine[9]) == pytest.approx(1e-3)  # where the formula would leave nothing


def test_the_loss_at_the_best_guess_is_the_variance_that_is_left():
    system = Ddpm(schedule="linear", noise_steps=20, batches=1)
    play = system.play(Start(TASK, torch.zeros(4, 1), 0, 20, 2000), {"noise": Oracle(system, 0.7, 0.3)})
    draws, data, losses = rng(), rng(1), []
    for _ in range(20):
        losses.append(play.step(1, lambda: 0.7 + 0.3 * torch.randn((2000, 1), generator=data), draws)["own"])
        with torch.no_grad():
            play.modules["noise"].weight.fill_(1)
    left = system.signal()[1:]
    expected = float((left * 0.09 / (left * 0.09 + 1 - left)).mean())
    assert np.mean(losses) == pytest.approx(expected, abs=4 * np.std(losses) / math.sqrt(20))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"schedule": "square"}, "schedule must be one of cosine, linear"),
        ({"noise_steps": 10**13}, "noise_steps must be between 1 and 100000"),
        ({"sampling_steps": 10**5 + 1}, "sampling_steps must be between 1 and 100000"),
        ({"sampling_steps": 0}, "sampling_steps must be between 1 and"),
        ({"eta": 1.5}, "eta must be in"),
        ({"batches": 0}, "batches must be between 1 and"),
        ({"learning_rate": 0.0}, "learning_rate must be in"),
    ],
)
def test_settings_out_of_range_are_refused(options, says):
    with pytest.raises(InvalidValueError, match=says):
        get_system("ddpm", **options)
