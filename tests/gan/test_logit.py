import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from otgan.critics.functions import NetworkFunction
from otgan.errors import CriticError, InvalidValueError
from otgan.gan import Start, Task, get_system, train_gan
from otgan.lipschitz import certified_upper_bound
from otgan.measures import Gaussian

LOGIT = ("gan", "gan-minimax", "sn-gan")
LAW = Gaussian([3.0, 4.0], np.eye(2))
SMALL = {"hidden": (8, 8), "steps": 9, "batch_size": 16, "seed": 3, "threads": 1, "monitor": False}


class Shifted(nn.Module):
    """Noise, moved by what is learnt."""

    def __init__(self, by=(0.0, 0.0)):
        super().__init__()
        self.by = nn.Parameter(torch.tensor(by))

    def forward(self, noise):
        return noise + self.by


def begin(system, *, batch_size=64, steps=9, generator=None):
    task = Task((2,), "mlp", (8, 8), 2)
    real = torch.from_numpy(LAW.sample(64, np.random.default_rng(0))).float()
    networks = {"generator": generator or Shifted()}
    return system.play(Start(task, real, 5, steps, batch_size), networks)


def batches(n=64):
    rng = np.random.default_rng(1)
    return lambda: torch.from_numpy(LAW.sample(n, rng)).float()


@pytest.mark.parametrize("name", LOGIT)
def test_a_step_minimises_the_losses_by_their_formulas(name):
    """In terms of probabilities D, and of the hinge; from networks kept before the step and noise drawn again."""
    play = begin(get_system(name, learning_rate=1e-12, n_critic=1))
    critic, again = copy.deepcopy(play.modules["critic"]), torch.Generator().manual_seed(7)
    numbers = play.step(1, batches(), torch.Generator().manual_seed(7))
    x, y = batches()(), torch.randn((64, 2), generator=again)
    with torch.no_grad():
        real, fake = (NetworkFunction(critic)(points).double().numpy() for points in (x, y))
        taught = NetworkFunction(play.modules["critic"])(torch.randn((64, 2), generator=again)).double().numpy()
    if name == "sn-gan":
        by_hand = np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean(), -taught.mean()
        own = (real.mean() - fake.mean()) / 20
        rel = 1e-3  # one more round of the power iteration
    else:
        d_real, d_fake, d_taught = (1 / (1 + np.exp(-logit)) for logit in (real, fake, taught))
        loss = -np.log(d_real).mean() - np.log(1 - d_fake).mean()
        by_hand = loss, -np.log(d_taught).mean() if name == "gan" else np.log(1 - d_taught).mean()
        own, rel = math.log(2) - loss / 2, 1e-4
    assert (numbers["loss_critic"], numbers["loss_generator"]) == pytest.approx(by_hand, rel=rel)
    assert numbers["own"] == pytest.approx(own, rel=rel, abs=1e-5)


def test_own_of_a_gan_is_the_js_divergence():
    """Of N(0, I) and N((1, 0), I), by quadrature along the line: the other coordinate says nothing."""
    grid = np.linspace(-9, 10, 20_001)
    p, q = (np.exp(-((grid - mean) ** 2) / 2) / math.sqrt(2 * math.pi) for mean in (1.0, 0.0))
    m = (p + q) / 2
    js = np.trapezoid(p * np.log(p / m) + q * np.log(q / m), grid) / 2
    rng = np.random.default_rng(2)
    play = begin(get_system("gan", learning_rate=1e-12, critic_rate=1e-2), batch_size=512, steps=150)
    law, draws = Gaussian([1.0, 0.0], np.eye(2)), torch.Generator().manual_seed(0)
    own = [
        play.step(k, lambda: torch.from_numpy(law.sample(512, rng)).float(), draws)["own"] for k in range(1, 151)
    ]  # fmt: skip
    # Each of 50 batches has a standard error of √(Var / 512) < .03; four of their mean are .017.
    assert np.mean(own[-50:]) == pytest.approx(js, abs=0.02)


def test_own_of_a_gan_is_log_2_where_nothing_is_shared():
    play = begin(get_system("gan", learning_rate=1e-12, critic_rate=1e-1), generator=Shifted((100.0, 100.0)), steps=60)
    draws = torch.Generator().manual_seed(0)
    own = [play.step(k, batches(), draws)["own"] for k in range(1, 61)]
    assert own[-1] == pytest.approx(math.log(2), abs=1e-3)


@pytest.mark.parametrize("name", LOGIT)
def test_a_generator_finds_the_shift(name):
    generator = Shifted((1.0, 1.0))
    play = begin(get_system(name, learning_rate=0.1, critic_rate=1e-2), generator=generator, steps=150)
    draws, real = torch.Generator().manual_seed(0), batches()
    for k in range(1, 151):
        play.step(k, real, draws)
    assert float((generator.by.detach() - torch.tensor([3.0, 4.0])).norm()) < 0.7


@pytest.mark.parametrize("lipschitz", [1.0, 25.0])
def test_the_critic_of_sn_gan_has_the_slope_that_was_asked_for(lipschitz):
    play = begin(get_system("sn-gan", lipschitz=lipschitz))
    for k in (1, 2, 3):
        play.step(k, batches(), torch.Generator().manual_seed(k))
    play.finish()
    assert certified_upper_bound(play.modules["critic"]).value == pytest.approx(lipschitz, rel=1e-4)


class StoppedError(Exception):
    pass


def stop(step, metrics):
    if step == 5:
        raise StoppedError


@pytest.mark.parametrize("name", LOGIT)
def test_a_training_that_died_goes_on_to_the_same_bits(name, tmp_path):
    whole = train_gan(LAW, name, **SMALL)
    with pytest.raises(StoppedError):
        train_gan(LAW, name, folder=tmp_path, checkpoint_seconds=1e-9, every=1, callbacks=[stop], **SMALL)
    resumed = train_gan(LAW, name, folder=tmp_path, resume=True, every=1, **SMALL)
    state = resumed.networks["generator"].state_dict()
    assert all(torch.equal(tensor, state[key]) for key, tensor in whole.networks["generator"].state_dict().items())


def test_discriminators_end_in_a_logit():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        critic = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1), nn.Sigmoid())
    with pytest.raises(CriticError, match="Sigmoid as its last layer"):
        train_gan(LAW, "gan", critic=critic, **SMALL)


def test_slopes_out_of_range_are_refused():
    with pytest.raises(InvalidValueError, match="lipschitz must be in"):
        get_system("sn-gan", lipschitz=0.0)
