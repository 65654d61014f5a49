"""Trainings by two processes, for test_processes.py: a script, since Lightning starts the second one as the first.

Usage: two_processes.py FOLDER. Leaves runs there, and process-RANK.pt with what that process saw.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from otgan.gan import get_system, train_gan
from otgan.gan.dual import WganGpSystem
from otgan.measures import SamplerMeasure

assert "lightning_fabric" not in sys.modules, "otgan imports it without being asked"
from lightning_fabric import Fabric  # noqa: E402

SMALL = {"hidden": (8, 8), "steps": 5, "batch_size": 16, "every": 1, "n_samples": 20, "threads": 1}
LOCKSTEP = ("wgan-gp", "sn-wgan", "groupsort", "cones", "sinkhorn", "flow-matching", "ddpm")


def cloud(n=60, seed=0):
    return np.random.default_rng(seed).normal([3.0, -2.0], [2.0, 0.5], size=(n, 2))


def numbers_of(modules):
    """Every weight and buffer."""
    return {f"{name}.{key}": tensor.clone() for name, m in modules.items() for key, tensor in m.state_dict().items()}


class Watched(WganGpSystem):
    """WGAN-GP that notes what each process draws, and what it begins and ends with."""

    def play(self, start, networks):
        play = super().play(start, networks)
        self.seen["begin"] = numbers_of(play.modules)
        step = play.step

        def watched(k, real, rng):
            batches = []
            self.seen.setdefault("states", []).append(rng.get_state())
            self.seen.setdefault("batches", []).append(batches)
            found = step(k, lambda: batches.append(real()) or batches[-1], rng)
            self.seen["end"] = numbers_of(play.modules)
            return found

        play.step = watched
        return play


class Unmeasured(WganGpSystem):
    """WGAN-GP that measures no number in process 1."""

    def play(self, start, networks):
        play = super().play(start, networks)
        step = play.step
        play.step = lambda k, real, rng: step(k, real, rng) | ({"own": "far"} if self.rank else {})
        return play


def own():
    """A generator that couples points, draws numbers of its own, and began otherwise in each process."""
    return nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.ReLU(), nn.Linear(8, 2))


class Finished:
    """Ends a training after its second step."""

    finished = False

    def __call__(self, k, numbers):
        self.finished = k == 2


def main(folder: Path) -> None:
    fabric = Fabric(accelerator="cpu", devices=2)
    fabric.launch()
    rank = fabric.global_rank
    seen: dict = {"rank": rank}

    def train(data=None, method="wgan-gp", **options):
        return train_gan(cloud() if data is None else data, method, fabric=fabric, **{**SMALL, **options})

    def ended(name, *arguments, **options):
        try:
            train(*arguments, **options)
            seen[name] = ("", "")
        except BaseException as error:
            seen[name] = (type(error).__name__, str(error))

    # By hand
    watched = Watched(n_critic=2)
    object.__setattr__(watched, "seen", seen)
    torch.manual_seed(3)
    critic = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    train(method=watched, critic=critic, steps=2, ema=0.0, monitor=False)

    # The same in both
    for name in LOCKSTEP:
        seen["learnt", name] = numbers_of(train(method=name, monitor=False).networks)
    images = np.random.default_rng(1).random((20, 1, 8, 8))
    seen["learnt", "dcgan"] = numbers_of(train(images, "gan", steps=2, batch_size=4, monitor=False).networks)
    torch.manual_seed(rank)
    mine = own()
    train(generator=mine, monitor=False)
    seen["learnt", "own"] = numbers_of({"generator": mine})

    # Interrupted in a callback of process 0, and resumed
    calls = []
    options = {"method": get_system("wgan-gp", path_length=1.0), "steps": 9, "checkpoint_seconds": 1e-9}

    def again(name, **more):
        torch.manual_seed(7)
        return numbers_of(train(generator=own(), folder=folder / name, **options, **more).networks)

    def press(k, numbers):
        calls.append(k)
        if k == 6:
            raise KeyboardInterrupt

    seen["whole"] = again("whole")
    try:
        again("cut", callbacks=[press])
    except KeyboardInterrupt as error:
        seen["cut"] = (type(error).__name__, str(error))
    seen["calls"] = calls
    seen["resumed"] = again("cut", resume=True)
    seen["resumed again"] = again("cut", resume=True)  # nothing is left to do

    # Ctrl-C in process 1 alone, at its fourth batch
    batches = 0

    def draw(n, rng):
        nonlocal batches
        is_batch = n == SMALL["batch_size"]
        batches += is_batch
        if rank == 1 and is_batch and batches == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return rng.normal(size=(n, 2))

    law = SamplerMeasure(draw, name="law")
    slow = {"method": "flow-matching", "monitor": False, "steps": 8}
    ended("pressed", law, folder=folder / "pressed", **slow)
    train(law, folder=folder / "pressed", resume=True, **slow)
    train(law, folder=folder / "unpressed", **slow)
    batches = 0
    ended("pressed without a folder", law, **slow)

    # Other ends
    def stop(k, numbers):
        raise KeyError("stop")

    def broken(n, rng):
        if rank == 1 and n == SMALL["batch_size"]:
            raise LookupError("no such point")
        return rng.normal(size=(n, 2))

    def extreme(n, rng):
        return rng.normal(size=(n, 2)) * (1e200 if rank == 1 and n == SMALL["batch_size"] else 1)

    ended("finished", callbacks=[Finished()])
    ended("stopped", callbacks=[stop])
    ended("broken", SamplerMeasure(broken), monitor=False)
    ended("diverged", SamplerMeasure(extreme), "flow-matching", monitor=False)
    ended("other data", cloud(seed=rank))
    ended("other steps", steps=5 + rank)
    ended("no data", cloud() if rank == 0 else folder / "nowhere.csv")
    ended("no step", steps=0)
    unmeasured = Unmeasured()
    object.__setattr__(unmeasured, "rank", rank)
    ended("no number", method=unmeasured, monitor=False)
    unfit = nn.Linear(2, 2 if rank else 3)
    ended("unfit", generator=unfit)
    torch.save(seen, folder / f"process-{rank}.pt")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
