"""Training a generator: whatever is asked, resumed, refused."""

from contextlib import suppress

import numpy as np
import pytest
import torch
from torch import nn

import otgan
from otgan.errors import CheckpointError, CriticError, InvalidInputError
from otgan.gan import SYSTEMS, Generated, get_system, train_gan
from otgan.training import read_log

SMALL = {"hidden": (16, 16), "steps": 6, "batch_size": 32, "every": 1, "n_samples": 50, "threads": 1}


@pytest.fixture
def points():
    return np.random.default_rng(0).normal([3.0, -2.0], [2.0, 0.5], size=(200, 2))


def test_what_is_learnt_is_a_measure_in_units_of_the_data(points):
    far = train_gan(1e6 + 1e3 * points, **SMALL)
    assert isinstance(far, Generated)
    drawn = far.sample(300, np.random.default_rng(1))
    assert drawn.shape == (300, 2)
    assert drawn.dtype == np.float64
    assert repr(far) == "Generated(wgan-gp, dim=2)"
    assert abs(drawn - 1e6).max() < 1e5
    np.testing.assert_array_equal(drawn, far.sample(300, np.random.default_rng(1)))
    assert otgan.wasserstein(drawn, 1e6 + 1e3 * points).upper_bound < 2e4


def test_the_same_seed_gives_the_same_weights_and_a_run_that_is_resumed_too(points, tmp_path):
    """Bit for bit, means of weights among them; the global random state is neither used nor changed."""
    before = torch.get_rng_state()
    whole = train_gan(points, folder=tmp_path / "whole", **SMALL)
    assert torch.equal(torch.get_rng_state(), before)

    class StopError(Exception):
        pass

    def stop(k, numbers):
        if k == 4:
            raise StopError

    with pytest.raises(StopError):
        train_gan(points, folder=tmp_path / "run", checkpoint_seconds=1e-9, callbacks=[stop], **SMALL)
    resumed = train_gan(points, folder=tmp_path / "run", resume=True, checkpoint_seconds=1e-9, **SMALL)
    for name in ("checkpoint.safetensors", "log.jsonl"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    rows = read_log(tmp_path / "run")
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert all(row["w1_lower"] <= row["w1"] <= row["w1_upper"] and row["noise_floor"] > 0 for row in rows)
    rng = np.random.default_rng
    np.testing.assert_array_equal(resumed.sample(9, rng(0)), whole.sample(9, rng(0)))
    other = train_gan(points, **{**SMALL, "seed": 1})
    assert abs(other.sample(9, rng(0)) - whole.sample(9, rng(0))).max() > 0
    with pytest.raises(CheckpointError, match="settings must be those of the run"):
        train_gan(points + 1, folder=tmp_path / "run", resume=True, **SMALL)


def test_networks_of_ones_own_are_trained_in_place_without_a_class_of_ours(points):
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 2))
    critic = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
    before = [weight.clone() for module in (generator, critic) for weight in module.parameters()]
    learnt = train_gan(points, generator=generator, critic=critic, noise_dim=5, **SMALL)
    after = [weight for module in (generator, critic) for weight in module.parameters()]
    assert not any(torch.equal(old, new) for old, new in zip(before[::2], after[::2], strict=True))
    assert learnt.sample(7, np.random.default_rng(0)).shape == (7, 2)
    coupled = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))
    with pytest.raises(CriticError, match="BatchNorm1d"):
        train_gan(points, critic=coupled, **SMALL)


