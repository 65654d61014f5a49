"""Where the numbers of a run go: a file of JSON lines, TensorBoard, a bar on the terminal."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from otgan.errors import FileFormatError, MissingDependencyError, one_line
from otgan.progress import progress_on

#: What a callback is given and what it may add: numbers by name, None where there is none.
Metrics = Mapping[str, float]
Numbers = Mapping[str, float | None]


class JsonLog:
    r"""A file with one JSON object a line, each with its "step" and then the numbers; None is written as null.

    A line is handed to the system in one piece, but a machine that loses power, or a full disk, can tear the last one.
    Whoever goes on says from where: lines of later steps, and a torn one, are cut off first.

    Args:
        path: The file; made if it is not there.
        after: The step that is kept last; 0 begins anew.

    Raises:
        FileFormatError: If the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], *, after: int = 0) -> None:
        self.path = Path(path)
        with self._writing():
            self._file = self.path.open("r+b" if self.path.exists() else "w+b", buffering=0)
            end = 0
            for _, line_end in _whole_lines(self._file.read(), after):
                end = line_end
            self._file.truncate(end)
            self._file.seek(end)

    def write(self, step: int, numbers: Numbers) -> None:
        """Add a line."""
        values = {
            key: None if value is None or not math.isfinite(value) else float(value) for key, value in numbers.items()
        }
        line = json.dumps({"step": step} | values | {"step": step}) + "\n"  # whatever a metric is called
        with self._writing():
            self._file.write(line.encode())

    def sync(self) -> None:
        """Have all lines on the disk."""
        with self._writing():
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FileFormatError(
                f"{one_line(self.path)}: cannot be written ({error.strerror or error}); choose another folder"
            ) from error


def read_log(path: str | os.PathLike[str]) -> list[dict[str, float | None]]:
    """Read what `JsonLog` wrote, as the history of a run; a torn last line is left out.

    Args:
        path: The file, or the folder of a run.

    Returns:
        One dictionary a line, with "step".

    Raises:
        FileFormatError: If the file cannot be read.
    """
    path = Path(path)
    path = path / "log.jsonl" if path.is_dir() else path
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileFormatError(f"{one_line(path)}: cannot be read ({error.strerror}); check the path") from error
    return [record for record, _ in _whole_lines(content, None)]


def _whole_lines(content: bytes, last: int | None) -> Iterator[tuple[dict[str, Any], int]]:
    """The records up to a step, as far as lines are whole and steps rise, each with the byte where its line ends."""
    end, before = 0, 0
    for line in content.splitlines(keepends=True):
        try:
            record = json.loads(line) if line.endswith(b"\n") else None
        except (ValueError, RecursionError):
            return
        if not isinstance(record, dict):
            return
        step = record.get("step")
        if type(step) is not int or step <= before or (last is not None and step > last):
            return
        end, before = end + len(line), step
        yield record, end


def find_tensorboard() -> Any:
    """TensorBoard's writer as PyTorch has it.

    Raises:
        MissingDependencyError: If tensorboard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingDependencyError(
            "curves for TensorBoard need tensorboard, which is not installed; run pip install 'otgan[tensorboard]'"
        ) from error
    return SummaryWriter


class TensorBoardLog:
    """A callback that shows every number as a curve of TensorBoard.

    Args:
        folder: Where its event files go.
        after: The step after which a resumed run goes on; what an earlier process wrote beyond it is hidden.

    Raises:
        MissingDependencyError: If tensorboard is not installed.
    """

    def __init__(self, folder: str | os.PathLike[str], *, after: int = 0) -> None:
        self._writer = find_tensorboard()(str(folder), purge_step=after + 1 if after else None)

    def __call__(self, step: int, metrics: Numbers) -> None:
        """Add a point to each curve."""
        for name, value in metrics.items():
            if value is not None:
                self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is still in memory."""
        self._writer.close()


@contextmanager
def progress_bar(what: str, n_steps: int) -> Iterator[Callable[[int, Numbers], None]]:
    """A bar on standard error with the estimate, the bracket and the gradient norm, as far as they are measured.

    Where standard error is no terminal, nothing is shown and nothing is imported.

    Args:
        what: What is trained, such as "wgan-gp".
        n_steps: How many steps there will be.

    Yields:
        A callback for `otgan.training.run`. It reads "estimate", "w1_lower" and "w1_upper", and "gradient_norm".
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda step, metrics: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("training {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[numbers]}", markup=False),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=n_steps, numbers="")
        known: dict[str, float | None] = {}  # a bracket is measured less often than the rest, and stays until then

        def show(step: int, metrics: Numbers) -> None:
            known.update(metrics)
            bar.update(task, completed=step, numbers=_told(known))

        with progress_on(lambda text: None):  # what a monitor solves meanwhile would open a second display
            yield show


def _told(metrics: Numbers) -> str:
    """The numbers that people look at, on one line."""
    parts = []
    if (estimate := metrics.get("estimate")) is not None:
        parts.append(f"estimate {estimate:.4f}")
    lower, upper = metrics.get("w1_lower"), metrics.get("w1_upper")
    if lower is not None and upper is not None:
        parts.append(f"W1 in [{lower:.4f}, {upper:.4f}]")
    if (norm := metrics.get("gradient_norm")) is not None:
        parts.append(f"‖∇f‖ {norm:.3f}")
    return "  ".join(parts)
