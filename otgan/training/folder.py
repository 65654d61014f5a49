"""The folder of a run: what was asked, what was measured, and where it stands."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import torch

from otgan.archive import whole_file
from otgan.errors import (
    CheckpointError,
    FileFormatError,
    FolderInUseError,
    InvalidTypeError,
    ReproducibilityWarning,
    one_line,
)
from otgan.training.checkpoint import clean, load_checkpoint, save_checkpoint
from otgan.training.lock import lock
from otgan.training.logs import JsonLog, Numbers
from otgan.training.state import Parts, TrainingState

SETTINGS, LOG, CHECKPOINT = "settings.json", "log.jsonl", "checkpoint.safetensors"

Resume = bool | Literal["auto"]


class RunFolder:
    """A run on disk, of one training at a time.

    Args:
        path: The folder; made if it is not there.
        parts: What the checkpoints hold. A run that is resumed is put into them.
        settings: What was asked, JSON; a run is resumed with the same only.
        resume: True to go on with the run that is there; False to begin one where none is; "auto" for whichever of
            the two is possible.

    Attributes:
        step: The last step that the parts have behind them.
        resumed: Whether it goes on with a run that was there.
        stopped: Why the run ended before its last step, if it did.

    Raises:
        CheckpointError: If the run was begun with other settings, or its checkpoint does not fit the parts.
        FileFormatError: If there is a run and `resume` is False, or none and it is True; if a file is damaged, or the
            folder cannot be written.
        FolderInUseError: If another training is under way there.
        InvalidTypeError: If the settings are no JSON.

    Warns:
        ReproducibilityWarning: If the number of threads or the version of PyTorch has changed.
    """

    def __init__(
        self, path: str | os.PathLike[str], parts: Parts, settings: Mapping[str, Any], *, resume: Resume
    ) -> None:
        self.path, self.parts = Path(path), parts
        self.checkpoint = self.path / CHECKPOINT
        self.step, self.stopped = 0, ""
        asked = _as_json(settings)
        if resume is True and not (self.path / SETTINGS).exists() and not self.checkpoint.exists():
            raise FileFormatError(f"{one_line(self.path)}: holds no run to resume; check the path, or resume='auto'")
        with ExitStack() as stack:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                # The log, since it is the one file that is never replaced by another of its name.
                stack.enter_context(lock(self.path / LOG))
                clean(self.checkpoint)
                clean(self.path / SETTINGS)
            except FolderInUseError:
                raise
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or error
                raise FileFormatError(
                    f"{one_line(self.path)}: cannot hold a run ({reason}); choose another folder"
                ) from error
            self._begin(asked, resume)
            self.log = JsonLog(self.path / LOG, after=self.step)
            stack.callback(self.log.close)
            if not self.resumed:
                self.save(0)
            self._open = stack.pop_all()

    def _begin(self, asked: dict[str, Any], resume: Resume) -> None:
        """Put the run that is there into the parts, or write what is asked of a new one."""
        # Settings alone are of a run that ended before its first checkpoint: nothing had happened in it.
        self.resumed = self.checkpoint.exists()
        if not self.resumed:
            with whole_file(self.path / SETTINGS) as file:
                file.write(json.dumps(asked, indent=2).encode())
                file.flush()
                os.fsync(file.fileno())
            return
        if resume is False:
            raise FileFormatError(
                f"{one_line(self.path)}: holds a run already; pass resume=True to go on, or choose another folder"
            )
        if not (self.path / SETTINGS).exists():
            raise FileFormatError(
                f"{one_line(self.path)}: holds a checkpoint without settings; restore them, or choose another folder"
            )
        _compare(self.path / SETTINGS, asked)
        self._load()

    def save(self, step: int, *, stopped: str = "") -> None:
        """Write a checkpoint; what was logged until then is on the disk before it is."""
        state = self.parts.state()
        run = {"step": step, "stopped": stopped, "threads": torch.get_num_threads(), "torch": torch.__version__}
        self.log.sync()
        save_checkpoint(self.checkpoint, TrainingState(state.tensors, {**state.content, "run": run}))
        self.step, self.stopped = step, stopped

    def write(self, step: int, numbers: Numbers) -> None:
        """Add a line to the log."""
        self.log.write(step, numbers)

    def close(self) -> None:
        """Close the log, and let others train here."""
        self._open.close()

    @property
    def how_to_resume(self) -> str:
        """Where the run stands, and what to do to go on."""
        return f"the checkpoint of step {self.step} is in {one_line(self.path)}; run the same with resume=True to go on"

    def _load(self) -> None:
        state = load_checkpoint(self.checkpoint)
        run = state.content.get("run")
        kinds = {"step": int, "stopped": str, "threads": int, "torch": str}
        if not isinstance(run, dict) or {key: type(value) for key, value in run.items()} != kinds or run["step"] < 0:
            raise FileFormatError(f"{one_line(self.checkpoint)} must say which step it is of, got {one_line(run, 60)}")
        self.parts.restore(state)
        self.step, self.stopped = run["step"], run["stopped"]
        for name, here in (("threads", torch.get_num_threads()), ("torch", torch.__version__)):
            if run[name] != here:
                warnings.warn(
                    f"the run in {one_line(self.path)} was trained with {name} {run[name]} and goes on with {here}; "
                    "its last bits may differ from those of an uninterrupted run",
                    ReproducibilityWarning,
                    stacklevel=5,
                )


def _as_json(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as they will be read back."""
    try:
        return dict(json.loads(json.dumps(dict(settings))))
    except (TypeError, ValueError) as error:
        raise InvalidTypeError("settings", "be JSON", one_line(error), "pass numbers, text, lists and dicts") from error


def _compare(path: Path, asked: dict[str, Any]) -> None:
    try:
        stored = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise FileFormatError(f"{one_line(path)}: cannot be read as JSON ({one_line(error)}); restore it") from error
    if not isinstance(stored, dict):
        raise FileFormatError(f"{one_line(path)}: holds no settings; restore it")
    differing = [
        f"{key}: {_shown(stored, key)} there, {_shown(asked, key)} now"
        for key in {**asked, **stored}  # in the order of the caller, whose first ones survive in a short message
        if _shown(stored, key) != _shown(asked, key)
    ]
    if differing:
        raise CheckpointError(
            "settings",
            f"be those of the run in {one_line(path.parent)}",
            "; ".join(differing),
            "pass the same ones, or choose another folder",
        )


def _shown(settings: dict[str, Any], key: str) -> str:
    return json.dumps(settings[key], sort_keys=True) if key in settings else "nothing"
