"""The methods whose constraint is held by the dual objective: by hand, against exact duals, and on translations."""

import numpy as np
import pytest
import torch
from torch import nn

import otgan
from otgan.critics import METHODS, potentials, train
from otgan.critics.c_transform import CTransform
from otgan.critics.cowgan import CoWgan
from otgan.critics.draws import Draws
from otgan.critics.dual_regression import DualRegression
from otgan.critics.lsot import Lsot
from otgan.critics.method import Players, Start
from otgan.critics.mm import Mm
from otgan.critics.mm_b import MmB
from otgan.critics.mm_r import MmR
from otgan.critics.mover import Mover
from otgan.dual import c_transform
from otgan.errors import InvalidInputError
from otgan.measures import Gaussian

KINDS = (CTransform, CoWgan, DualRegression, Lsot, Mm, MmB, MmR)
SHIFT = np.array([3.0, 4.0])
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((60, 2)) + 1.0, RNG.standard_normal((60, 2))


def draws(seed=0):
    return Draws(torch.Generator().manual_seed(seed))


def tensors(*arrays):
    return tuple(torch.tensor(array, dtype=torch.float64) for array in arrays)


def bumpy(points):
    """No potential of anything: slopes from 0 to 6."""
    return 2 * torch.sin(3 * points[..., 0]) + points[..., 1]


def numpy_bumpy(points):
    return bumpy(torch.tensor(points)).numpy()


def start(dim=2, n=60):
    x, y = (torch.tensor(side, dtype=torch.float32) for side in (X, Y))
    return Start(dim, (8,), 0, x[:n], y[:n])


def quick(kind):
    """The method, with a problem that is solved at once where one is solved."""
    return kind(size=50) if kind is DualRegression else kind()


def estimate(critic, x, y, constant=1.0):
    with torch.no_grad():
        return float(critic(torch.tensor(x).float()).mean() - critic(torch.tensor(y).float()).mean()) / constant


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_registered_and_held_by_the_objective(kind):
    assert METHODS[kind.name] is kind
    assert kind.held == "by the objective"


@pytest.mark.parametrize("lipschitz", [1.0, 2.5])
def test_the_objective_on_a_batch_is_the_exact_dual_value_of_the_c_transform(lipschitz):
    players = Players(bumpy)
    both = np.concatenate([X, Y])
    f = numpy_bumpy(both) / lipschitz
    dual = lipschitz * (f[:60].mean() + c_transform(f, Y, both).mean())
    terms = CTransform(lipschitz, strictness=1.0).terms(players, *tensors(X, Y), draws())
    assert -terms.loss.item() == pytest.approx(dual, rel=1e-12)
    assert terms.shown["dual"].item() == pytest.approx(dual, rel=1e-12)
    assert terms.estimate.item() == pytest.approx((numpy_bumpy(X) - numpy_bumpy(Y)).mean(), rel=1e-12)
    strict = CTransform(lipschitz, strictness=3.0).terms(players, *tensors(X, Y), draws())
    assert strict.loss.item() == pytest.approx(-3 * dual + 2 * terms.estimate.item(), rel=1e-12)
    source = lipschitz * (f[:60].mean() + c_transform(f[:60], Y, X).mean())
    assert -MmB(lipschitz).terms(players, *tensors(X, Y), draws()).loss.item() == pytest.approx(source, rel=1e-12)


@pytest.mark.parametrize("method", [CTransform(strictness=1.0), CTransform(), MmB()])
def test_no_critic_gets_above_the_exact_distance_of_the_batch(method):
    exact = otgan.wasserstein(X, Y)
    for critic in (bumpy, lambda z: torch.tensor(exact.potentials(z.numpy())), lambda z: 0 * z[..., 0]):
        terms = method.terms(Players(critic), *tensors(X, Y), draws())
        assert -terms.loss.item() <= exact.distance + 1e-12
    # And the exact potential of the batch gets there: it is 1-Lipschitz, so that no strictness bites.
    best = method.terms(Players(lambda z: torch.tensor(exact.potentials(z.numpy()))), *tensors(X, Y), draws())
    assert -best.loss.item() == pytest.approx(exact.distance, rel=1e-10)
    assert best.estimate.item() == pytest.approx(exact.distance, rel=1e-10)


