"""Small runs of a critic in processes of their own, which are killed where they are told to.

Usage: a_run.py SCENARIOS, a JSON list of [FOLDER, OPTIMISER, OPTION, ...] with the options resume, kill=STEP,
kill-write=N, kill-replace=N and kill-after=SECONDS. PyTorch is loaded once; each scenario is a fork. Prints the list of
the signals that ended them, 0 for none.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch

from otgan.training import Parts, run

STEPS = 60
OPTIMIZERS = {
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=1e-2, betas=(0.5, 0.9), fused=False),
    "fused-adam": lambda parameters: torch.optim.Adam(parameters, lr=1e-2, betas=(0.5, 0.9), fused=True),
    "rmsprop": lambda parameters: torch.optim.RMSprop(parameters, lr=1e-3, momentum=0.5, centered=True),
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=1e-2, momentum=0.9, nesterov=True),
}


def build(name: str):
    """Parts and the step that changes them: two generators, a schedule, a batch norm's buffers, and a number."""
    seed = torch.Generator().manual_seed(3)
    critic = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=seed))
    optimizer = OPTIMIZERS[name](critic.parameters())
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS, eta_min=1e-4)
    rng, noise = np.random.default_rng(5), torch.Generator().manual_seed(6)
    numbers = {"running": 0.0}
    parts = Parts({"critic": critic}, {"critic": optimizer}, {"x": rng, "y": noise}, {"critic": schedule}, numbers)

    def step(k: int) -> dict[str, float]:
        x = torch.from_numpy(rng.normal(size=(16, 2))).float()
        y = torch.randn(16, 2, generator=noise) + numbers["running"]
        loss = critic(y).mean() - critic(x).mean() + 0.1 * critic(x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        numbers["running"] = 0.9 * numbers["running"] + 0.1 * loss.item()
        return {"loss": loss.item()}

    return parts, step


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying_at(call: int, function):
    """The function, which kills the process instead of its call of that number."""
    calls = 0

    def instead(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls == call:
            die()
        return function(*arguments, **options)

    return instead


def one_run(folder: str, optimizer: str, *options: str) -> None:
    torch.set_num_threads(1)
    chosen = dict(option.split("=") for option in options if "=" in option)
    parts, step = build(optimizer)

    def watched(k: int) -> dict[str, float]:
        if k == int(chosen.get("kill", 0)):
            die()
        return step(k)

    if "kill-write" in chosen:  # the bytes are in the temporary file, and not yet on the disk
        os.fsync = dying_at(int(chosen["kill-write"]), os.fsync)
    if "kill-replace" in chosen:  # the temporary file is complete, and has not got its name
        replace = os.replace
        doomed = dying_at(int(chosen["kill-replace"]), replace)
        os.replace = lambda a, b: (doomed if Path(b).name == "checkpoint.safetensors" else replace)(a, b)
    resume = "auto" if "resume" in options else False
    run(watched, STEPS, parts=parts, folder=folder, resume=resume, settings={"seed": 3}, checkpoint_every=7)


def ended_by(*scenario: str) -> int:
    child = os.fork()
    if not child:
        code = 1
        try:
            one_run(*scenario)
            code = 0
        finally:
            os._exit(code)
    for option in scenario[2:]:
        if option.startswith("kill-after="):
            time.sleep(float(option.split("=")[1]))
            os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the run failed"
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    for warm in OPTIMIZERS:  # PyTorch loads much at a first step, which no fork is to repeat
        build(warm)[1](1)
    print([ended_by(*scenario) for scenario in json.loads(sys.argv[1])])  # noqa: T201
