"""Reading tensors, whose values otgan's own checks read afterwards."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from otgan.checks import as_choice
from otgan.errors import InvalidTypeError, InvalidValueError


def read_tensors(x: Any, y: Any, a: Any, b: Any) -> list[Tensor]:
    """The tensors among points and weights, in this order, without weights that are None.

    Raises:
        InvalidTypeError: If one is no tensor of real floating point numbers.
        InvalidValueError: If they are on different devices.
    """
    given = {"x": x, "y": y} | {name: weights for name, weights in (("a", a), ("b", b)) if weights is not None}
    for name, tensor in given.items():
        if not isinstance(tensor, Tensor):
            raise InvalidTypeError(
                name,
                "be a torch tensor",
                type(tensor).__name__,
                "convert it by torch.as_tensor, or use otgan.wasserstein",
            )
        if not tensor.is_floating_point():
            raise InvalidTypeError(name, "hold floating point numbers", tensor.dtype, "call its .double()")
        if tensor.device != x.device:
            raise InvalidValueError(
                name, f"be on the device of x, {x.device}", tensor.device, f"call its .to({str(x.device)!r})"
            )
    return list(given.values())


def read_value(value: Any) -> bool:
    """Whether "distance" is asked for and not "cost".

    Raises:
        InvalidValueError: If it is neither.
    """
    return as_choice("value", value, ("distance", "cost")) == "distance"
