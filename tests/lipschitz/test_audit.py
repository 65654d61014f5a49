import math
import pickle
import signal
import threading
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

import otgan
from otgan.critics import MLPCritic
from otgan.critics.layers import Cones, GroupSort
from otgan.errors import CriticError, Interrupted, InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.lipschitz import audit, certified_upper_bound, steepest_pair
from tests.lipschitz.oracle import largest_slope, random_network

SQUARE = [(-1.0, 1.0), (-1.0, 1.0)]


def orthonormal(*widths, seed=0):
    """MaxMin layers between weights with orthonormal rows or columns, as float32 holds them."""
    rng = np.random.default_rng(seed)
    layers = []
    for fan_in, fan_out in pairwise(widths):
        Q = np.linalg.qr(rng.standard_normal((max(fan_in, fan_out), min(fan_in, fan_out))))[0]
        layer = nn.utils.skip_init(nn.Linear, fan_in, fan_out)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(Q if fan_out >= fan_in else Q.T))
            layer.bias.copy_(torch.tensor(rng.standard_normal(fan_out)))
        layers += [layer, GroupSort(2)]
    return nn.Sequential(*layers[:-1])


def assert_bracket(result, truth):
    """It holds, the truth being good to some 1e-12 itself."""
    assert result.lower <= truth * (1 + 1e-9) + 1e-12
    assert truth * (1 - 1e-9) - 1e-12 <= result.upper


def slope_of(critic, witness):
    x, other = (torch.tensor(point)[None] for point in witness)
    with torch.no_grad():
        return (critic(x) - critic(other)).abs().item() / (x - other).norm().item()


@pytest.mark.parametrize("kind", ["relu", "leaky", "sort"])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_small_networks_against_all_patterns(kind, dim):
    critic = random_network(np.random.default_rng(dim), (dim, 4, 4, 1), kind)
    truth = largest_slope(critic, [-1] * dim, [1] * dim)
    # In three dimensions the time is all used: any bracket must hold. In fewer it ends long before.
    result = audit(critic, domain=[(-1, 1)] * dim, max_seconds=0.3 if dim == 3 else 10.0)
    assert_bracket(result, truth)
    assert slope_of(critic.double(), result.witness) == pytest.approx(result.lower, rel=1e-6)
    assert result.lower_is_proven
    if dim < 3:
        assert result.upper <= result.lower * (1 + 1e-6)
        assert result.method == "linear pieces"
        assert not result.stopped


@pytest.mark.parametrize("seed", range(4))
def test_sixteen_dimensions_against_all_patterns(seed):
    rng = np.random.default_rng(seed)
    critic = random_network(rng, (16, 4, 3, 1), zero_bias=seed % 2 == 0, integer=seed > 2)
    result = audit(critic, domain=[(-1, 1)] * 16, max_seconds=0.3, seed=seed)
    assert_bracket(result, largest_slope(critic, [-1] * 16, [1] * 16))
    assert math.isfinite(result.upper)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 400))
def test_soak_against_all_patterns(seed):
    rng = np.random.default_rng(seed)
    dim = int(rng.choice([1, 2, 3, 5, 16]))
    kind = str(rng.choice(["relu", "leaky", "sort"]))
    widths = (dim, *[(4, 4, 1), (6, 2, 1), (8, 1), (4, 2, 2, 1)][rng.integers(4)])
    options = {"integer": rng.random() < 0.6, "zero_bias": rng.random() < 0.4, "twins": rng.random() < 0.3}
    critic = random_network(rng, widths, kind, **options)
    low = rng.choice([-1.0, 0.0, -0.5, -1 / 3], dim)
    high = low + rng.choice([1.0, 2.0, 0.7], dim)
    result = audit(critic, domain=np.stack([low, high], axis=1), max_seconds=0.5, seed=seed)
    assert_bracket(result, largest_slope(critic, low, high))


