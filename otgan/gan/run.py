"""A training on disk, opened again to draw from."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from torch import nn

from otgan.checks import as_count, as_number, as_real_array
from otgan.critics.arguments import read_widths
from otgan.errors import CheckpointError, FileFormatError, InvalidTypeError, InvalidValueError, OtganError, one_line
from otgan.gan.generated import Generated
from otgan.gan.networks import Flat
from otgan.gan.registry import get_system
from otgan.gan.system import System, Task
from otgan.gan.train import AVERAGE
from otgan.training import Parts, TrainingState, load_checkpoint, read_log
from otgan.training.folder import CHECKPOINT, SETTINGS
from otgan.training.state import not_finite

#: Settings take a few kB and the centre of an image; JSON of any size would be read otherwise.
MAX_SETTINGS = 2**26
#: Networks are built from the settings before they are compared with the checkpoint; more than this many times its
#: numbers are not allocated for that.
MOST, SPARE = 4, 10**6
#: Hidden layers that are built: a layer takes time however few its weights are, and none so deep has been trained.
MOST_LAYERS = 1000

#: What a log may hold in size: figures give up beyond it, and no points that otgan measures are so far apart.
LARGEST = 1e300

AGAIN = "restore it, or train again in another folder"


@dataclass(frozen=True, eq=False)
class GanRun:
    """A training, done or as far as it came.

    Attributes:
        folder: Where it is.
        settings: What was asked, as `train_gan` wrote it.
        log: What was measured until the checkpoint: one mapping a line, each with its "step"; None where a number was
            not finite.
        step: The last step that the networks have behind them.
        n_steps: How many were asked for.
        learnt: Draws by the averaged networks, on the CPU.
    """

    folder: Path
    settings: Mapping[str, Any]
    log: tuple[Mapping[str, float | None], ...]
    step: int
    n_steps: int
    learnt: Generated

    def series(self, key: str) -> tuple[list[int], list[float]]:
        """The steps at which a number was measured, and what it was."""
        found = [(row["step"], value) for row in self.log if (value := row.get(key)) is not None]
        return [int(step or 0) for step, _ in found], [value for _, value in found]


def open_run(folder: str | os.PathLike[str], *, generator: nn.Module | None = None) -> GanRun:
    """Open the folder of a training, finished or not, to draw from what it has learnt.

    Nothing in it is unpickled, nothing is written, and sizes are compared before memory is taken.

    Args:
        folder: What `train_gan` was given as `folder`.
        generator: A module like the one of the user's own that was trained; needed where there was one. It is copied,
            and keeps its weights.

    Returns:
        The run.

    Raises:
        FileFormatError: If the folder holds no training, or one of its files is damaged or not what it should be.
        CheckpointError: If the checkpoint's networks are not those that the settings describe, or those of
            `generator`.
        InvalidValueError: If `generator` is needed and missing, or given and not needed.
        InvalidTypeError: If it is no module.
    """
    path = Path(folder)
    settings = _settings(path / SETTINGS)
    with _sound(path / SETTINGS):
        system, task, centre, scale = _described(settings)
        n_steps, own = as_count("n_steps", settings["n_steps"]), "generator" in settings["own_networks"]
    if generator is not None and not isinstance(generator, nn.Module):
        raise InvalidTypeError("generator", "be a torch.nn.Module", type(generator).__name__, "wrap it in a module")
    if own != (generator is not None):
        raise InvalidValueError(
            "generator", *(
                ("be given, since the run trained one of its user's own", None, "pass a module like that one")
                if own else
                ("be left out, since the run built its own", type(generator).__name__, "open the run without it")
            ),
        )  # fmt: skip
    state = load_checkpoint(path / CHECKPOINT)
    step = _step(path / CHECKPOINT, state, n_steps)
    means = TrainingState(
        {name: tensor for name, tensor in state.tensors.items() if name.startswith(f"modules/{AVERAGE}")},
        {"optimizers": {}, "schedules": {}, "generators": {}, "numbers": {"dict": []}},
    )
    if generator is None:
        with _sound(path / SETTINGS):
            _check_size(task, sum(tensor.numel() for tensor in means.tensors.values()))
            networks = system.networks(task, 0)
    else:
        networks = {"generator": Flat(copy.deepcopy(generator), None)}
    for network in networks.values():
        network.cpu().eval().requires_grad_(False)
    parts = {AVERAGE + name: network for name, network in networks.items()}
    try:
        Parts(parts).restore(means)
    except CheckpointError as error:
        raise CheckpointError(
            error.name, error.rule, error.value, f"restore the files of {one_line(path)}, or pass its own generator"
        ) from error
    if name := not_finite(parts):
        raise FileFormatError(f"{one_line(path / CHECKPOINT)} must hold finite weights, got others in {name}; {AGAIN}")
    return GanRun(path, settings, _log(path, step), step, n_steps, Generated(system, task, networks, centre, scale))


def _settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileFormatError(
            f"{one_line(path.parent)} must be the folder of a training, got no {SETTINGS} there; check the path"
        )
    with _sound(path):
        if path.stat().st_size > MAX_SETTINGS:
            raise ValueError(f"{path.stat().st_size} bytes")
        settings = json.loads(path.read_bytes())
        kinds = {
            "data": str, "identity": str, "method": str, "options": dict, "task": dict, "own_networks": dict,
            "centre": list,
        }  # fmt: skip
        for name, kind in kinds.items():
            if not isinstance(settings[name], kind):
                raise TypeError(f"{name} is no {kind.__name__}")
        as_count("seed", settings["seed"], low=0)
        # It goes to terminals, which obey what is not printable.
        settings["data"] = "".join(mark if mark.isprintable() else "·" for mark in settings["data"])
    return dict(settings)


def _described(settings: Mapping[str, Any]) -> tuple[System, Task, Any, float]:
    """The system, the task, the centre and the scale that the settings describe."""
    options = {name: tuple(value) if isinstance(value, list) else value for name, value in settings["options"].items()}
    system = get_system(settings["method"], **options)
    asked = settings["task"]
    if asked.keys() != {field.name for field in fields(Task)} or asked["net"] not in ("mlp", "dcgan"):
        raise ValueError(f"the task {one_line(asked, 60)}")
    shape = read_widths(asked["shape"])
    if len(shape) not in (1, 3):
        raise ValueError(f"points of shape {shape}")
    task = Task(shape, asked["net"], read_widths(asked["hidden"]), as_count("noise_dim", asked["noise_dim"]))
    centre = as_real_array("centre", settings["centre"])
    if centre.shape != (task.dim,):
        raise ValueError(f"a centre of shape {centre.shape} for points of {task.dim} coordinates")
    return system, task, centre, as_number("scale", settings["scale"], low=0, open_low=True)


def _check_size(task: Task, stored: int) -> None:
    """Whether networks of this task can be those of a checkpoint with so many numbers."""
    if len(task.hidden) > MOST_LAYERS:
        raise ValueError(f"networks of {len(task.hidden)} hidden layers, where {MOST_LAYERS} are the most")
    widths = (task.noise_dim, *(task.hidden if task.net == "mlp" else ()), task.dim)
    needed = sum(first * second for first, second in pairwise(widths))
    if needed > MOST * stored + SPARE:
        raise ValueError(f"networks of {needed} weights, where the checkpoint holds {stored}")


def _step(path: Path, state: TrainingState, n_steps: int) -> int:
    run = state.content.get("run")
    step = run.get("step") if isinstance(run, dict) else None
    if type(step) is not int or not 0 <= step <= n_steps:
        raise FileFormatError(
            f"{one_line(path)} must say a step of 0 … {n_steps}, got {one_line(repr(step), 40)}; {AGAIN}"
        )
    return step


def _log(folder: Path, last: int) -> tuple[Mapping[str, float | None], ...]:
    rows = []
    for row in read_log(folder):
        for key, value in row.items():
            if value is not None and (type(value) not in (int, float) or not abs(value) <= LARGEST):
                raise FileFormatError(
                    f"{one_line(folder)}: its log must hold numbers, got {one_line(repr(value), 40)} as "
                    f"{one_line(key, 40)}; {AGAIN}"
                )
        if (row["step"] or 0) <= last:
            rows.append(row)
    return tuple(rows)


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    """Turn what settings of any kind can provoke into one line about their file."""
    try:
        yield
    except OSError as error:
        raise FileFormatError(f"{one_line(path)}: cannot be read ({error.strerror}); check the path") from error
    except (
        OtganError, ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RuntimeError,
        RecursionError, MemoryError,
    ) as error:  # fmt: skip
        raise FileFormatError(
            f"{one_line(path)} must describe a training, got {one_line(f'{type(error).__name__}: {error}')}; {AGAIN}"
        ) from error
