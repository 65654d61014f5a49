"""Several processes and mixed precision, held against one process, against arithmetic by hand, and each other."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import otgan
from otgan.critics.spectral_norm import SpectralNorm
from otgan.errors import CheckpointError, InvalidInputError, InvalidValueError, MissingDependencyError
from otgan.gan import SYSTEMS, get_data, get_system, train_gan
from otgan.gan.dual import WganGpSystem
from otgan.gan.processes import Processes, find_fabric
from otgan.training import read_log

pytest.importorskip("lightning_fabric")
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision

SCRIPT = Path(__file__).with_name("two_processes.py")
SMALL = {"hidden": (8, 8), "steps": 5, "batch_size": 16, "every": 1, "n_samples": 20, "threads": 1}
FILES = ("checkpoint.safetensors", "log.jsonl", "settings.json")


@pytest.fixture
def points():
    return np.random.default_rng(0).normal([3.0, -2.0], [2.0, 0.5], size=(60, 2))


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The folder of all runs of the script, and what each of its two processes saw."""
    folder = tmp_path_factory.mktemp("runs")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", str(SCRIPT), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, env=environment)
    assert done.returncode == 0, done.stderr
    return folder, [torch.load(folder / f"process-{rank}.pt", weights_only=False) for rank in (0, 1)]


# Two processes


def test_two_processes_descend_the_mean_of_their_gradients(both):
    """WGAN-GP, two steps of the critic for one of the generator, written down anew for the batches that were drawn."""
    _, seen = both
    networks = {
        "generator": nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2)),
        "critic": nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)),
    }
    for name, network in networks.items():
        assert all(torch.equal(seen[0]["begin"][key], seen[1]["begin"][key]) for key in seen[0]["begin"])
        network.load_state_dict(
            {key.removeprefix(f"{name}."): t for key, t in seen[0]["begin"].items() if key.startswith(name)}
        )
    generator, critic = networks["generator"], networks["critic"]
    rates = {"generator": 3e-3, "critic": 4e-3}
    optimizers = {name: torch.optim.Adam(networks[name].parameters(), rate, (0.5, 0.9)) for name, rate in rates.items()}

    def descend(name, losses, k):
        optimizer = optimizers[name]
        optimizer.param_groups[0]["lr"] = rates[name] * (1 - (k - 1) / 2)
        weights = list(networks[name].parameters())
        both_gradients = [torch.autograd.grad(loss, weights) for loss in losses]
        for weight, *gradients in zip(weights, *both_gradients, strict=True):
            weight.grad = sum(gradients) / len(gradients)
        optimizer.step()

    def noise(rng):
        return torch.randn(16, 2, generator=rng)

    def critic_loss(x, rng):
        y = generator(noise(rng)).detach()
        t = torch.rand(16, 1, generator=rng)
        between = (x + t * (y - x)).requires_grad_()
        (slopes,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        return critic(y).mean() - critic(x).mean() + 0.1 * (slopes.norm(dim=1) - 1).square().mean()

    batches = [torch.stack([torch.stack(of_step) for of_step in one["batches"]]) for one in seen]
    assert not torch.equal(*batches)
    for k in (1, 2):
        rngs = [torch.Generator() for _ in seen]
        for rng, one in zip(rngs, seen, strict=True):
            rng.set_state(one["states"][k - 1])
        for j in range(2):
            losses = [critic_loss(drawn[k - 1, j], rng) for drawn, rng in zip(batches, rngs, strict=True)]
            descend("critic", losses, k)
        descend("generator", [-critic(generator(noise(rng))).mean() for rng in rngs], k)
    for name, network in networks.items():
        for key, weight in network.state_dict().items():
            if (name, key) == ("critic", "2.bias"):  # a shift changes nothing, so that it moves as rounding has it
                continue
            for one in seen:
                assert torch.allclose(one["end"][f"{name}.{key}"], weight, rtol=0, atol=2e-6)
            assert (weight - seen[0]["begin"][f"{name}.{key}"]).abs().max() > 1e-3


def test_weights_and_statistics_are_the_same_in_both(both):
    """Whatever the system; also where networks of one's own began otherwise in each."""
    _, (first, second) = both
    names = [key for key in first if key[0] == "learnt"] + ["whole"]
    assert len(names) == 10
    for name in names:
        assert first[name].keys() == second[name].keys()
        assert all(torch.equal(tensor, second[name][key]) for key, tensor in first[name].items()), name
    assert "generator.1.running_var" in first["learnt", "own"]


def test_a_run_of_two_processes_that_was_interrupted_ends_with_the_same_bits(both):
    """By a callback of process 0, and by Ctrl-C in process 1."""
    folder, seen = both
    for whole, cut in (("whole", "cut"), ("unpressed", "pressed")):
        assert {path.name for path in (folder / cut).iterdir()} == set(FILES)
        for name in FILES:
            assert (folder / cut / name).read_bytes() == (folder / whole / name).read_bytes()
        assert [row["step"] for row in read_log(folder / cut)] == list(range(1, 10 if cut == "cut" else 9))
    for one in seen:
        for name in ("resumed", "resumed again"):
            assert all(torch.equal(tensor, one[name][key]) for key, tensor in one["whole"].items())
    assert [one["calls"] for one in seen] == [[1, 2, 3, 4, 5, 6], []]  # callbacks are called by process 0 alone


@pytest.mark.parametrize(
    ("end", "kinds", "words"),
    [
        ("cut", ("TrainingInterrupted", "TrainingInterrupted"), "in the middle of step 6; the checkpoint of step 5"),
        ("pressed", ("TrainingInterrupted", "TrainingInterrupted"), "after step 2; the checkpoint of step 2 is"),
        ("pressed without a folder", ("KeyboardInterrupt", "KeyboardInterrupt"), ""),
        ("finished", ("", ""), ""),
        ("stopped", ("KeyError", "ProcessError"), "stop"),
        ("broken", ("ProcessError", "LookupError"), "no such point"),
        ("diverged", ("TrainingDivergedError", "TrainingDivergedError"), "own must stay finite during training"),
        ("other data", ("InvalidValueError", "InvalidValueError"), "identity must be the same in all 2 processes"),
        ("no data", ("FileFormatError", "FileFormatError"), "nowhere.csv"),
        ("no number", ("ProcessError", "ValueError"), "could not convert string to float: 'far'"),
        ("no step", ("InvalidValueError", "InvalidValueError"), "steps must be at least 1"),
        ("unfit", ("InvalidShapeError", "InvalidShapeError"), "generator must map noise (n, 2) to points"),
        ("other steps", ("InvalidValueError", "InvalidValueError"), "steps must be the same in all 2 processes"),
    ],
)
def test_the_end_of_one_process_is_the_end_of_both(both, end, kinds, words):
    _, seen = both
    assert tuple(one[end][0] for one in seen) == kinds
    assert all(words in one[end][1] for one in seen)


def test_a_run_goes_on_with_as_many_processes_only(both, points):
    folder, _ = both
    torch.manual_seed(7)
    like = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.ReLU(), nn.Linear(8, 2))
    system = get_system("wgan-gp", path_length=1.0)
    with pytest.raises(CheckpointError, match="got world_size: 2 there, nothing now;"):
        train_gan(points, system, generator=like, folder=folder / "cut", resume=True, **{**SMALL, "steps": 9})


