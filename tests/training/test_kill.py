"""A run that is killed, at any moment, and resumed ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from otgan.training import load_checkpoint, read_log

SCRIPT = Path(__file__).with_name("a_run.py")
STEPS = 60

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the runs are forks")


OPTIMIZERS = ["adam", "fused-adam", "rmsprop", "sgd"]
RNG = random.Random(0)
#: fsync is called for the settings, and in each checkpoint for the log, the file and the folder; the first is written
#: before step 1. So these die in the settings, in the first checkpoint before and after it has its name, and later.
WAYS = {
    "in a step": [f"kill={k}" for k in sorted(RNG.sample(range(1, STEPS + 1), 3))],
    "in a write": ["kill-write=1", "kill-write=3", "kill-write=3", "kill-write=5", f"kill-write={RNG.randint(7, 9)}"],
    "before it has its name": ["kill-replace=1", "kill-replace=2", "kill-replace=3"],
}
#: Spread over what a run takes on a slow machine; on a quick one the last of them come too late, which is no harm.
MOMENTS = [f"kill-after={RNG.uniform(0.0, 0.3):.3f}" for _ in range(12)]


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """All runs, made by one process, which loads PyTorch once: their folders, and the signals that ended them."""
    root = tmp_path_factory.mktemp("runs")
    rows = []
    for optimizer in OPTIMIZERS:
        rows.append([f"{root}/{optimizer}", optimizer])
        for way, kills in WAYS.items():
            folder = f"{root}/{optimizer} {way}"
            rows += [[folder, optimizer, "resume", kill] for kill in kills] + [[folder, optimizer, "resume"]]
    rows += [[f"{root}/moments", "adam", "resume", kill] for kill in MOMENTS] + [[f"{root}/moments", "adam", "resume"]]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), json.dumps(rows)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, env=environment)
    assert done.returncode == 0, done.stderr
    signals: dict[str, list[int]] = {}
    for (folder, *_), sign in zip(rows, json.loads(done.stdout), strict=True):
        signals.setdefault(Path(folder).name, []).append(sign)
    return root, signals


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_killed_run_ends_with_the_same_bits(optimizer, way, ended):
    """Weights, moments, generators and numbers: the checkpoint files are compared byte by byte, and so are the logs."""
    root, signals = ended
    assert signals[optimizer] == [0]
    assert signals[f"{optimizer} {way}"] == [signal.SIGKILL] * len(WAYS[way]) + [0]
    same_end(root / f"{optimizer} {way}", root / optimizer)


def test_a_run_that_is_killed_at_any_moment_ends_with_the_same_bits(ended):
    root, signals = ended
    assert signal.SIGKILL in signals["moments"]
    same_end(root / "moments", root / "adam")


def test_the_runs_changed_what_they_trained(ended):
    """Or the comparisons above would say nothing."""
    states = [load_checkpoint(ended[0] / name / "checkpoint.safetensors") for name in ("adam", "sgd")]
    weights = [state.tensors["modules/critic/0.weight"] for state in states]
    assert not torch.equal(*weights)
    rates = json.dumps(states[0].content["optimizers"])
    assert '["lr", 0.0001]' in rates


def same_end(folder, whole):
    assert (folder / "checkpoint.safetensors").read_bytes() == (whole / "checkpoint.safetensors").read_bytes()
    assert load_checkpoint(folder / "checkpoint.safetensors").content["run"]["step"] == STEPS
    assert (folder / "log.jsonl").read_bytes() == (whole / "log.jsonl").read_bytes()
    assert [record["step"] for record in read_log(folder)] == list(range(1, STEPS + 1))
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint.safetensors", "log.jsonl", "settings.json"]
