"""The `otgan` command: collects the commands and turns errors into one line and an exit code."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Annotated

import typer

import otgan
from otgan.cli.audit import audit
from otgan.cli.compare import compare
from otgan.cli.pairs import pairs
from otgan.cli.train import train
from otgan.cli.truth import truth
from otgan.cli.validate import validate
from otgan.cli.w1 import w1
from otgan.errors import OtganError

#: Exit code for input that breaks a rule.
BAD_INPUT = 2
#: Exit code after Ctrl-C, as shells have it: 128 + SIGINT.
INTERRUPTED = 130

app = typer.Typer(
    name="otgan",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="How far is a learned Wasserstein distance from the true one? Exact optimal transport with proven brackets.",
)
app.command("w1")(w1)
app.command("validate")(validate)
app.command("audit")(audit)
app.command("train")(train)
app.command("compare")(compare)
app.command("pairs")(pairs)
app.command("truth")(truth)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"otgan {otgan.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    Args:
        arguments: What follows the command's name; `sys.argv[1:]` by default.
    """
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _print_warning
            code = app(list(arguments) if arguments is not None else None, standalone_mode=False)
    except OtganError as error:
        code = _fail(str(error))
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except OSError as error:  # output that cannot be written: a full disk, a closed pipe
        code = _fail(f"stopped by the system: {error.strerror or error}")
    except Exception as error:
        # The argument parser's own errors, which are another class in every version of typer, can word themselves.
        if not hasattr(error, "format_message"):
            raise
        message = error.format_message()  # empty where the help has been printed instead
        code = _fail(f"{message.rstrip('.')}; see otgan --help") if message else BAD_INPUT
    if code == INTERRUPTED:  # typer turns Ctrl-C into this code by itself
        _fail("interrupted")
    sys.exit(code if isinstance(code, int) else 0)


def _print_warning(message: Warning | str, *_: object, **__: object) -> None:
    typer.echo(f"otgan: warning: {' '.join(str(message).split())}", err=True)


def _fail(message: str) -> int:
    typer.echo(f"otgan: {' '.join(message.split())}", err=True)
    return BAD_INPUT
