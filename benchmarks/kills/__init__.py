"""Trainings that are killed, again and again, some inside the write of a checkpoint: is anything ever lost?

    python -m benchmarks kills [--method METHOD ...] [--data DATA] [--kills N] [--steps N] [--seed N] [--out FILE]

For each method one training runs undisturbed, and another one is killed by SIGKILL at N random moments and started
again each time by the same command. A third of the kills come from inside the write of a checkpoint, log or settings,
which leaves a random part of what was being written. After each kill the checkpoint must be readable, and at the end
checkpoint and log must be, byte for byte, those of the undisturbed training. The exit code is 1 if anything is not.
FILE keeps what it has of other methods.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from otgan.errors import FileFormatError
from otgan.training import load_checkpoint

FOLDER = Path(__file__).parents[1]
CHECKPOINT, LOG = "checkpoint.safetensors", "log.jsonl"
#: Of the kills, this share comes from inside a write.
IN_WRITES = 1 / 3
#: Writes among which one is chosen to die in: three to a checkpoint.
WRITES = 30


@dataclass
class Outcome:
    """What became of one method's training.

    Attributes:
        kills: Kills that hit.
        in_writes: Those of them that came from inside a write.
        steps: The step of the checkpoint after each kill; -1 where there was none yet.
        failures: What was lost, in words.
    """

    kills: int = 0
    in_writes: int = 0
    steps: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def main(arguments: list[str] | None = None) -> int:
    from otgan.gan import SYSTEMS

    parser = argparse.ArgumentParser(prog="python -m benchmarks kills", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--method", nargs="+", choices=sorted(SYSTEMS), default=["wgan-gp"], metavar="METHOD")
    parser.add_argument("--data", default="8gaussians")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0, help="of the training, and of the moments")
    parser.add_argument("--out", type=Path, default=FOLDER / "results" / "kills.json")
    options = parser.parse_args(arguments)
    results = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    for method in options.method:
        with tempfile.TemporaryDirectory() as folder:
            outcome = soak(Path(folder), [method, options.data, str(options.steps), str(options.seed)], options)
        results[method] = vars(outcome) | {"data": options.data, "training_steps": options.steps}
        print(f"{method}: {outcome.kills} kills, {outcome.in_writes} of them inside a write", end="; ")
        print("; ".join(outcome.failures) or "nothing was lost", flush=True)
        options.out.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return 1 if any(results[method]["failures"] for method in options.method) else 0


def soak(root: Path, asked: list[str], options: argparse.Namespace) -> Outcome:
    """Kill one training until it has been killed often enough, and compare."""
    rng, outcome = random.Random(options.seed), Outcome()
    whole, began = root / "whole", time.monotonic()
    _child(whole, asked).wait()
    lasts = time.monotonic() - began
    trained = 0
    while outcome.kills < options.kills:
        trained += 1
        killed = root / f"killed-{trained}"
        while not _ended(killed, options.steps):
            if outcome.kills == options.kills:
                _child(killed, asked).wait()
                break
            _kill(killed, asked, lasts, rng, outcome)
        for name in (CHECKPOINT, LOG):
            if (killed / name).read_bytes() != (whole / name).read_bytes():
                outcome.failures.append(f"{name} of training {trained} differs from the undisturbed one's")
    return outcome


def _kill(folder: Path, asked: list[str], lasts: float, rng: random.Random, outcome: Outcome) -> None:
    """Start the training, kill it, and look at what it left."""
    in_write = rng.random() < IN_WRITES
    if in_write:
        code = _child(folder, asked, f"{rng.randint(1, WRITES)}:{rng.random()}").wait()
    else:
        child = _child(folder, asked)
        # From before anything is there to after a good part of the training, loading included.
        time.sleep(rng.uniform(0, 0.5 * lasts))
        child.kill()
        code = child.wait()
    if code == -signal.SIGKILL:
        outcome.kills += 1
        outcome.in_writes += in_write
    elif code != 0:
        outcome.failures.append(f"a training that was started again ended with code {code}")
    outcome.steps.append(_step(folder, outcome))


def _child(folder: Path, asked: list[str], death: str = "") -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "benchmarks.kills.child", str(folder), *asked, death]
    return subprocess.Popen(command, cwd=FOLDER.parent)


def _step(folder: Path, outcome: Outcome) -> int:
    if not (folder / CHECKPOINT).exists():
        return -1
    try:
        return int(load_checkpoint(folder / CHECKPOINT).content["run"]["step"])
    except FileFormatError as error:
        outcome.failures.append(f"after a kill: {error}")
        return -1


def _ended(folder: Path, steps: int) -> bool:
    return (folder / CHECKPOINT).exists() and load_checkpoint(folder / CHECKPOINT).content["run"]["step"] == steps