@pytest.mark.parametrize(
    "critic",
    [
        orthonormal(2, 8, 8, 1),
        orthonormal(2, 2, 2, 1, seed=1),
        orthonormal(5, 16, 4, 1, seed=2),
        Cones(np.random.default_rng(0).standard_normal((7, 2)), np.random.default_rng(1).standard_normal(7)),
    ],
    ids=["MaxMin 2-8-8-1", "MaxMin 2-2-2-1", "MaxMin 5-16-4-1", "cones"],
)
def test_one_lipschitz_by_construction(critic):
    """No search finds a slope above 1 + 1e-6, and no more than that is proven."""
    dim = critic.centres.shape[1] if isinstance(critic, Cones) else critic[0].in_features
    for domain in (None, [(-1, 1)] * dim):
        result = audit(critic, domain=domain, max_seconds=0.5)
        assert result.lower <= 1 + 1e-6
        assert result.upper <= 1 + 1e-6
        assert result.lower > 0.2
    for seed in range(3):
        assert steepest_pair(critic, domain=[(-3, 3)] * dim, seed=seed).value <= 1 + 1e-6


def test_others_are_reported_for_what_they_are():
    critic = orthonormal(2, 8, 8, 1)
    before = audit(critic, domain=SQUARE)
    with torch.no_grad():
        critic[4].weight.mul_(8.0)
    result = audit(critic, domain=SQUARE)
    assert result.lower == pytest.approx(8 * before.lower, rel=1e-6)
    assert 2 < result.lower <= result.upper <= result.lower * (1 + 1e-6)
    assert not steepest_pair(critic, domain=SQUARE).value <= 1 + 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_a_break_in_a_small_ball_is_found(seed):
    """Flat everywhere but for a cone of slope 3 and radius 0.05 somewhere in [−1, 1]²: for a function and a network."""
    centre = np.random.default_rng(seed).uniform(-0.9, 0.9, 2)

    def cone(x):
        return 3 * np.maximum(0.05 - np.linalg.norm(x - centre, axis=1), 0)

    found = steepest_pair(cone, domain=SQUARE, seed=seed)
    assert 3 * (1 - 1e-6) < found.value <= 3
    assert abs(cone(found.x[None]) - cone(found.x_other[None])).item() > 0

    # relu(0.05 − |x − c₁| − |y − c₂|), times 3: slope 3 √2 in a square within that ball.
    c1, c2 = (float(np.float32(c)) for c in centre)
    network = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1), nn.ReLU(), nn.Linear(1, 1))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
        network[0].bias.copy_(torch.tensor([-c1, c1, -c2, c2]))
        network[2].weight.fill_(-1.0)
        network[2].bias.fill_(0.05)
        network[4].weight.fill_(3.0)
        network[4].bias.zero_()
    result = audit(network, domain=SQUARE)
    assert result.lower == pytest.approx(3 * math.sqrt(2), rel=1e-6)
    assert result.upper <= result.lower * (1 + 1e-6)


def test_autograd_at_a_kink_is_not_believed():
    """Zero everywhere, written as x − relu(x) + relu(−x)."""
    critic = nn.Sequential(nn.Linear(1, 4, bias=False), nn.ReLU(), nn.Linear(4, 1, bias=False))
    with torch.no_grad():
        critic[0].weight.copy_(torch.tensor([[1.0], [-1.0], [1.0], [-1.0]]))
        critic[2].weight.copy_(torch.tensor([[1.0, -1.0, -1.0, 1.0]]))
    result = audit(critic, domain=[(-1, 1)])
    assert result.lower == result.upper == 0
    assert result.ratio == 1


