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

#: The line that is open, if one is: whatever runs inside writes on it, since a terminal has room for one.
_open: _Line | None = None


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
        yield lambda text: outer.write(f"{what}: {text}")
        return
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda text: None
        return
    _open = line = _Line(what)
    try:
        yield lambda text: line.write(f"{what}: {text}")
    finally:
        _open = None
        line.close()


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
