"""Finding the critic that a user names on the command line: a file, or an object in a module of theirs."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from otgan.errors import FileFormatError, InvalidInputError


def find_critic(name: str) -> Any:
    """Load `FILE.safetensors` or import `MODULE:OBJECT`, the current folder first.

    Raises:
        FileFormatError: If a file cannot be read, or is of a kind that is not opened.
        InvalidInputError: If the module or the object in it is not there, fails on import, or is no critic.
    """
    path = Path(name)
    if path.suffix == ".safetensors" or path.exists():
        if path.is_file() and path.suffix != ".safetensors":
            raise FileFormatError(
                f"{name}: only .safetensors files are opened, since others can run code; "
                "write one with otgan.critics.save_critic, or pass MODULE:OBJECT"
            )
        from otgan.critics import load_critic

        return load_critic(path)
    module_name, colon, attribute = name.partition(":")
    if not colon or not module_name or not attribute:
        raise InvalidInputError(
            "--critic",
            "be a .safetensors file or MODULE:OBJECT",
            repr(name),
            "check the path, or write package.module:critic",
        )
    return _import(module_name, attribute)


def _import(module_name: str, attribute: str) -> Any:
    sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # whatever the user's module raises while it is imported
        raise InvalidInputError(
            "--critic", f"name a module that can be imported, {module_name}", f"{type(error).__name__}: {error}",
            "run in the folder that holds it, or install it",
        ) from error  # fmt: skip
    finally:
        sys.path.pop(0)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise InvalidInputError(
                "--critic",
                f"name an object in {module_name}",
                f"no {attribute!r}",
                "check the spelling after the colon",
            )
        found = getattr(found, part)
    if isinstance(found, type) or not callable(found):
        raise InvalidInputError(
            "--critic",
            "be a torch module or a function of points",
            f"{attribute}, a {'class' if isinstance(found, type) else type(found).__name__}",
            "name an instance",
        )
    return found
