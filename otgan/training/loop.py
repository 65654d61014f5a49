"""The training loop, which knows nothing of what it trains."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from otgan.checks import as_count, as_seconds
from otgan.errors import InvalidTypeError, InvalidValueError, TrainingDivergedError, TrainingInterrupted, one_line
from otgan.interrupts import interrupts
from otgan.training.folder import Resume, RunFolder
from otgan.training.logs import Metrics, Numbers, TensorBoardLog, find_tensorboard, progress_bar
from otgan.training.state import Parts, not_finite

Step = Callable[[int], Metrics]
#: Called as ``callback(k, numbers)``. A mapping that it returns joins the numbers: it is logged, and those that come
#: after it are called and see it. With an attribute `every`, it is called at the steps that this divides, and at no
#: others but the last one if its attribute `last` is true; one whose attribute `finished` is true ends the run.
Callback = Callable[[int, Any], Mapping[str, float | None] | None]

#: Beyond this, a machine gives out before training starts.
MAX_THREADS = 1024


@dataclass(frozen=True)
class RunSummary:
    """How a run went.

    Attributes:
        step: The last step that was done.
        n_steps: How many were asked for.
        stopped: Why it ended before, such as "W1Monitor has finished"; empty if it did not.
        resumed_from: The step after which it went on; None if it began here.
        metrics: Numbers of the last step, with those that callbacks added; empty if none was left to do.
        folder: Where it is on disk, if anywhere.
    """

    step: int
    n_steps: int
    stopped: str
    resumed_from: int | None
    metrics: Numbers
    folder: Path | None


def run(
    step: Step,
    n_steps: int,
    *,
    parts: Parts | None = None,
    folder: str | os.PathLike[str] | None = None,
    resume: Resume = False,
    settings: Mapping[str, Any] | None = None,
    checkpoint_every: int = 1000,
    checkpoint_seconds: float = 60.0,
    callbacks: Sequence[Callback] = (),
    every: int = 1,
    threads: int | None = None,
    tensorboard: bool = False,
    progress: bool = False,
    name: str = "",
    interrupted: Callable[[], bool] | None = None,
) -> RunSummary:
    """Run ``step(1)``, ..., ``step(n_steps)``, watch, and keep what is needed to go on.

    With a folder, a process that is killed at any moment can be followed by another one that passes the same arguments
    and ``resume=True``: the final weights are, bit for bit, those of an uninterrupted run, if the step depends on its
    number and on `parts` alone and the number of threads is the same. The folder holds settings.json, log.jsonl (a
    line every `every` steps) and checkpoint.safetensors.

    Ctrl-C lets the step end, saves, and raises; a second one does not wait, and leaves the checkpoint before. Without
    a folder KeyboardInterrupt passes through unchanged, as exceptions of the step and the callbacks always do: what
    the step trains is then as the last whole step left it, or half-way through the one that raised.

    Args:
        step: Does one step, given its number, and returns what it measured.
        n_steps: How many, at least 1.
        parts: What the steps change; needed with a folder.
        folder: Where the run is kept.
        resume: Whether to go on with the run in the folder; "auto" does where there is one, and begins one otherwise.
        settings: What was asked, JSON; it is kept in the folder, and a run is resumed with the same settings only.
        checkpoint_every: Steps between two checkpoints, if the seconds do not end before.
        checkpoint_seconds: Seconds between two checkpoints; infinite for none by time.
        callbacks: Called in turn, as ``callback(k, numbers)``, after the first step, every `every`-th and the last
            one. What one returns, if it is a mapping, joins the numbers: it is logged, and those after it are called
            and see it. One with an attribute `every` is called at the steps that this divides instead, and at the last
            one if its attribute `last` is true; one whose attribute `finished` is true ends the run.
        every: Steps between two calls, and two lines of the log.
        threads: Of PyTorch while it runs; None leaves them as they are.
        tensorboard: Whether to write curves to the folder.
        progress: Whether to show a bar, on a terminal.
        name: What the bar calls the run.
        interrupted: With a folder, asked after each step whether the run is to end as after Ctrl-C; for Ctrl-C in
            another process.

    Returns:
        How it went.

    Raises:
        TrainingDivergedError: If a measured number, or at a checkpoint a parameter, is NaN or infinite; the message
            says where the last good checkpoint is.
        TrainingInterrupted: After Ctrl-C, with a folder; its message says how to resume.
        CheckpointError: If the run in the folder has other settings or other parts.
        FileFormatError: If there is a run and `resume` is False, or none and it is True, or a file is damaged.
        FolderInUseError: If another training is under way in the folder.
        InvalidValueError: If a number is out of range.
        InvalidTypeError: If a folder comes without parts, or with settings that are no JSON; if callbacks are no
            functions, or the step or one of them returns anything but numbers by name.
        MissingDependencyError: If TensorBoard is asked for and not installed.

    Warns:
        ReproducibilityWarning: If a run is resumed with another number of threads, or another version of PyTorch.
    """
    n_steps, every = as_count("n_steps", n_steps), as_count("every", every)
    checkpoint_every = as_count("checkpoint_every", checkpoint_every)
    checkpoint_seconds = as_seconds("checkpoint_seconds", checkpoint_seconds)
    if not isinstance(resume, bool) and resume != "auto":
        raise InvalidValueError("resume", "be True, False or 'auto'", repr(resume), "choose one of these")
    if folder is None and (resume is True or tensorboard):
        raise InvalidValueError("folder", "be given to resume, and for tensorboard", None, "pass folder='runs/name'")
    if folder is not None and not isinstance(parts, Parts):
        raise InvalidTypeError("parts", "be given with a folder", type(parts).__name__, "pass Parts(modules=…, …)")
    with ExitStack() as stack:
        stack.enter_context(pytorch_threads(threads))
        kept: RunFolder | None = None
        wishes = [] if interrupted is None else [interrupted]
        watchers = read_callbacks(callbacks)
        if folder is not None and parts is not None:
            if tensorboard:
                find_tensorboard()  # before the folder says that a run has begun
            asked = {**(settings or {}), "n_steps": n_steps}
            kept = RunFolder(folder, parts, asked, resume=resume)
            stack.callback(kept.close)
            if tensorboard:
                curves = TensorBoardLog(kept.path / "tensorboard", after=kept.step)
                stack.callback(curves.close)
                watchers.append(curves)
        if progress:
            watchers.append(stack.enter_context(progress_bar(name, n_steps)))
        if kept is not None:
            wishes.append(stack.enter_context(interrupts()))
        loop = _Loop(step, n_steps, kept, watchers, every, checkpoint_every, checkpoint_seconds)
        return loop.run(lambda: any(wish() for wish in wishes))


@dataclass
class _Loop:
    step: Step
    n_steps: int
    kept: RunFolder | None
    callbacks: list[Callback]
    every: int
    checkpoint_every: int
    checkpoint_seconds: float

    def run(self, interrupted: Callable[[], bool]) -> RunSummary:
        kept = self.kept
        resumed_from = kept.step if kept and kept.resumed else None
        done = kept.step if kept else 0
        metrics: Numbers = {}
        stopped = kept.stopped if kept else ""

        def summary() -> RunSummary:
            return RunSummary(done, self.n_steps, stopped, resumed_from, metrics, kept.path if kept else None)

        saved_at = time.monotonic()
        try:
            while done < self.n_steps and not stopped:
                metrics = self._one(done + 1)
                done += 1
                stopped = self._why_stop()
                if kept is None:
                    continue
                over = done == self.n_steps or bool(stopped)
                late = time.monotonic() - saved_at >= self.checkpoint_seconds
                if over or late or interrupted() or done % self.checkpoint_every == 0:
                    self._save(kept, done, stopped)
                    saved_at = time.monotonic()
                if interrupted():  # also after the last step: whoever pressed it wants no more
                    raise TrainingInterrupted(summary(), f"interrupted after step {done}; {kept.how_to_resume}")
        except KeyboardInterrupt as error:
            if kept is None or isinstance(error, TrainingInterrupted):
                raise
            # Half-way through a step: what it trains belongs to no step, and the checkpoint before stays.
            message = f"interrupted in the middle of step {done + 1}; {kept.how_to_resume}"
            raise TrainingInterrupted(summary(), message) from error
        return summary()

    def _one(self, k: int) -> dict[str, float | None]:
        """One step, watched."""
        numbers: dict[str, float | None] = {}
        for name, value in _measured(self.step(k), "what step returns").items():
            if not math.isfinite(value):
                self._diverged(name, value, k)
            numbers[name] = value
        due = k == 1 or k % self.every == 0 or k == self.n_steps
        for callback in self.callbacks:
            if self._calls(callback, k) if hasattr(callback, "every") else due:
                added = callback(k, dict(numbers))
                if isinstance(added, Mapping):
                    given = {name: value for name, value in added.items() if value is not None}
                    numbers |= dict.fromkeys(added) | _measured(given, "what a callback returns")
                    due = True
        if due and self.kept is not None:
            self.kept.write(k, numbers)
        return numbers

    def _calls(self, callback: Any, k: int) -> bool:
        """Whether one with an `every` of its own is called after step k."""
        return k % callback.every == 0 or (k == self.n_steps and getattr(callback, "last", False))

    def _why_stop(self) -> str:
        for callback in self.callbacks:
            if getattr(callback, "finished", False):
                return f"{type(callback).__name__} has finished"
        return ""

    def _save(self, kept: RunFolder, k: int, stopped: str) -> None:
        if name := not_finite(kept.parts.modules):
            self._diverged(name, "NaN or infinity", k)
        kept.save(k, stopped=stopped)

    def _diverged(self, name: str, value: object, k: int) -> None:
        fix = "lower the learning rate, or look for extreme points in the data"
        if self.kept is not None:
            fix += f"; the last good checkpoint, of step {self.kept.step}, is {self.kept.checkpoint}"
        raise TrainingDivergedError(
            f"{name} must stay finite during training, got {value} at step {k} of {self.n_steps}; {fix}"
        )


def read_callbacks(callbacks: Any) -> list[Callback]:
    """Read what is called while a run goes on, as a list.

    Raises:
        InvalidTypeError: If it is no sequence of functions, or the `every` of one is no integer.
        InvalidValueError: If the `every` of one is below 1.
    """
    if not isinstance(callbacks, Iterable):
        raise InvalidTypeError("callbacks", "be a sequence of functions", one_line(callbacks, 80), "write [callback]")
    read = list(callbacks)
    for callback in read:
        if not callable(callback):
            raise InvalidTypeError(
                "callbacks", "hold functions of (k, numbers)", one_line(repr(callback), 80), "pass functions"
            )
        if hasattr(callback, "every"):
            as_count(f"{type(callback).__name__}.every", callback.every)
    return read


def _measured(returned: Any, what: str) -> dict[str, float]:
    """Read what a step or a callback returned."""
    if not isinstance(returned, Mapping):
        raise InvalidTypeError(what, "be a dict of numbers", type(returned).__name__, "return {} where there are none")
    numbers = {}
    for name, value in returned.items():
        try:
            if isinstance(value, str | bytes):  # which float() would read
                raise TypeError
            numbers[name] = float(value)
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise InvalidTypeError(
                f"{name!r} of {what}", "be a number", one_line(repr(value), 80), "pass a float"
            ) from error
    return numbers


@contextmanager
def pytorch_threads(threads: int | None) -> Iterator[None]:
    """So many threads of PyTorch meanwhile; None leaves them as they are."""
    before = torch.get_num_threads()
    torch.set_num_threads(before if threads is None else as_count("threads", threads, high=MAX_THREADS))
    try:
        yield
    finally:
        torch.set_num_threads(before)
