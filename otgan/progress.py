"""One line on the terminal while a long computation runs: what it does, and what it has proven so far."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status

#: Seconds before anything is shown: what ends sooner needs no excuse.
DELAY = 2.0

Show = Callable[[str], None]

#: Writes on the line that is open, if one is: whatever runs inside writes there, since a terminal has room for one.
_open: Show | None = None


@contextmanager
def progress(what: str) -> Iterator[Show]:
    """Show a line on standard error for as long as the block runs, if that is a terminal and two seconds have passed.

    Anywhere else (pipes, logs, notebooks, tests) nothing is written. Blocks nest: an inner one writes on the line of
    the outer one.

    Args:
        what: What runs, as in "bracketing W1".

    Yields:
        show(text), which puts a text behind `what`; a call costs next to nothing.
    """
    global _open
    if _open is not None:
        outer = _open
        yield lambda text: outer(f"{what}: {text}")
        return
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda text: None
        return
    line = _Line(what)
    _open = line.write
    try:
        yield lambda text: line.write(f"{what}: {text}")
    finally:
        _open = None
        line.close()


@contextmanager
def progress_on(write: Show) -> Iterator[None]:
    """Have what runs inside write on a display that is there already, such as a bar, and open no line of its own."""
    global _open
    before, _open = _open, write
    try:
        yield
    finally:
        _open = before


class _Line:
    """A line that appears after `DELAY`, by a thread of its own, since the computation may not look up for long."""

    def __init__(self, text: str) -> None:
        self._text, self._closed = text, False
        self._status: Status | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(DELAY, self._appear)
        self._timer.daemon = True
        self._timer.start()

    def write(self, text: str) -> None:
        self._text = text
        if (status := self._status) is not None:
            status.update(_plain(text))

    def close(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._closed = True
            if self._status is not None:
                self._status.stop()

    def _appear(self) -> None:
        from rich.console import Console  # only now, since most computations end before

        with self._lock:
            if not self._closed:
                status = Console(stderr=True).status(_plain(self._text))
                status.start()
                self._status = status
                status.update(_plain(self._text))  # it may have changed meanwhile


def _plain(text: str) -> str:
    """So that rich prints a bracket [0.1, 0.2] and takes it for no markup."""
    return text.replace("[", r"\[")