def test_autograd_at_a_tie_of_a_sort_is_not_believed():
    """Units 0 and 2 are one, so that unit 1 is never between them; where all three agree, autograd has it there."""
    critic = nn.Sequential(nn.Linear(2, 4), GroupSort(None), nn.Linear(4, 1)).double()
    first = np.array([[1.0, 2.0], [3.0, -2.0], [1.0, 2.0], [1.0, 0.0]])
    last = np.array([0.005, -0.037, 0.005, -0.009])
    with torch.no_grad():
        critic[0].weight.copy_(torch.from_numpy(first))
        critic[0].bias.copy_(torch.tensor([-1.0, -1.0, -1.0, 0.0]))
        critic[2].weight.copy_(torch.from_numpy(last[None]))
    orders = ([1, 0, 2, 3], [0, 2, 1, 3])
    truth = max(float(np.linalg.norm(last @ first[order])) for order in orders)
    between = float(np.linalg.norm(last @ first[[0, 1, 2, 3]]))
    assert between > 1.5 * truth
    assert_bracket(audit(critic, domain=[(-0.1, 0.1), (-0.1, 0.1)]), truth)


def test_functions_have_no_proven_upper_bound():
    result = audit(lambda x: np.tanh(x @ np.array([3.0, 4.0])), domain=SQUARE)
    assert result.upper == result.gap == result.ratio == math.inf
    assert "no torch module" in result.reason
    assert 5 * (1 - 1e-6) < result.lower <= 5
    assert not result.lower_is_proven


def test_unknown_modules_say_why():
    class Square(nn.Module):
        def forward(self, x):
            return x.square()

    result = audit(nn.Sequential(nn.Linear(2, 1), Square()), domain=SQUARE)
    assert result.upper == math.inf
    assert result.reason == "no Lipschitz constant is known for Square at '1'"


@pytest.mark.parametrize("activation", ["tanh", "elu", "softplus"])
def test_smooth_networks(activation):
    critic = MLPCritic(2, hidden=(8, 8), activation=activation)
    critic.standardize([3.0, -1.0], 0.5)
    result = audit(critic, domain=[(2.5, 3.5), (-1.5, -0.5)], max_seconds=20)
    assert result.lower <= result.upper <= 1.01 * result.lower
    assert result.method == "branch and bound over boxes"
    assert result.lower_is_proven
    inside = np.array(result.witness)
    assert ((inside >= [2.5, -1.5]) & (inside <= [3.5, -0.5])).all()


def test_centre_and_scale_are_never_overlooked():
    """An MLPCritic inside a Sequential is the same function, of which less is proven."""
    critic = MLPCritic(2, hidden=(16, 16), seed=1)
    critic.standardize([0.9, 0.0], 0.01)
    whole = audit(critic, domain=SQUARE)
    inside = audit(nn.Sequential(critic), domain=SQUARE)
    assert inside.lower <= whole.upper <= inside.upper
    assert inside.method == "product of operator norms"


def test_the_centre_of_a_parametrised_critic_counts():
    """A parametrisation makes another class of it, whose name must not hide what it is."""
    critic = MLPCritic(2, hidden=(4, 4), seed=1)
    critic.standardize([100.0, 50.0], 0.5)
    domain = [(99.5, 100.5), (49.5, 50.5)]
    truth = audit(critic, domain=domain)
    parametrize.register_parametrization(critic, "centre", nn.Identity())
    result, inside = audit(critic, domain=domain), audit(nn.Sequential(critic), domain=domain)
    assert result.upper == pytest.approx(truth.upper, rel=1e-12)
    assert inside.upper >= truth.lower
    assert inside.method == "product of operator norms"


def test_all_of_space():
    critic = MLPCritic(2, hidden=(8, 8), seed=1)
    critic.standardize([1e3, -1e3], 10.0)
    result = audit(critic)
    assert result.domain is None
    assert result.lower >= 0.9 * audit(critic, domain=[(900, 1100), (-1100, -900)]).lower
    assert result.upper <= certified_upper_bound(critic).value


