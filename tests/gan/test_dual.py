import copy

import numpy as np
import pytest
import torch
from torch import nn

from otgan.critics import clipped_weights
from otgan.critics.functions import NetworkFunction
from otgan.critics.wgan_gp import WganGp
from otgan.errors import CriticError, InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.gan import SYSTEMS, Start, Task, get_system, train_gan
from otgan.gan.dual import ConesSystem, GroupSortSystem, SnWganSystem, WganGpSystem, WganSystem
from otgan.lipschitz import certified_upper_bound
from otgan.measures import Gaussian

ONE, SHIFT = Gaussian([0.0, 0.0], np.eye(2)), Gaussian([3.0, 4.0], np.eye(2))
SMALL = {"hidden": (8, 8), "steps": 9, "batch_size": 16, "seed": 3, "threads": 1, "monitor": False}
LAMBDA = {"wgan-gp": {"penalty_weight": 10.0}}
DUAL = {system.name: system for system in (WganSystem, WganGpSystem, SnWganSystem, GroupSortSystem, ConesSystem)}


class Shifted(nn.Module):
    """Noise, moved by what is learnt."""

    def __init__(self, by=(0.0, 0.0)):
        super().__init__()
        self.by = nn.Parameter(torch.tensor(by))

    def forward(self, noise):
        return noise + self.by


