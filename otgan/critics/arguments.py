"""Reading what `train` is given besides data and method."""

from __future__ import annotations

from collections.abc import Iterable
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