@pytest.mark.parametrize(
    ("slope", "loss", "broken"),
    [
        # x = 0, 1 and y = 2, on the line, f = −s z: L1 = (3 / 2) s. From y the nearest of c − f is 1 + s at x = 1, or
        # 2 at x = 0, so L2 = −s / 2 + min(1 + s, 2); from x, c + f is 2 − 2 s and 1 − 2 s, so L3 = 2 s + 3 / 2 − 2 s.
        (0.5, -0.75, 0),
        (1.0, -1.5, 0),
        (2.0, -1.0, 1),
    ],
)
def test_cowgan_takes_the_objective_that_the_batch_asks_for(slope, loss, broken):
    x, y = tensors([[0.0], [1.0]], [[2.0]])
    terms = CoWgan().terms(Players(lambda z: -slope * z[..., 0]), x, y, draws())
    assert terms.loss.item() == pytest.approx(loss)
    assert terms.shown["broken"].item() == broken
    assert terms.estimate.item() == pytest.approx(1.5 * slope)


def test_cowgan_asks_the_target_where_the_source_shows_nothing():
    # f is 0 at the one source point, and −3 at a target point a distance 1 away, +9 at another.
    x, y = tensors([[0.0]], [[1.0], [-1.0]])
    values = torch.tensor([0.0, -3.0, 9.0], dtype=torch.float64)
    terms = CoWgan().terms(Players(lambda z: values), x, y, draws())
    # L1 = −3, L2 = 0 + 1 is not below; L3 = min(1 − 3, 1 + 9) − 3 = −5 is.
    assert -terms.loss.item() == pytest.approx(-5)


def test_lsot_by_hand():
    # u = 2 at both x, v = −u − w with u = 1 at both y and w = −4: v = 3; distances 1, 2, 0, 1 (K = 2: 2, 4, 0, 2).
    x, y = tensors([[0.0], [1.0]], [[1.0], [2.0]])
    players = Players(
        lambda z: torch.tensor([2.0, 2.0, 1.0, 1.0], dtype=torch.float64),
        {"gap": lambda z: torch.full((2,), -4.0, dtype=torch.float64)},
    )
    # u + v − K c = 3, 1, 5, 3.
    l2 = Lsot(2.0, "l2", epsilon=0.5, tie=0.25)
    penalty = (9 + 1 + 25 + 9) / 4 / (4 * 0.5)
    terms = l2.terms(players, x, y, draws())
    assert terms.shown["dual"].item() == pytest.approx(5)
    assert terms.shown["penalty"].item() == pytest.approx(penalty)
    assert terms.loss.item() == pytest.approx(penalty - 5 + 0.25 * 16)
    assert terms.estimate.item() == pytest.approx(1)
    assert l2.other_loss(players, x, y, draws()).item() == pytest.approx(terms.loss.item())
    entropy = Lsot(2.0, "entropy", epsilon=0.5, tie=0.0).terms(players, x, y, draws())
    penalty = 0.5 * np.exp([6.0, 2.0, 10.0, 6.0]).mean()
    assert entropy.loss.item() == pytest.approx(penalty - 5)


@pytest.mark.parametrize(
    ("method", "violation"),
    [
        # f(z) = 3 z on the line, T(z) = z + 1, K = 1. From y: f(T) − 1 − f = 3 − 1 = 2; from x: f − f(T) − 1 = −4 < 0.
        (Mm(strictness=2.0), 2.0),
        (MmR(strictness=2.0), 0.0),
    ],
)
def test_movers_by_hand(method, violation):
    x, y = tensors([[5.0], [6.0]], [[0.0], [2.0], [4.0]])
    players = Players(lambda z: 3 * z[..., 0], {"mover": lambda z: z + 1})
    terms = method.terms(players, x, y, draws())
    assert terms.estimate.item() == pytest.approx(16.5 - 6)
    assert terms.loss.item() == pytest.approx(2 * violation - 10.5)
    assert terms.shown["dual"].item() == pytest.approx(10.5 - violation)
    back = Players(players.critic, {"mover": lambda z: z - 1})
    assert method.terms(back, x, y, draws()).loss.item() == pytest.approx(2 * (2 - violation) - 10.5)


@pytest.mark.parametrize("method", [Mm(), MmR()])
def test_a_mover_is_paid_for_what_it_finds(method):
    x, y = tensors(X, Y)
    critic = lambda z: 3 * z[..., 0]  # noqa: E731 -- three lines would say no more
    forward, back = (
        method.other_loss(Players(critic, {"mover": lambda z, s=s: z + torch.tensor([s, 0.0])}), x, y, draws()).item()
        for s in (1.0, -1.0)
    )
    assert (forward < back) == (method.name == "mm")
    assert abs(forward - back) == pytest.approx(6)


def test_a_mover_starts_at_rest_and_its_first_step_is_no_nan():
    mover = Mover(2, (8,), seed=1)
    points = torch.tensor(X).float()
    assert torch.equal(mover(points), points)
    loss = Mm().other_loss(Players(bumpy, {"mover": mover}), points, points, draws())
    loss.backward()
    assert all(weights.grad.isfinite().all() for weights in mover.parameters())
    assert mover.layers[-1].weight.grad.abs().max() > 0


