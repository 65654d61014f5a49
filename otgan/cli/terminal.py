"""What people see while they wait; nothing where no terminal is."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from otgan.progress import progress

if TYPE_CHECKING:
    import typer
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


def as_typed(context: typer.Context) -> str:
    """The command as it was typed, in one spelling, to be typed again."""
    words = ["otgan", context.info_name or ""]
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is None or source.name != "COMMANDLINE":
            continue
        value = context.params[parameter.name or ""]
        if value is True:
            words.append(parameter.opts[0])
            continue
        name = [] if parameter.param_type_name == "argument" else [parameter.opts[0]]
        for entry in value if isinstance(value, list | tuple) else [value]:
            words += [*name, str(entry)]
    return shlex.join(words)