def seeded(make):
    """PyTorch draws the first weights of layers from its global generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make()


def begin(system, *, batch_size=16, steps=9, hidden=(8, 8), generator=None):
    task = Task((2,), "mlp", hidden, 2)
    real = torch.from_numpy(SHIFT.sample(64, np.random.default_rng(0))).float()
    start = Start(task, real, 5, steps, batch_size)
    networks = {"generator": generator} if generator is not None else system.networks(task, 5)
    return system.play(start, networks), real


class Batches:
    def __init__(self, size):
        self.rng, self.size, self.drawn = np.random.default_rng(1), size, []

    def __call__(self):
        self.drawn.append(torch.from_numpy(SHIFT.sample(self.size, self.rng)).float())
        return self.drawn[-1]


def test_the_registry_knows_them():
    assert {name: SYSTEMS[name] for name in DUAL} == DUAL
    assert get_system("wgan-gp", penalty_weight=3).penalty_weight == 3.0


@pytest.mark.parametrize("name", DUAL)
def test_a_step_minimises_the_wasserstein_losses(name):
    """Both losses are computed again, from networks kept before the step and noise that is drawn again."""
    play, _ = begin(get_system(name, n_critic=1, learning_rate=1e-12, **LAMBDA.get(name, {})))
    real, rng = Batches(16), torch.Generator().manual_seed(7)
    again, (generator, critic) = torch.Generator().manual_seed(7), copy.deepcopy(list(play.modules.values()))
    numbers = play.step(1, real, rng)
    with torch.no_grad():
        fake = generator(torch.randn((16, 2), generator=again))
        value = NetworkFunction(critic)
        gap = float(value(real.drawn[0]).mean() - value(fake).mean())
        # One more round of the power iteration is between the two evaluations of a critic with spectral norms.
        assert numbers["own"] == pytest.approx(gap, rel=1e-3 if name == "sn-wgan" else 1e-5)
        penalty = 10 * numbers["penalty"] if name == "wgan-gp" else 0.0
        assert numbers["loss_critic"] == pytest.approx(penalty - numbers["own"], rel=1e-5, abs=1e-6)
        if name == "wgan-gp":
            torch.rand((16, 1), generator=again)  # places between the samples
        taught = NetworkFunction(play.modules["critic"])(generator(torch.randn((16, 2), generator=again)))
    assert numbers["loss_generator"] == pytest.approx(-float(taught.mean()), rel=1e-3 if name == "sn-wgan" else 1e-5)


def test_the_weight_of_the_penalty_is_that_of_the_paper_on_images_and_of_its_toys_on_points():
    system = WganGpSystem()
    assert system.method(Task((2,), "mlp", (8,), 2)) == WganGp(penalty_weight=0.1)
    assert system.method(Task((1, 8, 8), "mlp", (8,), 2)) == WganGp(penalty_weight=10.0)
    assert WganGpSystem(penalty_weight=3).method(Task((2,), "mlp", (8,), 2)) == WganGp(penalty_weight=3.0)


@pytest.mark.parametrize("n_critic", [1, 4])
def test_each_step_of_the_critic_sees_a_fresh_batch(n_critic):
    play, _ = begin(WganGpSystem(n_critic=n_critic))
    real = Batches(16)
    play.step(1, real, torch.Generator().manual_seed(0))
    assert len(real.drawn) == n_critic


def test_rates_fall_linearly_to_a_hundredth():
    play, _ = begin(WganGpSystem(learning_rate=0.2, critic_rate=0.1, n_critic=1), steps=4)
    rates = []
    for k in range(1, 5):
        play.step(k, Batches(16), torch.Generator().manual_seed(k))
        rates.append([optimizer.param_groups[0]["lr"] for optimizer in play.optimizers.values()])
    assert rates == [pytest.approx([0.2 * part, 0.1 * part]) for part in (1, 0.75, 0.5, 0.25)]
    play, _ = begin(WganGpSystem(learning_rate=0.2, n_critic=1), steps=1000)
    play.step(1000, Batches(16), torch.Generator().manual_seed(0))
    assert play.optimizers["generator"].param_groups[0]["lr"] == pytest.approx(0.002)


@pytest.mark.parametrize("name", ["sn-wgan", "groupsort", "cones"])
def test_critics_that_are_held_by_construction_are_1_lipschitz_when_they_are_left(name):
    play, real = begin(get_system(name), hidden=(8, 8))
    rng = torch.Generator().manual_seed(0)
    for k in range(1, 4):
        play.step(k, Batches(16), rng)
    play.finish()
    critic = play.modules["critic"]
    assert all("original" not in parameter for parameter, _ in critic.named_parameters())
    if name != "cones":  # which are by their formula
        assert certified_upper_bound(critic).value <= 1 + 1e-9
    with torch.no_grad():
        values = critic(real).reshape(-1)
    slopes = (values[:, None] - values).abs() / torch.cdist(real, real).fill_diagonal_(1)
    assert float(slopes.max()) <= 1 + 1e-5


def test_weights_stay_clipped():
    play, _ = begin(WganSystem(clip=0.03, critic_rate=1.0))
    for k in (1, 2):
        play.step(k, Batches(16), torch.Generator().manual_seed(k))
        assert abs(clipped_weights(play.modules["critic"])).max() <= 0.03 + 1e-8


@pytest.mark.parametrize(("name", "steps"), [("wgan-gp", 150), ("groupsort", 150), ("cones", 150)])
def test_own_comes_near_the_exact_distance(name, steps):
    """W1 of a law and its shift by (3, 4) is 5; a generator that hardly learns stays where it is."""
    system = get_system(name, learning_rate=1e-12, critic_rate=2e-2, n_critic=1, **LAMBDA.get(name, {}))
    play, _ = begin(system, batch_size=128, steps=steps, hidden=(16, 16), generator=Shifted())
    rng, real = torch.Generator().manual_seed(0), Batches(128)
    own = [play.step(k, real, rng)["own"] for k in range(1, steps + 1)]
    # Slopes of WGAN-GP settle above 1 by W1 / (2 λ). Five standard errors of the difference of means of 20 batches of
    # 128 points, each coordinate of variance 1: 5 √(2 / (20 · 128)) = .14.
    assert np.mean(own[-20:]) < 5 * (1 + 5 / 20 if name == "wgan-gp" else 1) + 0.14
    assert np.mean(own[-20:]) > 4.5


@pytest.mark.parametrize("name", DUAL)
def test_a_generator_finds_the_shift(name):
    generator = Shifted()
    system = get_system(name, learning_rate=0.1, critic_rate=1e-2, n_critic=2, **LAMBDA.get(name, {}))
    play, _ = begin(system, batch_size=64, steps=100, hidden=(16, 16), generator=generator)
    rng, real = torch.Generator().manual_seed(0), Batches(64)
    for k in range(1, 101):
        play.step(k, real, rng)
    assert float((generator.by.detach() - torch.tensor([3.0, 4.0])).norm()) < 1


class StoppedError(Exception):
    pass


def stop(step, metrics):
    if step == 5:
        raise StoppedError


@pytest.mark.parametrize("name", DUAL)
def test_a_training_that_died_goes_on_to_the_same_bits(name, tmp_path):
    options = SMALL | {"method": get_system(name, path_length=0.5)}
    whole = train_gan(SHIFT, **options)
    with pytest.raises(StoppedError):
        train_gan(SHIFT, folder=tmp_path, checkpoint_seconds=1e-9, every=1, callbacks=[stop], **options)
    resumed = train_gan(SHIFT, folder=tmp_path, resume=True, every=1, **options)
    state = resumed.networks["generator"].state_dict()
    assert all(torch.equal(tensor, state[key]) for key, tensor in whole.networks["generator"].state_dict().items())


def test_a_critic_of_ones_own_is_trained_in_place_and_left_plain():
    critic = seeded(lambda: nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1)))
    before = critic[0].weight.detach().clone()
    train_gan(SHIFT, "sn-wgan", critic=critic, **SMALL)
    assert not torch.equal(critic[0].weight, before)
    assert certified_upper_bound(critic).value <= 1 + 1e-9


def test_critics_of_images_see_images():
    images = np.random.default_rng(0).random((40, 1, 4, 4))
    critic = seeded(lambda: nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32, 1)))
    before = critic[0].weight.detach().clone()
    learnt = train_gan(images, "sn-wgan", net="mlp", critic=critic, **SMALL)
    assert not torch.equal(critic[0].weight, before)
    assert learnt.sample(3, np.random.default_rng(0)).shape == (3, 16)


@pytest.mark.parametrize("name", ["wgan", "wgan-gp", "sn-wgan"])
@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (lambda: (nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Linear(8, 1)), "BatchNorm1d at '1'"),
        (lambda: (nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1), nn.Sigmoid()), "Sigmoid as its last layer"),
        (lambda: (nn.Linear(2, 8),), "shape"),
    ],
)
def test_critics_that_are_none_are_refused(name, layers, words):
    critic = seeded(lambda: nn.Sequential(*layers()))
    with pytest.raises(CriticError, match=words):
        train_gan(SHIFT, name, critic=critic, **SMALL)


def test_critics_that_cannot_be_held_are_refused():
    critic = seeded(lambda: nn.Sequential(nn.Linear(2, 8), nn.LayerNorm(8), nn.Linear(8, 1)))
    with pytest.raises(CriticError, match="LayerNorm"):
        train_gan(SHIFT, "sn-wgan", critic=critic, **SMALL)
    for name in ("groupsort", "cones"):
        with pytest.raises(InvalidValueError, match=f"left out where the method is {name}"):
            train_gan(SHIFT, name, critic=nn.Linear(2, 1), **SMALL)


class Fixed(nn.Module):
    def forward(self, noise):
        return noise


def test_generators_that_are_none_are_refused():
    with pytest.raises(InvalidShapeError, match=r"points \(n, 2\), got shape \(2, 3\)"):
        train_gan(SHIFT, generator=nn.Linear(2, 3), **SMALL)
    with pytest.raises(InvalidShapeError, match=r"map noise \(n, 2\)"):
        train_gan(SHIFT, generator=nn.Linear(5, 2), **SMALL)
    with pytest.raises(InvalidValueError, match="have weights to train"):
        train_gan(SHIFT, generator=Fixed(), **SMALL)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("wgan", {"clip": 0.0}, "clip must be in"),
        ("wgan-gp", {"penalty_weight": -1.0}, "penalty_weight must be in"),
        ("wgan-gp", {"n_critic": 0}, "n_critic must be at least 1"),
        ("wgan-gp", {"learning_rate": 0.0}, "learning_rate must be in"),
        ("groupsort", {"critic_rate": -1.0}, "critic_rate must be in"),
        ("cones", {"n_cones": 0}, "n_cones must be between 1 and"),
        ("cones", {"path_length": -0.1}, "path_length must be in"),
        ("sn-wgan", {"beta2": 1.0}, "beta2 must be in"),
        ("groupsort", {"activation": "relu"}, "activation must be one of"),
        ("sn-wgan", {"gain": 0.0}, "gain must be in"),
    ],
)
def test_hyper_parameters_out_of_range_are_refused(name, options, words):
    with pytest.raises(InvalidValueError, match=words):
        get_system(name, **options)


def test_hyper_parameters_of_other_systems_are_refused():
    with pytest.raises(InvalidTypeError, match="be hyper-parameters of groupsort"):
        get_system("groupsort", clip=0.1)
