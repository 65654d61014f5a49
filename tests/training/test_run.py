"""A run with a folder: what it keeps, how it is resumed, and how it ends."""

from __future__ import annotations

import json
import math
import pickle
import signal
import sys
import types

import numpy as np
import pytest
import torch
from torch import nn

from otgan.errors import (
    CheckpointError,
    FileFormatError,
    InvalidTypeError,
    InvalidValueError,
    MissingDependencyError,
    OtganError,
    ReproducibilityWarning,
    TrainingDivergedError,
    TrainingInterrupted,
)
from otgan.training import JsonLog, Parts, RunSummary, load_checkpoint, read_log, run


class Counter:
    """A step that adds its number to a weight: after step k, the weight is k (k + 1) / 2."""

    def __init__(self, at=None):
        self.module = nn.Linear(1, 1, bias=False)
        with torch.no_grad():
            self.module.weight.zero_()
        self.parts = Parts({"net": self.module})
        self.ran, self.at = [], at or {}

    def __call__(self, k):
        self.ran.append(k)
        if k in self.at:
            self.at[k]()
        with torch.no_grad():
            self.module.weight += k
        return {"weight": self.module.weight.item()}

    @property
    def weight(self):
        return self.module.weight.item()


def interrupt():
    signal.raise_signal(signal.SIGINT)


def interrupt_twice():
    interrupt()
    interrupt()


def step_of(folder):
    return load_checkpoint(folder / "checkpoint.safetensors").content["run"]["step"]


def test_a_run_keeps_what_was_asked_and_what_was_measured(tmp_path):
    step = Counter()
    summary = run(step, 10, parts=step.parts, folder=tmp_path / "a" / "run", settings={"rate": 0.1}, every=4)
    assert summary == RunSummary(10, 10, "", None, {"weight": 55.0}, tmp_path / "a" / "run")
    assert json.loads((tmp_path / "a" / "run" / "settings.json").read_text()) == {"rate": 0.1, "n_steps": 10}
    assert read_log(tmp_path / "a" / "run") == [{"step": k, "weight": k * (k + 1) / 2} for k in (1, 4, 8, 10)]
    assert step_of(tmp_path / "a" / "run") == 10


def test_ctrl_c_ends_the_step_saves_and_says_how_to_resume(tmp_path):
    step = Counter({4: interrupt})
    usual = signal.getsignal(signal.SIGINT)
    with pytest.raises(TrainingInterrupted, match=r"after step 4; the checkpoint of step 4 .* resume=True") as caught:
        run(step, 6, parts=step.parts, folder=tmp_path)
    assert signal.getsignal(signal.SIGINT) is usual
    assert isinstance(caught.value, KeyboardInterrupt)
    assert not isinstance(caught.value, OtganError)
    assert caught.value.partial.step == 4
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert step.ran == [1, 2, 3, 4]

    other = Counter()
    summary = run(other, 6, parts=other.parts, folder=tmp_path, resume=True)
    assert summary.resumed_from == 4
    assert other.ran == [5, 6]
    assert other.weight == 21.0
    assert [record["step"] for record in read_log(tmp_path)] == [1, 2, 3, 4, 5, 6]


def test_a_second_ctrl_c_does_not_wait_and_leaves_the_checkpoint_before(tmp_path):
    step = Counter({5: interrupt_twice})
    with pytest.raises(TrainingInterrupted, match="in the middle of step 5; the checkpoint of step 4"):
        run(step, 6, parts=step.parts, folder=tmp_path, checkpoint_every=2)
    other = Counter()
    run(other, 6, parts=other.parts, folder=tmp_path, checkpoint_every=2, resume=True)
    assert other.ran == [5, 6]
    assert other.weight == 21.0


def test_ctrl_c_in_the_last_step_is_heard_and_nothing_is_left_to_do(tmp_path):
    step = Counter({3: interrupt})
    with pytest.raises(TrainingInterrupted, match="after step 3"):
        run(step, 3, parts=step.parts, folder=tmp_path)
    other = Counter()
    assert run(other, 3, parts=other.parts, folder=tmp_path, resume=True).step == 3
    assert other.ran == []
    assert other.weight == 6.0


def test_an_error_of_the_step_passes_and_leaves_the_checkpoint_before(tmp_path):
    def fail():
        raise ZeroDivisionError

    step = Counter({5: fail})
    with pytest.raises(ZeroDivisionError):
        run(step, 6, parts=step.parts, folder=tmp_path, checkpoint_every=3)
    assert step_of(tmp_path) == 3
    other = Counter()
    run(other, 6, parts=other.parts, folder=tmp_path, checkpoint_every=3, resume=True)
    assert other.weight == 21.0
    assert [record["step"] for record in read_log(tmp_path)] == [1, 2, 3, 4, 5, 6]


