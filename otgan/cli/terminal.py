"""What people see while they wait; nothing where no terminal is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def stderr() -> Console:
    """A console on standard error, so that standard output holds results alone."""
    from rich.console import Console

    return Console(stderr=True)


@contextmanager
def working(what: str) -> Iterator[None]:
    """A spinner while something runs that cannot say how far it is."""
    if not sys.stderr.isatty():
        yield
        return
    with stderr().status(what):
        yield