def test_rays_fall_with_slope_k_between_exact_partners():
    others = DualRegression(2.0, size=60).others(start())
    solution = otgan.wasserstein(X.astype(np.float32), Y.astype(np.float32))
    rays = others["rays"]
    assert rays.falls.mean().item() == pytest.approx(2 * solution.distance, rel=1e-6)
    heads, tails = (rays(torch.stack([torch.arange(60) / 60 + 1e-3, torch.full((60,), t)], dim=-1)) for t in (0.0, 1.0))
    assert (heads[:, 2].mean() - tails[:, 2].mean()).item() == pytest.approx(2 * solution.distance, rel=1e-5)
    for sides, given in ((heads, X), (tails, Y)):
        assert np.sort(sides[:, 0].numpy()) == pytest.approx(np.sort(given[:, 0]), abs=1e-5)
    # The values at all ends together are those of one 2-Lipschitz function.
    ends = torch.cat([heads, tails]).double()
    gaps = 2 * torch.cdist(ends[:, :2], ends[:, :2])
    assert ((ends[:, None, 2] - ends[None, :, 2]).abs() <= gaps + 1e-5).all()


def test_rays_are_kept_by_a_state_dict():
    one, other = (DualRegression(size=60).others(start())["rays"] for _ in range(2))
    other.heights += 1.0
    other.load_state_dict(one.state_dict())
    assert torch.equal(one.heights, other.heights)
    assert not list(one.parameters())


@pytest.mark.parametrize(("inside", "places"), [(0.0, {0.0, 1.0}), (1.0, None)])
def test_places_are_at_the_ends_or_inside_as_asked(inside, places):
    seen = []

    def rays(numbers):
        seen.append(numbers)
        return torch.zeros(*numbers.shape[:-1], 3, dtype=numbers.dtype)

    DualRegression(inside=inside).terms(Players(bumpy, {"rays": rays}), *tensors(X, Y), draws())
    (numbers,) = seen
    found = set(numbers[:, 1].tolist())
    assert found == places if places else len(found) == 60


def test_regression_measures_squared_misses():
    def rays(numbers):
        return torch.cat([torch.zeros(60, 2, dtype=torch.float64), torch.full((60, 1), 3.0)], dim=-1)

    terms = DualRegression().terms(Players(lambda z: z[..., 0] + 1, {"rays": rays}), *tensors(X, Y), draws())
    assert terms.loss.item() == pytest.approx(4)
    assert terms.shown["residual"].item() == pytest.approx(2)
    assert terms.estimate.item() == pytest.approx((X - Y)[:, 0].mean())


@pytest.mark.parametrize("kind", KINDS)
def test_a_stack_gives_each_critic_its_own_numbers(kind):
    method = kind()
    others = {name: other.double() for name, other in method.others(start()).items()}
    if "gap" in others:
        nn.init.normal_(others["gap"].layers[-1].weight, generator=torch.Generator().manual_seed(0))
    if "mover" in others:
        nn.init.normal_(others["mover"].layers[-1].weight, generator=torch.Generator().manual_seed(0))

    def stacked(network):
        return lambda z: torch.stack([network(layer) for layer in z]) if z.ndim == 3 else network(z)

    slopes = torch.tensor([0.5, 1.0, 4.0], dtype=torch.float64)
    x, y = (torch.tensor(RNG.standard_normal((3, 20, 2))) for _ in range(2))
    stack = Draws(*(torch.Generator().manual_seed(k) for k in range(3)), stacked=True)
    players = {name: stacked(other) for name, other in others.items()}
    critic = lambda z: slopes[:, None] * bumpy(z)  # noqa: E731
    terms = method.terms(Players(critic, players), x, y, stack)
    if method.other_steps:
        other_loss = method.other_loss(Players(critic, players), x, y, stack)
    for k in range(3):
        alone = Players(lambda z, k=k: slopes[k] * bumpy(z), others)
        expected = method.terms(alone, x[k], y[k], draws(k))
        for name in ("loss", "estimate"):
            assert getattr(terms, name).shape == (3,)
            assert getattr(terms, name)[k].item() == pytest.approx(getattr(expected, name).item(), rel=1e-9)
        for name, value in expected.shown.items():
            assert terms.shown[name][k].item() == pytest.approx(value.item(), rel=1e-9)
        if method.other_steps:
            expected = method.other_loss(alone, x[k], y[k], draws(k))
            assert other_loss[k].item() == pytest.approx(expected.item(), rel=1e-9)