class Noisy(nn.Module):
    """A generator that draws numbers of its own, while it is trained and when it is asked."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))

    def forward(self, noise):
        return self.scale * (noise + torch.randn(noise.shape))


def test_what_a_generator_of_ones_own_draws_depends_on_the_seed_alone(points, tmp_path):
    """Not on the global random state, which stays as it was; so that such a run can be resumed as well."""

    def stop(k, numbers):
        if k == 4:
            raise KeyError("stop")

    drawn, before = [], torch.get_rng_state()
    for name, seed in (("whole", 0), ("run", 1)):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            state = torch.get_rng_state()
            kept = {"folder": tmp_path / name, "generator": Noisy(), "checkpoint_seconds": 1e-9, **SMALL}
            if name == "run":
                with pytest.raises(KeyError, match="stop"):
                    train_gan(points, callbacks=[stop], **kept)
                kept |= {"resume": True, "generator": Noisy()}
            drawn.append(train_gan(points, **kept).sample(5, np.random.default_rng(0)))
            assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(*drawn)
    whole, run = ((tmp_path / name / "checkpoint.safetensors").read_bytes() for name in ("whole", "run"))
    assert whole == run


def test_a_critic_of_ones_own_is_plain_again_whatever_goes_wrong(points):
    critic = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))

    class BadError(Exception):
        pass

    class Bad:
        def begin(self, learnt):
            raise BadError

        def __call__(self, k, numbers):
            pass

    with pytest.raises(BadError):
        train_gan(points, "sn-gan", critic=critic, callbacks=[Bad()], **SMALL)
    assert [type(layer) for layer in critic] == [nn.Linear, nn.ReLU, nn.Linear]


@pytest.mark.parametrize("callbacks", [[], [lambda k, numbers: {}[k]]])
def test_networks_of_ones_own_keep_their_modes_whatever_happens(points, callbacks):
    generator = nn.Sequential(nn.Linear(2, 4), nn.Tanh().eval(), nn.Linear(4, 2))
    critic = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1)).eval()
    coupled = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).eval()
    for used in (critic, coupled):
        with suppress(KeyError, CriticError):
            train_gan(points, generator=generator, critic=used, callbacks=callbacks, **SMALL)
        assert not any(module.training for module in used.modules())
        assert [module.training for module in generator.modules()] == [True, True, False, True]


@pytest.mark.parametrize(
    ("generator", "message"),
    [
        (nn.Linear(2, 3), r"generator must map noise \(n, 2\) to points \(n, 2\), got shape \(2, 3\) of torch.float32"),
        (nn.Linear(5, 2), "generator must map noise .*, got RuntimeError: mat1"),
        (nn.Linear(2, 2).double(), "generator must map noise .*, got RuntimeError: .*"),
        (nn.Identity(), "generator must have weights to train"),
        (nn.Linear(2, 2).requires_grad_(False), "generator must have weights to train"),
    ],
)
@pytest.mark.parametrize("method", ["wgan-gp", "ot"])
def test_generators_of_ones_own_that_do_not_fit(points, method, generator, message):
    with pytest.raises(InvalidInputError, match=message):
        train_gan(points, method, generator=generator, **SMALL)


def test_a_critic_without_weights_to_train(points):
    frozen = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1)).requires_grad_(False)
    with pytest.raises(InvalidInputError, match="critic must have weights to train"):
        train_gan(points, critic=frozen, **SMALL)


def test_the_exact_distance_beside_the_loss_is_that_of_the_solver(points):
    rows = []
    learnt = train_gan(points, callbacks=[lambda k, numbers: rows.append(dict(numbers))], ema=0.0, **SMALL)
    drawn = learnt.sample(2000, np.random.default_rng(0))
    assert otgan.wasserstein(drawn, points).distance == pytest.approx(rows[-1]["w1"], rel=0.25)
    assert {"own", "loss_critic", "loss_generator", "w1", "noise_floor"} <= rows[-1].keys()


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_caller_who_wants_no_gradients_gets_the_same_weights(points, mode):
    whole = train_gan(points, **SMALL)
    with mode():
        within = train_gan(points, **SMALL)
        assert not torch.is_grad_enabled()
    weights, known = (learnt.networks["generator"].state_dict() for learnt in (within, whole))
    assert all(torch.equal(weights[name], known[name]) for name in known)


@pytest.mark.parametrize(
    ("method", "shape"), [*((name, (2,)) for name in SYSTEMS), ("wgan-gp", (1, 8, 8)), ("flow-matching", (1, 8, 8))]
)
def test_networks_are_float32_whatever_the_default_is(method, shape):
    data, short = np.random.default_rng(0).random((20, *shape)), {**SMALL, "steps": 2, "batch_size": 4}
    single = train_gan(data, method, **short)
    drawn = single.sample(3, np.random.default_rng(0))
    torch.set_default_dtype(torch.float64)
    try:
        double = train_gan(data, method, **short)
        np.testing.assert_array_equal(double.sample(3, np.random.default_rng(0)), drawn)
    finally:
        torch.set_default_dtype(torch.float32)
    for name, network in single.networks.items():
        weights, known = double.networks[name].state_dict(), network.state_dict()
        assert all(weights[key].dtype == value.dtype for key, value in known.items())
        assert all(torch.equal(weights[key], value) for key, value in known.items())


def test_settings_may_be_of_any_integer(points, tmp_path):
    options = {**SMALL, "n_samples": np.int64(50), "monitor": np.True_}
    train_gan(points, folder=tmp_path / "run", **options)
    train_gan(points, folder=tmp_path / "run", resume=True, **{**options, "n_samples": 50, "monitor": True})


def test_a_network_is_no_opponent_of_itself():
    one = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))
    within = nn.Sequential(nn.Linear(1, 1), one[0], nn.Linear(4, 1))
    for critic in (one, within):
        with pytest.raises(InvalidInputError, match="critic must share no weights with the generator"):
            train_gan(np.arange(20.0)[:, None], generator=one, critic=critic, noise_dim=1, **SMALL)


def test_weights_that_cannot_be_trained(points):
    with torch.inference_mode():
        generator = nn.Linear(2, 2)
    with pytest.raises(InvalidInputError, match=r"generator must have weights that can be trained, got .*; make the"):
        train_gan(points, generator=generator, **SMALL)
    with pytest.raises(InvalidInputError, match="critic must have weights, got a lazy module without them; call it"):
        train_gan(points, critic=nn.LazyLinear(1), **SMALL)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"method": "wgan-pg"}, "method must be one of .*wgan-gp"),
        ({"method": 3}, "method must be a name or a System"),
        ({"ema": 1.0}, r"ema must be in \[0, 1\), got 1"),
        ({"steps": 0}, "steps must be"),
        ({"batch_size": 2.5}, "batch_size must be an integer"),
        ({"net": "dcgan"}, "net must be 'mlp', or 'dcgan' for images"),
        ({"generator": lambda z: z}, "generator must be a torch.nn.Module"),
        ({"hidden": "wide"}, "hidden must be a sequence"),
        ({"noise_dim": 0}, "noise_dim must be"),
        ({"n_samples": "x", "monitor": False}, "n_samples must be an integer"),
        ({"device": "abacus"}, "device must be one that is here"),
    ],
)
def test_mistakes_are_named(points, wrong, message):
    with pytest.raises(InvalidInputError, match=message):
        train_gan(points, **{**SMALL, **wrong})


def test_options_of_a_system_are_checked():
    assert get_system("wgan-gp", n_critic=2).n_critic == 2
    with pytest.raises(InvalidInputError, match="hyper-parameters of wgan-gp"):
        get_system("wgan-gp", n_critics=2)
    with pytest.raises(InvalidInputError, match="n_critic must be"):
        get_system("wgan-gp", n_critic=0)
    with pytest.raises(InvalidInputError, match="options must come with a name"):
        get_system(get_system("wgan-gp"), n_critic=2)