def test_divergence_keeps_the_last_good_checkpoint_and_says_where(tmp_path):
    step = Counter()

    def diverge():
        with torch.no_grad():
            step.module.weight.fill_(math.nan)

    step.at = {5: diverge}
    message = rf"weight must stay finite .*, got nan at step 5 of 9; .* of step 4, is {tmp_path}/checkpoint"
    with pytest.raises(TrainingDivergedError, match=message):
        run(step, 9, parts=step.parts, folder=tmp_path, checkpoint_every=2)
    assert step_of(tmp_path) == 4


def test_weights_that_are_no_numbers_are_not_saved_even_if_nothing_measured_shows_it(tmp_path):
    step = Counter()

    def blind(k):
        step(k)
        if k == 5:
            with torch.no_grad():
                step.module.weight.fill_(math.inf)
        return {}

    with pytest.raises(TrainingDivergedError, match=r"net\.weight must stay finite .* at step 6 of 9"):
        run(blind, 9, parts=step.parts, folder=tmp_path, checkpoint_every=2)
    assert step_of(tmp_path) == 4


def test_other_settings_are_refused_with_what_differs(tmp_path):
    step = Counter()
    run(step, 2, parts=step.parts, folder=tmp_path, settings={"rate": 0.1, "widths": (3, 4), "old": 1})
    asked = {"rate": 0.2, "widths": [3, 4], "new": None}
    message = "rate: 0.1 there, 0.2 now; new: nothing there, null now; old: 1 there, nothing now; pass"
    with pytest.raises(CheckpointError, match=message):
        run(step, 2, parts=step.parts, folder=tmp_path, settings=asked, resume=True)
    with pytest.raises(CheckpointError, match="n_steps: 2 there, 3 now"):
        run(step, 3, parts=step.parts, folder=tmp_path, settings={"rate": 0.1, "widths": [3, 4], "old": 1}, resume=True)


def test_a_run_that_could_not_begin_is_not_in_the_way(tmp_path):
    step = Counter()
    with pytest.raises(InvalidTypeError, match="numbers/f must hold"):
        run(step, 2, parts=Parts({"net": step.module}, numbers={"f": run}), folder=tmp_path, settings={"old": 1})
    assert run(step, 2, parts=step.parts, folder=tmp_path, settings={"new": 1}).step == 2
    assert step.weight == 3.0


def test_a_run_is_neither_overwritten_nor_invented(tmp_path):
    step = Counter()
    with pytest.raises(FileFormatError, match="holds no run to resume"):
        run(step, 2, parts=step.parts, folder=tmp_path, resume=True)
    run(step, 2, parts=step.parts, folder=tmp_path, resume="auto")
    with pytest.raises(FileFormatError, match="holds a run already; pass resume=True"):
        run(step, 2, parts=step.parts, folder=tmp_path)
    (tmp_path / "settings.json").unlink()
    with pytest.raises(FileFormatError, match="a checkpoint without settings"):
        run(step, 2, parts=step.parts, folder=tmp_path, resume="auto")


@pytest.mark.parametrize("name", ["settings.json", "checkpoint.safetensors"])
def test_a_damaged_file_of_the_folder_is_refused(name, tmp_path):
    step = Counter()
    run(step, 2, parts=step.parts, folder=tmp_path)
    (tmp_path / name).write_bytes(b"\xff[")
    with pytest.raises(FileFormatError, match=name):
        run(step, 2, parts=step.parts, folder=tmp_path, resume=True)


def test_a_log_loses_what_is_torn_and_what_comes_after_the_checkpoint(tmp_path):
    path = tmp_path / "log.jsonl"
    whole = b"".join(b'{"step": %d, "loss": null}\n' % k for k in range(1, 6))
    path.write_bytes(whole + b'{"step": 6, "lo')
    assert [record["step"] for record in read_log(path)] == [1, 2, 3, 4, 5]
    JsonLog(path, after=9).close()
    assert path.read_bytes() == whole
    log = JsonLog(path, after=3)
    log.write(4, {"step": 99.0, "loss": math.nan})
    log.close()
    assert path.read_bytes() == whole[: whole.index(b'{"step": 5')]
    log = JsonLog(path, after=4)
    log.write(5, {"loss": np.float32(0.5)})
    log.close()
    assert read_log(path)[-1] == {"step": 5, "loss": 0.5}
    JsonLog(path).close()
    assert path.read_bytes() == b""


