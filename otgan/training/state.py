"""All that a training run carries from one step to the next, taken out of it and put back bit for bit."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from otgan.errors import CheckpointError, InvalidTypeError

AnyGenerator = np.random.Generator | torch.Generator

#: Optimisers of PyTorch whose state is made of single numbers and of tensors with the shape of the parameter.
ELEMENTWISE = tuple(
    getattr(torch.optim, name)
    for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "ASGD", "Rprop")
)

#: Stored values nest a few levels deep; a hostile file could nest them until the interpreter gives up.
DEEPEST = 64


@dataclass(frozen=True, eq=False)
class TrainingState:
    """A snapshot: tensors by name, and everything else as JSON.

    Attributes:
        tensors: Copies on the CPU, which later steps do not change.
        content: What `json.dumps` takes and `json.loads` gives back as it was.
    """

    tensors: dict[str, Tensor]
    content: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Parts:
    """What changes while one trains.

    A run continues bit for bit if its step depends on these and on the step's number alone. Gradients are not kept
    between steps, and neither is how many children a NumPy generator has spawned. A network with dropout draws from
    PyTorch's global generator, which is a part like any other: ``{"global": torch.default_generator}``.

    Args:
        modules: Their parameters and buffers, also those that a `state_dict` leaves out.
        optimizers: Any of PyTorch's; their state, and their parameter groups with the learning rates.
        generators: Of NumPy or PyTorch.
        schedules: PyTorch's learning-rate schedules; a rate that the step computes from its number needs none.
        numbers: Anything else that the step changes, such as a running mean: JSON values or tensors; the dictionary is
            restored in place.
    """

    modules: Mapping[str, nn.Module] = field(default_factory=dict)
    optimizers: Mapping[str, Optimizer] = field(default_factory=dict)
    generators: Mapping[str, AnyGenerator] = field(default_factory=dict)
    schedules: Mapping[str, LRScheduler] = field(default_factory=dict)
    numbers: MutableMapping[str, Any] = field(default_factory=dict)

    def state(self) -> TrainingState:
        """A snapshot of all parts.

        Raises:
            InvalidTypeError: If an optimiser, a schedule or `numbers` holds what neither JSON nor a tensor can, such
                as a function.
        """
        tensors: dict[str, Tensor] = {}
        for name, module in self.modules.items():
            tensors |= {f"modules/{name}/{key}": _copied(tensor) for key, tensor in _tensors_of(module)}
        content: dict[str, Any] = {"optimizers": {}, "generators": {}, "schedules": {}}
        for name, optimizer in self.optimizers.items():
            content["optimizers"][name] = _encode(f"optimizers/{name}", optimizer.state_dict(), tensors)
        for name, schedule in self.schedules.items():
            content["schedules"][name] = _encode(f"schedules/{name}", schedule.state_dict(), tensors)
        for name, generator in self.generators.items():
            state = generator.get_state() if isinstance(generator, torch.Generator) else generator.bit_generator.state
            content["generators"][name] = _encode(f"generators/{name}", state, tensors)
        content["numbers"] = _encode("numbers", dict(self.numbers), tensors)
        return TrainingState(tensors, content)

    def restore(self, state: TrainingState) -> None:
        """Put a snapshot back.

        Names, shapes and dtypes are compared first, so that an error leaves all parts as they were.

        Raises:
            CheckpointError: If the snapshot is not one of parts like these; the message says what differs.
        """
        self._compare_modules(state)
        decoded: dict[str, dict[str, Any]] = {}
        for kind, mine in (
            ("optimizers", self.optimizers), ("schedules", self.schedules), ("generators", self.generators),
        ):  # fmt: skip
            stored = state.content.get(kind)
            if not isinstance(stored, dict) or stored.keys() != mine.keys():
                raise _differs(kind, "have the names of the parts, " + _listed(mine), _listed(stored))
            decoded[kind] = {name: _decode(f"{kind}/{name}", stored[name], state.tensors) for name in mine}
        numbers = _decode("numbers", state.content.get("numbers"), state.tensors)
        if not isinstance(numbers, dict) or not numbers.keys() >= self.numbers.keys():  # steps may have added some
            raise _differs("numbers", "have the names of the parts, " + _listed(self.numbers), _listed(numbers))
        for name, optimizer in self.optimizers.items():
            _check_optimizer(f"optimizers/{name}", optimizer, decoded["optimizers"][name])
        for name, schedule in self.schedules.items():
            _check_like(f"schedules/{name}", schedule.state_dict(), decoded["schedules"][name])
        for name, generator in self.generators.items():
            _check_generator(f"generators/{name}", generator, decoded["generators"][name])

        with torch.no_grad():
            for name, module in self.modules.items():
                for key, tensor in _tensors_of(module):
                    tensor.copy_(state.tensors[f"modules/{name}/{key}"])
        for name, optimizer in self.optimizers.items():
            _load_optimizer(optimizer, decoded["optimizers"][name])
        for name, schedule in self.schedules.items():
            schedule.load_state_dict(decoded["schedules"][name])
        for name, generator in self.generators.items():
            _load_generator(generator, decoded["generators"][name])
        self.numbers.clear()
        self.numbers.update(numbers)

    def _compare_modules(self, state: TrainingState) -> None:
        wanted = {
            f"modules/{name}/{key}": _form(tensor)
            for name, module in self.modules.items()
            for key, tensor in _tensors_of(module)
        }
        found = {name: _form(tensor) for name, tensor in state.tensors.items() if name.startswith("modules/")}
        for name in sorted(wanted.keys() | found.keys()):
            if wanted.get(name) != found.get(name):
                raise _differs(name, f"be {wanted.get(name, 'absent')}", found.get(name, "absent"))


def not_finite(modules: Mapping[str, nn.Module]) -> str:
    """The name of a parameter with an entry that is NaN or infinite, or an empty string."""
    for name, module in modules.items():
        for key, parameter in module.named_parameters():
            if not bool(torch.isfinite(parameter.detach()).all()):
                return f"{name}.{key}"
    return ""


# Modules


def _tensors_of(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers, each once, also where several layers share it."""
    yield from module.named_parameters()
    yield from module.named_buffers()


