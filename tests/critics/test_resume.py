import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from otgan.critics import METHODS, train
from otgan.critics.wgan_gp import WganGp
from otgan.errors import CheckpointError
from otgan.measures import DiscreteMeasure, Gaussian

SOURCE, TARGET = Gaussian([3.0, 4.0], np.eye(2)), Gaussian([0.0, 0.0], np.eye(2))
OPTIONS = {"hidden": (8, 8), "steps": 9, "batch_size": 16, "seed": 3, "threads": 1}


class StoppedError(Exception):
    pass


def stop(step, metrics):
    if step == 5:
        raise StoppedError


@pytest.mark.parametrize("method", METHODS)
def test_a_training_that_died_goes_on_to_the_same_bits(method, tmp_path):
    whole = train(SOURCE, TARGET, method, **OPTIONS)
    with pytest.raises(StoppedError):
        train(SOURCE, TARGET, method, folder=tmp_path, checkpoint_seconds=1e-9, callbacks=[stop], **OPTIONS)
    resumed = train(SOURCE, TARGET, method, folder=tmp_path, resume=True, **OPTIONS)
    state = resumed.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in whole.state_dict().items())


def convolutions():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Unflatten(1, (1, 6)), nn.Conv1d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(24, 1)
        ).eval()


def test_convolutions_go_on_to_the_same_bits_too(tmp_path):
    laws = Gaussian(np.ones(6), np.eye(6)), Gaussian(np.zeros(6), np.eye(6))
    whole = train(*laws, "spectral-norm", critic=convolutions(), **OPTIONS)
    folder = {"folder": tmp_path, "checkpoint_seconds": 1e-9}
    with pytest.raises(StoppedError):
        train(*laws, "spectral-norm", critic=convolutions(), callbacks=[stop], **folder, **OPTIONS)
    before = torch.random.get_rng_state()
    resumed = train(*laws, "spectral-norm", critic=convolutions(), resume=True, **folder, **OPTIONS)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


KILLED = """
import os, signal, sys
import numpy as np
from otgan.critics import train
from otgan.measures import Gaussian

replace, calls = os.replace, []
def killed(*names):
    calls.append(names)
    if len(calls) == 6:  # within the write of a checkpoint, before it gets its name
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*names)
os.replace = killed
source, target = Gaussian([3.0, 4.0], np.eye(2)), Gaussian([0.0, 0.0], np.eye(2))
train(
    source, target, hidden=(8, 8), steps=9, batch_size=16, seed=3, threads=1, folder=sys.argv[1],
    checkpoint_seconds=1e-9,
)
"""


