import math

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from otgan.errors import InvalidTypeError, InvalidValueError
from otgan.gan import get_system, train_gan
from otgan.gan.flow_matching import FlowMatching, OtCfm, flow, flow_paths
from otgan.gan.system import Start, Task
from otgan.measures import Gaussian

TASK = Task((1,), "mlp", (32, 32), 2)
MEAN, STD = 1.5, 0.4


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def real(n, seed=1):
    draws = rng(seed)
    return lambda: MEAN + STD * torch.randn((n, 1), generator=draws)


def mean_velocity(x, t):
    """E[x1 - x0 | x_t = x] by the formula of conditional normal laws."""
    covariance, variance = t * STD**2 - (1 - t), (1 - t) ** 2 + (t * STD) ** 2
    return MEAN + covariance / variance * (x - t * MEAN)


class Scaled(torch.nn.Module):
    """The best velocity between two normal laws, times a weight that should be 1."""

    def __init__(self, weight):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(weight))

    def forward(self, x, t):
        return self.weight * mean_velocity(x, t[:, None])


def test_the_loss_is_least_at_the_mean_velocity_where_it_is_known():
    """There it is the conditional variance s² / ((1 - t)² + t²s²), whose integral over t is s π/2."""
    found = {}
    for weight in (0.9, 1.0, 1.1):
        network = Scaled(weight)
        play = FlowMatching(batches=1).play(Start(TASK, torch.zeros(4, 1), 0, 20, 2000), {"velocity": network})
        draws, batches, losses = rng(), real(2000), []
        for _ in range(20):
            losses.append(play.step(1, batches, draws)["own"])
            with torch.no_grad():
                network.weight.fill_(weight)
        found[weight] = np.mean(losses), np.std(losses) / math.sqrt(20)
    mean, error = found[1.0]
    assert abs(mean - STD * math.pi / 2) < 4 * error
    assert error < 0.01
    assert min(found[0.9][0], found[1.1][0]) > mean  # the same noise in all three


def test_a_network_learns_that_velocity_and_the_flow_that_law():
    learnt = train_gan(
        Gaussian([MEAN], [[STD**2]]), "flow-matching", steps=300, hidden=(32, 32), ema=0.98, monitor=False
    )
    points = learnt.sample(4000, np.random.default_rng(0))
    assert points.mean() == pytest.approx(MEAN, abs=0.05)
    assert points.std() == pytest.approx(STD, rel=0.1)


def test_noise_around_the_lines_is_part_of_the_loss_points():
    """With all points at 0 and no velocity, x_t is the noise of x_0, (1 - t) x_0 + σ z."""
    seen = []

    class Zero(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x, t):
            seen.append((x, t))
            return self.weight * x

    play = FlowMatching(batches=1, sigma=3.0).play(Start(TASK, torch.zeros(4, 1), 0, 9, 4000), {"velocity": Zero()})
    play.step(1, lambda: torch.zeros(4000, 1), rng())
    x, t = seen[0]
    spread = (x[:, 0] / ((1 - t) ** 2 + 9).sqrt()).std()
    assert float(spread) == pytest.approx(1, abs=4 / math.sqrt(2 * 4000))


@pytest.mark.parametrize("dim", [1, 3])
def test_pairs_of_ot_cfm_are_those_of_the_cheapest_assignment(dim):
    x0, x1 = torch.randn(40, dim, generator=rng()), 2 + torch.randn(40, dim, generator=rng(1))
    first, second = OtCfm().couple(x0, x1, rng(2))
    cost = cdist(x0.numpy(), x1.numpy(), "sqeuclidean")
    rows, columns = linear_sum_assignment(cost)
    assert float((first - second).square().sum()) == pytest.approx(cost[rows, columns].sum(), rel=1e-5)
    for side, pairs in ((x0, first), (x1, second)):  # each point once
        assert torch.equal(side.sort(0).values, pairs.sort(0).values)
    # In the order of the noise: times rise along a batch, and in an order by place each would be seen at one time only.
    assert torch.equal(first, x0)


def test_a_plan_that_splits_points_is_drawn_from_in_proportion():
    """Two points of noise, three real ones in the plan: masses 1/6 and 1/3."""
    x0, x1 = torch.tensor([[0.0], [10.0]]), torch.tensor([[0.0], [5.0], [10.0]])
    draws, hits = rng(), np.zeros(3)
    for _ in range(600):
        _, second = OtCfm().couple(x0, x1, draws)
        for k in range(3):
            hits[k] += int((second == x1[k]).sum())
    assert hits.sum() == 1200
    # One of the two places falls on the shared point in 2/3 of the draws, never both.
    assert hits[1] / 1200 == pytest.approx(1 / 3, abs=4 * math.sqrt(2 / 9 / 600) / 2)


