"""What people see while they wait; nothing where no terminal is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from otgan.progress import progress

if TYPE_CHECKING:
    from rich.console import Console


def stderr() -> Console:
    """A console on standard error, so that standard output holds results alone."""
    from rich.console import Console

    return Console(stderr=True)


@contextmanager
def working(what: str) -> Iterator[None]:
    """A line while something runs, after two seconds; what runs may say on it how far it is."""
    with progress(what):
        yield