def test_a_kill_inside_the_write_of_a_checkpoint_loses_nothing(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    resumed = train(SOURCE, TARGET, folder=tmp_path, resume=True, **OPTIONS)
    whole = train(SOURCE, TARGET, **OPTIONS)
    assert all(torch.equal(a, b) for a, b in zip(resumed.parameters(), whole.parameters(), strict=True))


def test_another_method_or_seed_is_refused(tmp_path):
    train(SOURCE, TARGET, folder=tmp_path, **OPTIONS)
    with pytest.raises(CheckpointError, match="seed: 3 there, 4 now"):
        train(SOURCE, TARGET, folder=tmp_path, resume=True, **OPTIONS | {"seed": 4})
    with pytest.raises(CheckpointError, match=r"method: .*WganGp.* there, .*WganLp.* now"):
        train(SOURCE, TARGET, "wgan-lp", folder=tmp_path, resume=True, **OPTIONS)


def test_what_stops_a_training_is_among_its_settings(tmp_path):
    train(SOURCE, TARGET, folder=tmp_path, stop_below=1e9, **OPTIONS)
    with pytest.raises(CheckpointError, match=r"stop_below: 1000000000\.0 there, null now"):
        train(SOURCE, TARGET, folder=tmp_path, resume=True, monitor=True, **OPTIONS)
    with pytest.raises(CheckpointError, match="monitor: true there, false now"):
        train(SOURCE, TARGET, folder=tmp_path, resume=True, **OPTIONS)


def test_numbers_of_numpy_are_those_of_python(tmp_path):
    numbers = {"seed": np.int64(3), "batch_size": np.int32(16), "hidden": (np.int64(8), 8), "learning_rate": 1}
    numpy = {"learning_rate": np.float64(1), "stop_below": np.float32(0.5)}
    train(SOURCE, TARGET, WganGp(lipschitz=np.float64(2)), folder=tmp_path, **OPTIONS | numbers | numpy)
    train(SOURCE, TARGET, WganGp(lipschitz=2), folder=tmp_path, resume=True, **OPTIONS, learning_rate=1, stop_below=0.5)
    assert repr(WganGp(lipschitz=2, penalty_weight=np.float32(3))) == "WganGp(lipschitz=2.0, penalty_weight=3.0)"


def test_a_narrow_bracket_stops_the_training():
    critic_steps = []
    train(SOURCE, TARGET, **OPTIONS | {"steps": 400, "hidden": (32,)}, stop_below=0.2,
          callbacks=[lambda k, _: critic_steps.append(k)])  # fmt: skip
    assert critic_steps[-1] < 400


def test_the_monitor_is_seen_by_callbacks_and_changes_nothing():
    seen = {}
    watched = train(SOURCE, TARGET, monitor=True, callbacks=[seen.__setitem__], **OPTIONS)
    assert seen[9]["w1_lower"] <= seen[9]["w1"] <= seen[9]["w1_upper"]
    alone = train(SOURCE, TARGET, **OPTIONS)
    assert all(torch.equal(a, b) for a, b in zip(watched.parameters(), alone.parameters(), strict=True))


def test_other_data_of_the_same_size_is_refused(tmp_path):
    points = np.random.default_rng(0).standard_normal((50, 2))
    train(points, TARGET, folder=tmp_path / "points", **OPTIONS)
    other = points.copy()
    other[7, 1] += 1e-9  # less than float32 sees: neither the batches of training nor their units change by it
    with pytest.raises(CheckpointError, match=r'must be those of the run .*data: "\w{64}" there, "\w{64}" now'):
        train(other, TARGET, folder=tmp_path / "points", resume="auto", **OPTIONS)
    with pytest.raises(CheckpointError, match="data"):
        train(
            DiscreteMeasure(points, np.arange(1.0, 51) / 1275),
            TARGET,
            folder=tmp_path / "points",
            resume="auto",
            **OPTIONS,
        )
    train(SOURCE, TARGET, folder=tmp_path / "laws", **OPTIONS)
    with pytest.raises(CheckpointError, match="data"):
        train(Gaussian([3.0, 4.0], 2 * np.eye(2)), TARGET, folder=tmp_path / "laws", resume="auto", **OPTIONS)
    train(SOURCE, TARGET, folder=tmp_path / "laws", resume="auto", **OPTIONS)


def own_critic(activation, value):
    critic = nn.Sequential(nn.Linear(2, 4), activation(), nn.Linear(4, 1))
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.copy_(torch.linspace(-value, value, parameter.numel()).reshape(parameter.shape))
    return critic


@pytest.mark.parametrize("other", [(nn.Tanh, 1.0), (nn.ReLU, 0.5)])
def test_another_critic_of_ones_own_is_refused(other, tmp_path):
    train(SOURCE, TARGET, critic=own_critic(nn.ReLU, 1.0), folder=tmp_path, **OPTIONS)
    train(SOURCE, TARGET, critic=own_critic(nn.ReLU, 1.0), folder=tmp_path, resume=True, **OPTIONS)
    with pytest.raises(CheckpointError, match="critic: "):
        train(SOURCE, TARGET, critic=own_critic(*other), folder=tmp_path, resume=True, **OPTIONS)