def test_checkpoints_come_by_time_too(tmp_path, monkeypatch):
    now = iter(range(0, 10**6, 10))  # ten seconds a look at the clock
    monkeypatch.setattr("time.monotonic", lambda: next(now))

    def fail():
        raise ZeroDivisionError

    step = Counter({6: fail})
    with pytest.raises(ZeroDivisionError):
        run(step, 9, parts=step.parts, folder=tmp_path, checkpoint_seconds=15.0)
    assert step_of(tmp_path) in (4, 5)


def test_another_number_of_threads_is_announced(tmp_path):
    before = torch.get_num_threads()
    step = Counter({2: interrupt})
    with pytest.raises(TrainingInterrupted):
        run(step, 3, parts=step.parts, folder=tmp_path, threads=2)
    assert torch.get_num_threads() == before
    with pytest.warns(ReproducibilityWarning, match="trained with threads 2 and goes on with 1"):
        run(step, 3, parts=step.parts, folder=tmp_path, threads=1, resume=True)
    assert torch.get_num_threads() == before


def test_what_a_callback_adds_is_seen_by_the_next_one_and_logged(tmp_path):
    class Third:
        every = 3
        finished = False

        def __call__(self, k, numbers):
            self.finished = k >= 6
            return {"third": k / 3, "unknown": None}

    seen = []
    step = Counter()
    callbacks = [Third(), lambda k, numbers: seen.append((k, dict(numbers)))]
    summary = run(step, 20, parts=step.parts, folder=tmp_path, callbacks=callbacks, every=6)
    assert seen == [
        (1, {"weight": 1.0}),
        (3, {"weight": 6.0, "third": 1.0, "unknown": None}),
        (6, {"weight": 21.0, "third": 2.0, "unknown": None}),
    ]
    assert [record["step"] for record in read_log(tmp_path)] == [1, 3, 6]
    assert read_log(tmp_path)[-1] == {"step": 6, "weight": 21.0, "third": 2.0, "unknown": None}
    assert (summary.step, summary.stopped) == (6, "Third has finished")
    again = run(step, 20, parts=step.parts, folder=tmp_path, callbacks=callbacks, every=6, resume=True)
    assert (again.step, again.stopped, again.resumed_from) == (6, "Third has finished", 6)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"folder": "x"}, InvalidTypeError, "parts must be given with a folder"),
        ({"resume": True}, InvalidValueError, "folder must be given to resume"),
        ({"resume": "always"}, InvalidValueError, "resume must be True, False or 'auto'"),
        ({"tensorboard": True}, InvalidValueError, "folder must be given"),
        ({"checkpoint_every": 0}, InvalidValueError, "checkpoint_every must be at least 1"),
        ({"checkpoint_seconds": 0.0}, InvalidValueError, "checkpoint_seconds must be in"),
        ({"threads": 0}, InvalidValueError, "threads must be between 1"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(options, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        run(lambda k: {}, 2, **options)
    assert not list(tmp_path.iterdir())


def test_settings_that_are_no_json_are_refused(tmp_path):
    with pytest.raises(InvalidTypeError, match="settings must be JSON"):
        run(Counter(), 2, parts=Counter().parts, folder=tmp_path, settings={"f": run})


def test_tensorboard_says_which_extra_it_needs(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'otgan\[tensorboard\]'"):
        run(Counter(), 2, parts=Counter().parts, folder=tmp_path, tensorboard=True)
    assert not list(tmp_path.iterdir())  # so that the same without it is not taken for a second run


def test_tensorboard_gets_every_number_once(tmp_path, monkeypatch):
    written = []

    class SummaryWriter:
        def __init__(self, folder, purge_step):
            written.append((folder, purge_step))

        def add_scalar(self, name, value, step):
            written.append((name, value, step))

        def close(self):
            written.append("closed")

    fake = types.ModuleType("torch.utils.tensorboard")
    fake.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    step = Counter({2: interrupt})
    with pytest.raises(TrainingInterrupted):
        run(step, 3, parts=step.parts, folder=tmp_path, tensorboard=True)
    run(step, 3, parts=step.parts, folder=tmp_path, tensorboard=True, resume=True)
    place = str(tmp_path / "tensorboard")
    first = [(place, None), ("weight", 1.0, 1), ("weight", 3.0, 2), "closed"]
    assert written == [*first, (place, 3), ("weight", 6.0, 3), "closed"]


def test_the_bar_is_shown_on_a_terminal_only(monkeypatch):
    import io

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    numbers = {"estimate": 0.5, "gradient_norm": 1.25, "w1_lower": 0.25, "w1_upper": 0.75}
    for screen, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", screen)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "160")
        run(lambda k: numbers, 3, progress=True, name="wgan")
        for text in ("training wgan", "3/3", "estimate 0.5000", "W1 in [0.2500, 0.7500]", "‖∇f‖ 1.250"):
            assert (text in screen.getvalue()) == shown
