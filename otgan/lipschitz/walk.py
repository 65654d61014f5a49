"""The layers of a torch module, one after the other, where that is what the module computes."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.nn.modules import module as torch_module
from torch.nn.utils import parametrize

from otgan.critics import ConesCritic, MLPCritic


class UnknownModuleError(Exception):
    """Nothing is proven for a module; the message says which and why."""


def frozen(critic: Any) -> nn.Module:
    """A copy on the CPU, in eval mode and float64; whatever is asked of it leaves the critic alone.

    Raises:
        UnknownModuleError: If it is no torch module, or cannot be copied.
    """
    if not isinstance(critic, nn.Module):
        raise UnknownModuleError(f"{type(critic).__name__} is no torch module, its layers are unknown")
    try:
        return copy.deepcopy(critic).cpu().double().eval()
    except Exception as error:
        raise UnknownModuleError(f"{type(critic).__name__} cannot be copied ({type(error).__name__})") from error


def leaves(module: nn.Module, name: str = "") -> Iterator[tuple[type[nn.Module], nn.Module, str]]:
    """The layers that a module applies in turn: their kind, themselves, and what errors call them.

    Sequentials, `MLPCritic` and `ConesCritic` are looked into (centre and scale are no layers); everything else is a
    layer. One that is applied several times comes as often.

    Raises:
        UnknownModuleError: If hooks or a replaced forward stand between the layers and what is computed, or a place
            in a Sequential is empty.
    """
    kind = parametrize.type_before_parametrizations(module)
    what = f"{kind.__name__} at '{name}'" if name else kind.__name__
    if _is_altered(module):
        raise UnknownModuleError(f"{what} has hooks or a replaced forward, which may compute anything")
    if kind in (MLPCritic, ConesCritic):
        yield from leaves(module.get_submodule("layers"), f"{name}.layers".lstrip("."))
    elif kind is nn.Sequential:
        for key, child in module._modules.items():  # named_children() leaves out what it has seen before
            if child is None:
                raise UnknownModuleError(f"{what} has no layer at '{key}'")
            yield from leaves(child, f"{name}.{key}".lstrip("."))
    else:
        yield kind, module, what


def _is_altered(module: nn.Module) -> bool:
    """Whether a call of it computes something else than its class says: its own hooks, those of all, methods."""
    hooks = (
        module._forward_hooks,
        module._forward_pre_hooks,
        torch_module._global_forward_hooks,
        torch_module._global_forward_pre_hooks,
    )
    return any(hooks) or not vars(module).keys().isdisjoint(("forward", "__call__", "_call_impl"))