def test_convolutions_are_bounded_by_the_operator():
    convolution = nn.Conv2d(1, 2, 3, padding=1)
    critic = nn.Sequential(
        nn.Unflatten(1, (1, 4, 4)), convolution, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 1)
    )
    with torch.no_grad():
        convolution.weight.fill_(1.0)
        critic[5].weight.fill_(1.0)
    result = audit(critic)
    # At the image of equal pixels: 4 maxima of 9 pixels each, twice; Σ gradient² over 16 pixels.
    assert 4.0 < result.lower <= result.upper
    assert result.upper >= math.sqrt(2) * 9 * math.sqrt(8) > result.lower
    assert result.upper <= math.sqrt(2) * 9 * math.sqrt(8) * 1.02
    assert len(result.witness[0]) == 16


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular"), "pads with other values"),
        (nn.AvgPool1d(2, ceil_mode=True), "no Lipschitz constant is known for AvgPool1d"),
        (nn.AvgPool1d(2, padding=1, count_include_pad=False), "no Lipschitz constant is known for AvgPool1d"),
        (nn.MaxPool1d(2, dilation=2), "no Lipschitz constant is known for MaxPool1d"),
    ],
    ids=str,
)
def test_other_images_are_unknown(layer, reason):
    bound = certified_upper_bound(nn.Sequential(nn.Unflatten(1, (1, 8)), layer))
    assert bound.value == math.inf
    assert reason in bound.reason


@pytest.mark.parametrize(
    ("layer", "value"),
    [
        (nn.AvgPool1d(2), 1.0),
        (nn.MaxPool1d(2), 1.0),
        (nn.MaxPool1d(3, stride=1), math.sqrt(3)),
        (nn.MaxPool1d(3, 2), math.sqrt(2)),
    ],
    ids=str,
)
def test_pooling_against_pairs(layer, value):
    assert certified_upper_bound(layer).value == pytest.approx(value, rel=1e-12)
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.integers(0, 2, (4000, 1, 7)).astype(float))
    y = x + torch.tensor(rng.integers(-1, 2, (4000, 1, 7)).astype(float) * (rng.random((4000, 1, 7)) < 0.2))
    run = (x - y).flatten(1).norm(dim=1)
    slopes = (layer(x) - layer(y)).flatten(1).norm(dim=1)[run > 0] / run[run > 0]
    assert slopes.max() <= certified_upper_bound(layer).value
    assert slopes.max() >= 0.7 * value


def test_groups_do_not_add_up():
    layer = nn.Conv1d(4, 4, 1, groups=2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 0.0], [0.0, 1.0], [4.0, 0.0], [0.0, 2.0]])[:, :, None])
    assert certified_upper_bound(layer).value == pytest.approx(4.0, rel=1e-12)


def test_time_runs_out_with_a_bracket_that_holds():
    critic = MLPCritic(2, hidden=(32, 32, 32), seed=1)
    whole = audit(critic, domain=SQUARE)
    short = audit(critic, domain=SQUARE, max_seconds=1e-6)
    assert short.stopped
    assert not whole.stopped
    assert short.lower <= whole.lower <= whole.upper <= short.upper < math.inf


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals go to the main thread")
def test_ctrl_c_gives_the_bracket_so_far():
    critic = MLPCritic(3, hidden=(64, 64), seed=0)
    called = []

    class Pressing(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 1)

        def forward(self, x):
            called.append(1)
            if len(called) == 12:
                signal.raise_signal(signal.SIGINT)
            return self.layer(x)

        def __deepcopy__(self, memo):
            return self

    with pytest.raises(Interrupted) as caught:
        audit(Pressing().double(), domain=SQUARE)
    assert caught.value.partial.lower > 0
    assert caught.value.partial.stopped
    assert audit(critic, max_seconds=5).upper < math.inf  # Ctrl-C is as it was


