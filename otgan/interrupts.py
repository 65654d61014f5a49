"""Ctrl-C as a wish that a computation can look up, so that it ends where its state is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interrupts() -> Iterator[Callable[[], bool]]:
    """Keep the first Ctrl-C for the block to look up; a second one interrupts as ever.

    Only the main thread hears of Ctrl-C; elsewhere, and where somebody else already handles it, nothing is changed.

    Yields:
        A function that says whether Ctrl-C has been pressed.
    """
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or usual is not signal.default_int_handler:
        yield lambda: False
        return
    pressed = False

    def note(number: int, frame: object) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, usual)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, usual)
