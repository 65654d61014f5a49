"""Networks of the user's own, checked before anything is trained."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, one_line
from otgan.gan.networks import seeded
from otgan.gan.system import System, Task


def check_own(system: System, own: Mapping[str, nn.Module], task: Task) -> None:
    """See whether a system can train these networks.

    Args:
        system: What will train them.
        own: "generator", "critic", both or neither.
        task: What is to be drawn.

    Raises:
        InvalidTypeError: If one is no module.
        InvalidValueError: If the system builds its own, if nothing in one can be trained, or if they share weights.
        InvalidShapeError: If the generator does not map noise to points.
    """
    for name, module in own.items():
        if not isinstance(module, nn.Module):
            raise InvalidTypeError(name, "be a torch.nn.Module", type(module).__name__, "wrap it in a module")
        if not getattr(system, f"any_{name}"):
            raise InvalidValueError(
                name, f"be left out where the method is {system.name}", type(module).__name__,
                "let the method build it, or choose another method",
            )  # fmt: skip
        if not any(weight.requires_grad for weight in module.parameters()):
            raise InvalidValueError(name, "have weights to train", "none that require a gradient", "set requires_grad")
        if any(isinstance(weight, nn.UninitializedParameter) for weight in module.parameters()):
            raise InvalidValueError(name, "have weights", "a lazy module without them", "call it once before")
        if any(weight.is_inference() for weight in module.parameters()):
            raise InvalidValueError(
                name, "have weights that can be trained", "some that were made in torch.inference_mode",
                "make the module outside of it",
            )  # fmt: skip
    if len(own) == 2 and set.intersection(*(set(module.parameters()) for module in own.values())):
        raise InvalidValueError(
            "critic", "share no weights with the generator", "some that are in both", "pass two modules apart"
        )
    if "generator" in own:
        _check_generator(own["generator"], task)


def _check_generator(generator: nn.Module, task: Task) -> None:
    """Ask a copy of a generator of the user's own for two points, before training trips over them."""
    like = next(generator.parameters())
    rule = f"map noise (n, {task.noise_dim}) to points (n, {', '.join(map(str, task.shape))})"
    fix = "match its first and last layer, and let both be of float32"
    try:
        with seeded([0], like.device), torch.no_grad():
            points = copy.deepcopy(generator).eval()(
                torch.zeros(2, task.noise_dim, dtype=torch.float32, device=like.device)
            )
    except Exception as error:
        raise InvalidShapeError("generator", rule, one_line(f"{type(error).__name__}: {error}", 120), fix) from error
    if not isinstance(points, Tensor):
        raise InvalidShapeError("generator", rule, type(points).__name__, fix)
    if points.ndim < 2 or len(points) != 2 or points.numel() != 2 * task.dim or points.dtype != torch.float32:
        raise InvalidShapeError("generator", rule, f"shape {tuple(points.shape)} of {points.dtype} for two rows", fix)
