"""Reading what `train` is given besides data and method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import torch

from otgan.checks import as_count
from otgan.errors import InvalidTypeError, InvalidValueError


def read_widths(hidden: Any) -> tuple[int, ...]:
    """Read the widths of hidden layers.

    Raises:
        InvalidTypeError: If they are no sequence of integers.
        InvalidValueError: If one is below 1.
    """
    if isinstance(hidden, str | bytes) or not isinstance(hidden, Iterable):
        raise InvalidTypeError("hidden", "be a sequence of widths", repr(hidden)[:80], "write (128,) for one layer")
    return tuple(as_count("hidden", width) for width in hidden)


def read_device(device: Any) -> torch.device:
    """Read where to train.

    Raises:
        InvalidValueError: If there is no such device, or it holds no numbers.
    """
    try:
        place = torch.device(device)
        torch.empty(0, device=place)
    except (RuntimeError, TypeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
        raise InvalidValueError("device", "be one that is here", repr(device), f"write 'cpu' ({reason})") from error
    if place.type == "meta":
        raise InvalidValueError("device", "hold numbers", "'meta', which holds shapes alone", "write 'cpu'")
    return place


def read_method(given: Any, options: Mapping[str, Any], kinds: Mapping[str, Any], base: Any) -> Any:
    """Read one of several frozen dataclasses of hyper-parameters, by its name or as it is.

    Raises:
        InvalidValueError: If the name is unknown, or an option out of range.
        InvalidTypeError: If it is neither a name nor a `base`, or an option is unknown.
    """
    if isinstance(given, base):
        if options:
            raise InvalidTypeError("options", "come with a name", f"{given!r} beside them", "set them in the method")
        return given
    if not isinstance(given, str):
        raise InvalidTypeError("method", f"be a name or a {base.__name__}", type(given).__name__, "write 'wgan-gp'")
    if given not in kinds:
        raise InvalidValueError("method", f"be one of {', '.join(kinds)}", repr(given), "choose one of these names")
    kind = kinds[given]
    known = [field.name for field in fields(kind)]
    for name in options:
        if name not in known:
            raise InvalidTypeError(
                "options", f"be hyper-parameters of {given} ({', '.join(known)})", repr(name), "check the spelling"
            )
    return kind(**options)