def wider(kind, constant):
    """The method for K, and what of its hyper-parameters is in units of the cost, so that all scales alike."""
    if kind is Lsot:
        return Lsot(constant, epsilon=0.1 * constant, tie=0.7 / constant)
    return CTransform(constant, epsilon=0.1 * constant) if kind is CTransform else kind(constant)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_scales_with_k(kind):
    constant = 2.5
    found = []
    for slope in (1.0, constant):
        method = wider(kind, slope)
        others = {name: other.double() for name, other in method.others(start()).items()}
        others |= {"mover": lambda z: z + 0.3, "gap": lambda z, slope=slope: slope * 0.1 * z[..., 0]}
        others["rays"] = others.get("rays")
        players = Players(lambda z, slope=slope: slope * bumpy(z), others)
        terms = method.terms(players, *tensors(X, Y), draws())
        found.append((terms.loss.item(), terms.estimate.item()))
    (loss, plain), (scaled_loss, scaled) = found
    assert scaled == pytest.approx(constant * plain)
    # A squared miss is in squared units; and the potential of a sample is known to rounding of float32.
    power = 2 if kind is DualRegression else 1
    assert scaled_loss == pytest.approx(constant**power * loss, rel=1e-5 if power == 2 else 1e-10)


#: Settings under which a short training ends near the truth, and how near: 10 %, for a network of 32 units and a few
#: hundred steps of 64 points. MM:B says nothing of the target, and gets what extrapolation gives.
TRAININGS = [
    (CTransform(), 150, 5e-3, 0.1),
    (CTransform(3.0, epsilon=0.01), 150, 5e-3, 0.1),
    (CoWgan(), 150, 5e-3, 0.1),
    (DualRegression(size=500), 150, 5e-3, 0.1),
    (DualRegression(3.0, size=500), 200, 1e-2, 0.1),
    (Lsot(), 150, 5e-3, 0.1),
    (Mm(strictness=2.0), 200, 5e-3, 0.1),
    (MmR(strictness=2.0), 200, 5e-3, 0.1),
    (MmB(), 150, 5e-3, 0.3),
]


@pytest.mark.parametrize(
    ("method", "steps", "rate", "tolerance"), TRAININGS, ids=[f"{m[0].name}-{m[0].lipschitz:g}" for m in TRAININGS]
)
def test_a_translation_is_measured(method, steps, rate, tolerance):
    # W1 between a Gaussian and its translate is the length of the translation, 5.
    source, target = Gaussian(SHIFT, np.eye(2)), Gaussian([0.0, 0.0], np.eye(2))
    rng = np.random.default_rng(5)
    x, y = source.sample(500, rng), target.sample(500, rng)
    exact = otgan.wasserstein(x, y)
    critic = train(source, target, method, steps=steps, hidden=(32,), batch_size=64, learning_rate=rate, threads=1)
    assert estimate(critic, x, y, method.lipschitz) == pytest.approx(5, rel=tolerance)
    pair = potentials(critic, x, y, lipschitz=method.lipschitz)
    assert 0.93 * exact.distance <= pair.f.mean() + pair.g.mean() <= exact.upper_bound * (1 + 1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_critic_of_ones_own_is_trained_in_place(kind):
    critic = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    with torch.no_grad():
        for k, parameter in enumerate(critic.parameters()):
            parameter.uniform_(-0.5, 0.5, generator=torch.Generator().manual_seed(k))
    before = critic[0].weight.detach().clone()
    assert train(X, Y, quick(kind), critic=critic, steps=2, hidden=(8,), batch_size=16, threads=1) is critic
    assert not torch.equal(critic[0].weight, before)


@pytest.mark.parametrize("kind", KINDS)
def test_points_that_all_agree_and_points_on_the_line_train(kind):
    critic = train(np.zeros(3), np.zeros(3), quick(kind), steps=3, hidden=(8,), batch_size=16, threads=1)
    assert estimate(critic, np.zeros((1, 1)), np.zeros((1, 1))) == 0
    assert all(weights.isfinite().all() for weights in critic.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_critic(kind):
    one, same = (train(X, Y, quick(kind), steps=2, hidden=(8,), batch_size=16, threads=1, seed=3) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CTransform(epsilon=-1.0), "epsilon must be in"),
        (lambda: CTransform(strictness=0.5), "strictness must be in"),
        (lambda: Lsot(epsilon=0.0), "epsilon must be in"),
        (lambda: Lsot(tie=-1.0), "tie must be in"),
        (lambda: Lsot("l2"), "lipschitz must be"),
        (lambda: Lsot(regularization="l1"), "regularization must be one of l2, entropy, got 'l1'"),
        (lambda: Mm(mover_steps=0), "mover_steps must be at least 1"),
        (lambda: MmR(strictness=0.0), "strictness must be in"),
        (lambda: DualRegression(size=0), "size must be at least 1"),
        (lambda: DualRegression(inside=1.5), "inside must be in"),
    ],
)
def test_hyper_parameters_are_checked(make, message):
    with pytest.raises(InvalidInputError, match=message):
        make()
