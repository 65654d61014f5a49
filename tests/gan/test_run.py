"""Trainings opened from their folders: what was learnt comes back, and nothing else gets in."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from otgan.errors import CheckpointError, FileFormatError, InvalidInputError, InvalidValueError, OtganError
from otgan.gan import SYSTEMS, Generated, open_run, train_gan

SMALL = {"hidden": (4,), "steps": 6, "batch_size": 8, "n_samples": 20, "every": 1, "threads": 1}
train = partial(train_gan, "8gaussians", **SMALL)


def drawn(measure, n=50):
    return measure.sample(n, np.random.default_rng(5))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "mine"
    return folder, train(seed=3, folder=folder)


@pytest.fixture
def copied(finished, tmp_path):
    return Path(shutil.copytree(finished[0], tmp_path / "copy"))


def test_what_was_learnt_comes_back_bit_for_bit(finished):
    folder, learnt = finished
    before = sorted((path.name, path.read_bytes()) for path in folder.iterdir())
    run = open_run(folder)
    assert isinstance(run.learnt, Generated)
    assert np.array_equal(drawn(run.learnt), drawn(learnt))
    assert (run.folder, run.step, run.n_steps, run.settings["seed"]) == (folder, 6, 6, 3)
    assert [row["step"] for row in run.log] == [1, 2, 3, 4, 5, 6]
    steps, w1 = run.series("w1")
    assert steps == [1, 2, 3, 4, 5, 6]
    assert min(w1) > 0
    assert run.series("absent") == ([], [])
    assert sorted((path.name, path.read_bytes()) for path in folder.iterdir()) == before


@pytest.mark.parametrize("method", SYSTEMS)
def test_every_system_comes_back(tmp_path, method):
    options = {**SMALL, "steps": 2, "monitor": False}
    learnt = train_gan("moons", method, **options, folder=tmp_path / "run")
    assert np.array_equal(drawn(open_run(tmp_path / "run").learnt, 9), drawn(learnt, 9))


def test_an_unfinished_run_is_opened_at_its_checkpoint(tmp_path):
    def stop(step, numbers):
        if step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(folder=tmp_path / "run", callbacks=[stop], checkpoint_seconds=1e-9)
    with (tmp_path / "run" / "log.jsonl").open("a") as log:
        log.write('{"step": 5, "own": 1.0}\n')  # as if killed between a line of the log and the checkpoint after it
    run = open_run(tmp_path / "run")
    assert (run.step, run.n_steps, run.log[-1]["step"]) == (3, 6, 3)
    known = train_gan("8gaussians", **SMALL, folder=tmp_path / "run", resume=True)
    assert np.array_equal(drawn(open_run(tmp_path / "run").learnt), drawn(known))


def test_a_generator_of_ones_own_is_needed_and_kept_as_it_was(tmp_path, finished):
    def new(width=3):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 2))

    learnt = train(generator=new(), folder=tmp_path)
    mine = new()
    run = open_run(tmp_path, generator=mine)
    assert np.array_equal(drawn(run.learnt), drawn(learnt))
    assert all(torch.equal(a, b) for a, b in zip(mine.parameters(), new().parameters(), strict=True))
    with pytest.raises(InvalidValueError, match="generator must be given, since the run trained one of its user's own"):
        open_run(tmp_path)
    with pytest.raises(CheckpointError, match="pass its own generator"):
        open_run(tmp_path, generator=new(width=4))
    with pytest.raises(InvalidInputError, match=r"generator must be a torch\.nn\.Module, got str"):
        open_run(tmp_path, generator="mine")
    with pytest.raises(InvalidValueError, match="generator must be left out"):
        open_run(finished[0], generator=new())


def changed(**values):
    def change(settings):
        for path, value in values.items():
            *outer, last = path.split("__")
            inner = settings
            for name in outer:
                inner = inner[name]
            inner[last] = value

    return change


def without(name):
    return lambda settings: settings.pop(name)


HOSTILE = {
    "another method": (changed(method="evil"), "method must be one of"),
    "a method that is no name": (changed(method=["wgan-gp"]), "method is no str"),
    "an unknown option": (changed(options__evil=1), "hyper-parameters of wgan-gp"),
    "an option that is a class variable": (changed(options__name="x"), "hyper-parameters of wgan-gp"),
    "an option called system": (changed(options__system="gan"), "system"),
    "an option of another kind": (changed(options__n_critic="five"), "n_critic"),
    "options in a list": (changed(options=[1]), "options is no dict"),
    "no task": (without("task"), "task"),
    "no number of steps": (without("n_steps"), "n_steps"),
    "a task with more": (changed(task__evil=1), "task"),
    "a task of another net": (changed(task__net="evil"), "task"),
    "no dimension": (changed(task__shape=[]), "shape"),
    "a negative width": (changed(task__hidden=[-4]), "hidden must be at least 1"),
    "a width that no memory holds": (changed(task__hidden=[10**15]), "weights, where the checkpoint holds"),
    "widths whose product no memory holds": (changed(task__hidden=[10**5, 10**5]), "weights, where the checkpoint"),
    "noise that no memory holds": (changed(task__noise_dim=10**12), "weights, where the checkpoint holds"),
    "more layers than time": (changed(task__hidden=[1] * 10**5), "100000 hidden layers"),
    "a flow of more steps than time": (
        changed(method="flow-matching", options={"sampling_steps": 10**9}), "sampling_steps must be between 1 and"
    ),
    "noise of more levels than memory": (changed(method="ddpm", options={"noise_steps": 10**9}), "noise_steps must be"),
    "more stops than time": (changed(method="ddpm", options={"sampling_steps": 10**9}), "sampling_steps must be"),
    "a centre of another size": (changed(centre=[0.0]), "centre"),
    "a centre that is no number": (changed(centre=[0.0, float("nan")]), "centre must be finite"),
    "a centre in words": (changed(centre=["a", "b"]), "centre"),
    "no scale": (changed(scale=0.0), "scale must be in"),
    "a negative seed": (changed(seed=-1), "seed must be at least 0"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_settings_are_one_line(copied, change, message):
    path = copied / "settings.json"
    settings = json.loads(path.read_text())
    change(settings)
    path.write_text(json.dumps(settings))
    with pytest.raises(FileFormatError, match=r"settings\.json must describe a training, got .*; restore it") as caught:
        open_run(copied)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_of_data_are_printable(copied):
    path = copied / "settings.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"data": "a\x1b[2J\nb"}))
    assert open_run(copied).settings["data"] == "a·[2J·b"


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"data": 1}', pickle.dumps({"data": "x"})]
)
def test_settings_that_are_none(copied, content):
    (copied / "settings.json").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"settings\.json must describe a training"):
        open_run(copied)


def test_other_networks_than_those_of_the_settings(copied):
    path = copied / "settings.json"
    settings = json.loads(path.read_text())
    settings["task"]["hidden"] = [5]
    path.write_text(json.dumps(settings))
    with pytest.raises(CheckpointError, match=r"modules/average_generator/0\.bias must be float32 of shape"):
        open_run(copied)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize("kind", ["cut", "turned", "empty", "pickled", "missing"])
def test_a_damaged_checkpoint(copied, kind, monkeypatch):
    monkeypatch.chdir(copied)
    path = copied / "checkpoint.safetensors"
    whole = path.read_bytes()
    turned = bytearray(whole)
    turned[-1] ^= 1
    if kind == "missing":
        path.unlink()
    elif kind == "pickled":
        torch.save({"bomb": Bomb()}, path)
    else:
        path.write_bytes({"cut": whole[:-9], "turned": bytes(turned), "empty": b""}[kind])
    with pytest.raises(FileFormatError, match=r"checkpoint\.safetensors"):
        open_run(copied)
    assert not (copied / "exploded").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"step": 2, "own": "high"}', "its log must hold numbers, got 'high' as own"),
        ('{"step": 2, "own": [1]}', "its log must hold numbers"),
        ('{"step": 2, "own": true}', "its log must hold numbers"),
        ('{"step": 2, "own": 1e308}', "its log must hold numbers, got 1e+308 as own"),
        ('{"step": 2, "own": 1' + 400 * "0" + "}", "its log must hold numbers, got 1000"),
        ('{"step": 2, "own": NaN}', "its log must hold numbers, got nan"),
    ],
)
def test_a_hostile_log(copied, line, message):
    (copied / "log.jsonl").write_text(f'{{"step": 1, "own": 1.0}}\n{line}\n')
    with pytest.raises(FileFormatError, match=re.escape(message)):
        open_run(copied)


def test_folders_that_hold_no_run(tmp_path, copied):
    for folder in (tmp_path / "absent", tmp_path):
        with pytest.raises(FileFormatError, match=r"must be the folder of a training, got no settings\.json there"):
            open_run(folder)
    (copied / "log.jsonl").unlink()
    with pytest.raises(OtganError, match=r"log\.jsonl"):
        open_run(copied)
