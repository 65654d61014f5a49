"""Numbers whose gradients are known: what NumPy has computed, put into torch's graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from otgan.checks import FloatArray
from otgan.errors import NotProvidedError

#: Gives the gradient for each input, in order; None where it is not wanted.
Gradients = Callable[[Sequence[bool]], Sequence[FloatArray | None]]


def with_gradients(value: FloatArray, gradients: Gradients, inputs: Sequence[Tensor]) -> Tensor:
    """A tensor with the given value, which backward() follows to the inputs.

    Args:
        value: One number, (), or one for each problem of a batch, (B,).
        gradients: Is asked in the backward pass which inputs' gradients are wanted. They have the inputs' shapes; for a
            batch these begin with B, and each problem's value depends on its own part alone.
        inputs: On one device, which is that of the result; its dtype is the one to which theirs promote.

    Raises:
        NotProvidedError: In a backward pass through the first one's gradients.
    """
    result: Tensor = _Known.apply(value, gradients, *inputs)
    return result


def common_dtype(inputs: Sequence[Tensor]) -> torch.dtype:
    """The dtype to which those of the inputs promote."""
    return reduce(torch.promote_types, (tensor.dtype for tensor in inputs))


class _Known(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: FloatArray, gradients: Gradients, *inputs: Tensor) -> Tensor:
        ctx.gradients = gradients
        ctx.save_for_backward(*inputs)
        return torch.tensor(value, dtype=common_dtype(inputs), device=inputs[0].device)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> Any:
        found = ctx.gradients(ctx.needs_input_grad[2:])
        return None, None, *_FirstOrder.apply(outer[0], found, *ctx.saved_tensors)


class _FirstOrder(torch.autograd.Function):
    """The gradients times the outer one. They are constants here, so a second pass would be silently wrong."""

    @staticmethod
    def forward(ctx: Any, outer: Tensor, found: Sequence[FloatArray | None], *inputs: Tensor) -> Any:
        return tuple(
            None if array is None else _times(outer, torch.as_tensor(array, device=outer.device)).to(tensor.dtype)
            for array, tensor in zip(found, inputs, strict=True)
        )

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> Any:
        raise NotProvidedError(
            "otgan.autograd gives first derivatives, which hold the plan and the potentials fixed; call backward "
            "without create_graph=True, or detach() the gradient, and take differences of gradients for second ones"
        )


def _times(outer: Tensor, gradient: Tensor) -> Tensor:
    return outer.double().reshape(outer.shape + (1,) * (gradient.ndim - outer.ndim)) * gradient