def test_the_same_seed_gives_the_same_bracket():
    critic = MLPCritic(3, hidden=(8,), activation="tanh")
    one, other = (audit(critic, domain=[(-1, 1)] * 3, seed=4) for _ in range(2))
    assert (one.lower, one.upper) == (other.lower, other.upper)
    np.testing.assert_array_equal(one.witness, other.witness)
    assert pickle.loads(pickle.dumps(one)).upper == one.upper
    assert str(one) == f"Lipschitz constant between {one.lower:.9g} and {one.upper:.9g} ({one.method})"


@pytest.mark.parametrize(
    ("domain", "error", "message"),
    [
        ([(-1, 1)], InvalidShapeError, r"domain must have the critic's 2 coordinates, got 1 pairs"),
        ([-1, 1], InvalidShapeError, r"domain must have shape \(d, 2\), got shape \(2,\)"),
        ([(1, -1), (0, 1)], InvalidValueError, r"domain must have low < high in every pair, got \(1.0, -1.0\)"),
        ([(0, 0), (0, 1)], InvalidValueError, "have low < high"),
        ([(0, math.inf), (0, 1)], InvalidValueError, "domain must be finite"),
        ([(0, 1e200), (0, 1)], InvalidValueError, "stay within 1e[+]100"),
        ([("a", "b")] * 2, InvalidTypeError, "domain must hold real numbers"),
        ("box", InvalidTypeError, "domain must hold real numbers"),
    ],
)
def test_domains_are_checked(domain, error, message):
    with pytest.raises(error, match=message):
        audit(MLPCritic(2, hidden=(4,)), domain=domain)


def test_arguments_are_checked():
    with pytest.raises(InvalidTypeError, match="domain must be a box where the critic does not say its dimension"):
        audit(lambda x: x[:, 0])
    with pytest.raises(InvalidTypeError, match="domain must be a box"):
        audit(nn.Sequential(nn.Conv1d(1, 1, 3), nn.Flatten(), nn.Linear(2, 1)))
    with pytest.raises(InvalidValueError, match="max_seconds"):
        audit(MLPCritic(2), max_seconds=0)
    with pytest.raises(InvalidValueError, match="seed"):
        audit(MLPCritic(2), seed=-1)
    with pytest.raises(InvalidTypeError, match="critic must be a torch module or a function"):
        audit(3, domain=SQUARE)
    with pytest.raises(CriticError, match="accept points of shape"):
        audit(nn.Linear(3, 1), domain=SQUARE)
    with pytest.raises(InvalidTypeError, match="domain must be a box"):
        steepest_pair(lambda x: x[:, 0], domain=None)


def test_a_small_critic_trained_with_a_penalty():
    pair = otgan.pairs.get_pair("8gaussians")
    critic = otgan.critics.train(pair.source, pair.target, hidden=(32, 32), steps=100, seed=0, threads=1)
    result = audit(critic, domain=[(-2.5, 2.5)] * 2)
    assert certified_upper_bound(critic).value >= 5 * result.lower
    assert result.upper <= (1 + 1e-6) * result.lower
    # Autograd at generic points is right: none is steeper.
    x = torch.rand(20000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 5 - 2.5
    (gradients,) = torch.autograd.grad(critic.double()(x.requires_grad_()).sum(), x)
    assert 0.8 * result.lower <= gradients.norm(dim=1).max().item() <= result.upper * (1 + 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "seed"), [("8gaussians", 0), ("swissroll-moons", 1), ("25gaussians", 0)])
def test_critics_trained_with_a_penalty(name, seed):
    """2-128-128-1, W1 within 10 %, a spectral product of ten times the slope: proven within 5 % of the truth."""
    pair = otgan.pairs.get_pair(name)
    critic = otgan.critics.train(pair.source, pair.target, hidden=(128, 128), steps=3000, seed=seed)
    report = otgan.validate(critic, pair.source, pair.target, n_samples=1500)
    assert abs(report.relative_error) < 0.1
    result = audit(critic, domain=[(-2.5, 2.5)] * 2, max_seconds=60)
    assert certified_upper_bound(critic).value >= 10 * result.lower
    assert result.upper <= 1.05 * result.lower