def factor(solver, a, h):
    return {"euler": 1 + a * h, "midpoint": 1 + a * h + (a * h) ** 2 / 2}.get(
        solver, sum((a * h) ** k / math.factorial(k) for k in range(5))
    )


@pytest.mark.parametrize("solver", ["euler", "midpoint", "rk4"])
def test_each_solver_takes_the_steps_of_its_order_in_a_linear_field(solver):
    start = torch.tensor([[1.0, -2.0]], dtype=torch.float64)
    places = list(flow(lambda x, _: -1.3 * x, start, 7, solver))
    assert len(places) == 8
    for k, place in enumerate(places):
        assert torch.allclose(place, start * factor(solver, -1.3, 1 / 7) ** k, rtol=1e-12)


def test_each_solver_looks_at_the_right_times():
    """dx/dt = 3t²: Euler takes the left sum, midpoint the middle one; Runge-Kutta is Simpson's rule, exact here."""
    start = torch.zeros(1, 1, dtype=torch.float64)
    ends = {
        solver: float(list(flow(lambda x, t: 3 * t[:, None] ** 2 + 0 * x, start, 4, solver))[-1])
        for solver in ("euler", "midpoint", "rk4")
    }
    assert ends["euler"] == pytest.approx(sum(3 * (k / 4) ** 2 for k in range(4)) / 4)
    assert ends["midpoint"] == pytest.approx(sum(3 * ((k + 0.5) / 4) ** 2 for k in range(4)) / 4)
    assert ends["rk4"] == pytest.approx(1)


OPTIONS = {"hidden": (8, 8), "steps": 9, "batch_size": 16, "seed": 3, "threads": 1, "monitor": False}


class StoppedError(Exception):
    pass


def stop(step, metrics):
    if step == 5:
        raise StoppedError


@pytest.mark.parametrize("method", ["flow-matching", "ot-cfm", "ddpm", "ot", "sinkhorn"])
def test_a_training_that_died_goes_on_to_the_same_bits(method, tmp_path):
    law = Gaussian([3.0, 4.0], np.eye(2))
    whole = train_gan(law, method, **OPTIONS)
    with pytest.raises(StoppedError):
        train_gan(law, method, folder=tmp_path, checkpoint_seconds=1e-9, callbacks=[stop], every=1, **OPTIONS)
    resumed = train_gan(law, method, folder=tmp_path, resume=True, every=1, **OPTIONS)
    a, b = (learnt.sample(50, np.random.default_rng(0)) for learnt in (whole, resumed))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, train_gan(law, method, **OPTIONS | {"steps": 5}).sample(50, np.random.default_rng(0)))


def test_paths_begin_as_noise_and_end_where_samples_are():
    law = Gaussian([3.0, 4.0], 4 * np.eye(2))
    learnt = train_gan(law, OtCfm(sampling_steps=6, solver="euler"), **OPTIONS)
    paths = flow_paths(learnt, 4000, np.random.default_rng(5))
    assert paths.shape == (7, 4000, 2)
    assert np.array_equal(paths[-1], learnt.sample(4000, np.random.default_rng(5)))
    noise = (paths[0] - learnt.centre) / learnt.scale
    assert np.abs(noise.mean(0)).max() < 4 / math.sqrt(4000)
    assert np.abs(noise.std(0) - 1).max() < 4 / math.sqrt(2 * 4000)


def test_what_is_no_flow_has_no_paths():
    learnt = train_gan(Gaussian([0.0], [[1.0]]), "ddpm", **OPTIONS | {"steps": 1})
    with pytest.raises(InvalidTypeError, match="learnt must be drawn by a flow, got one of method ddpm"):
        flow_paths(learnt, 2, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"solver": "heun"}, "solver must be one of euler, midpoint, rk4"),
        ({"sigma": -1.0}, "sigma must be in"),
        ({"sampling_steps": 0}, "sampling_steps must be between 1 and"),
        ({"batches": 0}, "batches must be between 1 and"),
        ({"learning_rate": 0.0}, "learning_rate must be in"),
    ],
)
def test_settings_out_of_range_are_refused(options, says):
    with pytest.raises(InvalidValueError, match=says):
        get_system("ot-cfm", **options)