# One process


@pytest.fixture
def fabric():
    return partial(Fabric, accelerator="cpu", devices=1)


@pytest.mark.parametrize("method", ["wgan-gp", "ot-cfm"])
def test_one_process_in_full_precision_is_as_without_fabric(points, tmp_path, fabric, method):
    train_gan(points, method, folder=tmp_path / "without", **SMALL)
    train_gan(points, method, folder=tmp_path / "with", fabric=fabric(), **SMALL)
    for name in FILES:
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()


class Looks(nn.Linear):
    """Notes in which precision it computes, while it is trained."""

    def forward(self, x):
        y = super().forward(x)
        if self.training:
            self.dtypes.add(y.dtype)
        return y


def looking(*sizes):
    layer = Looks(*sizes)
    layer.dtypes = set()
    return layer


@pytest.mark.parametrize(("precision", "dtype"), [("32-true", torch.float32), ("bf16-mixed", torch.bfloat16)])
def test_networks_compute_in_the_precision_and_losses_do_not(points, fabric, precision, dtype):
    torch.manual_seed(0)
    generator = nn.Sequential(looking(2, 8), nn.Tanh(), looking(8, 2))
    critic = nn.Sequential(looking(2, 8), nn.Tanh(), looking(8, 1))
    seen = set()

    class Watched(WganGpSystem):
        def generator_loss(self, at_fake):
            seen.add(at_fake.dtype)
            return super().generator_loss(at_fake)

    train_gan(
        points, Watched(path_length=1.0), generator=generator, critic=critic,
        fabric=fabric(precision=precision), **SMALL,
    )  # fmt: skip
    layers = [*generator[::2], *critic[::2]]
    # `check_critic` asks a copy in float32, which notes in the same set.
    assert all(dtype in layer.dtypes for layer in layers)
    assert generator[0].dtypes == {dtype}
    assert seen == {torch.float32}
    assert {weight.dtype for layer in layers for weight in layer.parameters()} == {torch.float32}