def _copied(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True).contiguous()


def _form(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"


# JSON, with tensors aside


def _encode(path: str, value: Any, tensors: dict[str, Tensor]) -> Any:
    """The value as JSON in which lists, tuples, dictionaries, arrays and tensors can be told apart."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value)
    if isinstance(value, Tensor):
        tensors[path] = _copied(value)
        return {"tensor": path}
    if isinstance(value, np.ndarray) and value.dtype.kind in "iu" and value.ndim == 1:  # MT19937, Philox, SFC64
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    if type(value) in (list, tuple):
        return {type(value).__name__: [_encode(f"{path}/{k}", item, tensors) for k, item in enumerate(value)]}
    if type(value) is dict and all(type(key) in (str, int) for key in value):
        return {"dict": [[key, _encode(f"{path}/{key}", item, tensors)] for key, item in value.items()]}
    raise InvalidTypeError(
        path, "hold numbers, text, lists, dictionaries or tensors", type(value).__name__, "compute it from the step"
    )


def _decode(path: str, value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if path.count("/") > DEEPEST:
        raise _differs(path[:40], f"be nested at most {DEEPEST} times", "more")
    if value is None or isinstance(value, bool | str | int | float):
        return value
    if isinstance(value, dict):
        kind = next(iter(value), "")
        inner = value.get(kind)
        if kind == "tensor" and isinstance(inner, str) and inner in tensors:
            return tensors[inner].clone()
        if kind == "array" and isinstance(inner, list) and value.get("dtype") in ("uint32", "uint64"):
            try:
                return np.array(inner, dtype=value["dtype"])
            except (ValueError, TypeError, OverflowError) as error:
                raise _differs(path, "hold integers", type(error).__name__) from error
        if kind in ("list", "tuple") and isinstance(inner, list):
            items = [_decode(f"{path}/{k}", item, tensors) for k, item in enumerate(inner)]
            return items if kind == "list" else tuple(items)
        if kind == "dict" and isinstance(inner, list) and all(map(_is_item, inner)):
            return {key: _decode(f"{path}/{key}", item, tensors) for key, item in inner}
    raise _differs(path, "be a stored value", repr(value)[:60])


def _is_item(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and type(pair[0]) in (str, int)


# Optimisers and schedules


def _check_optimizer(path: str, optimizer: Optimizer, stored: Any) -> None:
    mine = optimizer.state_dict()
    if not isinstance(stored, dict) or stored.keys() != mine.keys():
        raise _differs(path, "be the state of an optimiser", _listed(stored))
    _check_like(f"{path}/param_groups", mine["param_groups"], stored["param_groups"])
    for k, (group, other) in enumerate(zip(mine["param_groups"], stored["param_groups"], strict=True)):
        if group["params"] != other["params"]:
            raise _differs(f"{path}/param_groups/{k}", f"have {len(group['params'])} parameters", len(other["params"]))
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if not isinstance(stored["state"], dict):
        raise _differs(f"{path}/state", "be a dictionary", type(stored["state"]).__name__)
    for index, values in stored["state"].items():
        where = f"{path}/state/{index}"
        if type(index) is not int or not 0 <= index < len(parameters) or not isinstance(values, dict):
            raise _differs(where, f"belong to one of {len(parameters)} parameters", repr(index))
        if type(optimizer) not in ELEMENTWISE:
            continue
        shape = parameters[index].shape
        for key, value in values.items():
            if isinstance(value, Tensor) and value.ndim and value.shape != shape:
                raise _differs(f"{where}/{key}", f"have the parameter's shape {tuple(shape)}", tuple(value.shape))
    if stored["state"] and mine["state"]:
        for index in mine["state"].keys() & stored["state"].keys():
            if mine["state"][index].keys() != stored["state"][index].keys():
                raise _differs(
                    f"{path}/state/{index}", "hold " + _listed(mine["state"][index]), _listed(stored["state"][index])
                )


def _check_like(path: str, mine: Any, stored: Any) -> None:
    """Whether a stored value has the kind of the one it replaces; None says nothing about what may come."""
    if mine is None or stored is None:
        return
    if isinstance(mine, dict):
        if not isinstance(stored, dict) or mine.keys() != stored.keys():
            raise _differs(path, "hold " + _listed(mine), _listed(stored))
        for key in mine:
            _check_like(f"{path}/{key}", mine[key], stored[key])
    elif isinstance(mine, list | tuple):
        if not isinstance(stored, list | tuple) or len(stored) != len(mine):
            size = len(stored) if isinstance(stored, list | tuple) else type(stored).__name__
            raise _differs(path, f"have {len(mine)} entries", size)
        for k, (one, other) in enumerate(zip(mine, stored, strict=True)):
            _check_like(f"{path}/{k}", one, other)
    elif isinstance(mine, Tensor):
        if not isinstance(stored, Tensor) or _form(mine) != _form(stored):
            raise _differs(path, f"be {_form(mine)}", _form(stored) if isinstance(stored, Tensor) else repr(stored))
    elif isinstance(mine, int | float) and not isinstance(mine, bool):
        if isinstance(stored, bool) or not isinstance(stored, int | float) or math.isnan(stored):
            raise _differs(path, "be a number", repr(stored)[:60])
    elif isinstance(mine, bool | str) and type(stored) is not type(mine):
        raise _differs(path, f"be a {type(mine).__name__}", repr(stored)[:60])


def _load_optimizer(optimizer: Optimizer, stored: dict[str, Any]) -> None:
    optimizer.load_state_dict(stored)
    # It casts moments to the parameter's dtype, which loses bits where they were kept in a finer one.
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for index, values in stored["state"].items():
        state = optimizer.state[parameters[index]]
        for key, value in values.items():
            if isinstance(value, Tensor) and state[key].dtype != value.dtype:
                state[key] = value.to(state[key].device)


# Generators


def _check_generator(path: str, generator: AnyGenerator, stored: Any) -> None:
    """Try the state on a copy."""
    try:
        if isinstance(generator, torch.Generator):
            torch.Generator(generator.device).set_state(stored)
        else:
            copy.deepcopy(generator).bit_generator.state = stored
    except (ValueError, TypeError, KeyError, RuntimeError, OverflowError, IndexError, AttributeError) as error:
        kind = type(generator if isinstance(generator, torch.Generator) else generator.bit_generator).__name__
        raise _differs(path, f"be the state of a {kind}", f"{type(error).__name__}: {error}") from error


def _load_generator(generator: AnyGenerator, stored: Any) -> None:
    if isinstance(generator, torch.Generator):
        generator.set_state(stored)
    else:
        generator.bit_generator.state = stored


# Refusals


def _listed(names: Any) -> str:
    return ", ".join(map(str, names)) or "none" if isinstance(names, Mapping) else type(names).__name__


def _differs(name: str, rule: str, value: object) -> CheckpointError:
    return CheckpointError(name, rule, value, "resume with the modules, optimisers and generators of the run")