@pytest.mark.parametrize("method", SYSTEMS)
def test_every_system_trains_in_bfloat16(points, fabric, method):
    rows = []
    learnt = train_gan(
        points, method, fabric=fabric(precision="bf16-mixed"), callbacks=[lambda k, numbers: rows.append(numbers)],
        **{**SMALL, "steps": 3},
    )  # fmt: skip
    assert np.isfinite([list(row.values()) for row in rows]).all()
    for network in learnt.networks.values():
        assert all(t.dtype == torch.float32 and t.isfinite().all() for t in network.parameters())


@pytest.mark.parametrize(("method", "steps"), [("wgan-gp", 100), ("sinkhorn", 40), ("flow-matching", 100)])
def test_bfloat16_learns_what_float32_learns(fabric, method, steps):
    """To a tenth of W1, where it was three thousandths when this was written."""
    real = get_data("8gaussians").held_out.sample(400, np.random.default_rng(1))

    def w1(precision, steps):
        learnt = train_gan(
            "8gaussians", method, steps=steps, batch_size=32, hidden=(32, 32), ema=0.9, monitor=False, threads=1,
            fabric=fabric(precision=precision),
        )  # fmt: skip
        return otgan.wasserstein(real, learnt.sample(400, np.random.default_rng(2))).distance

    begun, full, mixed = w1("32-true", 1), w1("32-true", steps), w1("bf16-mixed", steps)
    assert full < 0.8 * begun
    assert 0 < abs(mixed - full) < 0.1 * full


def test_weights_are_divided_by_norms_in_float32(fabric):
    """A power iteration finds no more than the norm, so that of the quotient is at least 1, but for rounding."""
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
    SpectralNorm().constrain(critic)
    norms = []
    critic[0].register_forward_hook(
        lambda layer, inputs, output: norms.append(
            (output.dtype, float(torch.linalg.matrix_norm(layer.weight.detach(), 2)))
        )
    )
    call = Processes(fabric(precision="bf16-mixed")).descent.forward(critic)
    for _ in range(20):
        assert call(torch.ones(3, 2)).dtype == torch.float32
        with torch.no_grad():
            critic[0].parametrizations.weight.original.add_(0.01 * torch.randn(16, 2))
    assert {dtype for dtype, _ in norms} == {torch.bfloat16}
    assert min(norm for _, norm in norms) > 1 - 1e-5


@pytest.mark.parametrize("precision", ["16-mixed", "16-true", "bf16-true", "64-true"])
def test_other_precisions_are_refused(points, fabric, precision):
    made = fabric()
    if precision == "16-mixed":  # which Lightning replaces on a CPU
        made.strategy.precision = MixedPrecision("bf16-mixed", "cpu")
        made.strategy.precision.precision = precision
        why = "float16 needs scaled losses, through which a penalty on gradients does not go"
    else:
        made, why = fabric(precision=precision), "weights are of float32 here"
    with pytest.raises(InvalidValueError, match=f"precision must be 32-true or bf16-mixed, got .*{why}"):
        train_gan(points, fabric=made, **SMALL)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"fabric": "cuda"}, "fabric must be a Fabric, got 'cuda'"),
        ({"fabric": Fabric}, "fabric must be a Fabric, got <class"),
        ({"fabric": Fabric(accelerator="cpu", devices=1), "device": "cpu"}, "device must be left out beside fabric"),
        ({"fabric": Fabric(accelerator="cpu", devices=2)}, "fabric must be launched"),
    ],
)
def test_mistakes_are_named(points, wrong, message):
    with pytest.raises(InvalidInputError, match=message):
        train_gan(points, **SMALL, **wrong)


def test_a_run_goes_on_in_its_own_precision_only(points, tmp_path, fabric):
    train_gan(points, folder=tmp_path / "run", fabric=fabric(precision="bf16-mixed"), **SMALL)
    with pytest.raises(CheckpointError, match='precision: "bf16-mixed" there, nothing now'):
        train_gan(points, folder=tmp_path / "run", resume=True, **SMALL)


def test_without_lightning_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'otgan\[fabric\]'"):
        find_fabric()
