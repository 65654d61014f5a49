"""Critics on disk: weights as safetensors, the architecture as JSON beside them; nothing is ever unpickled."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from otgan.critics.networks import Critic, build
from otgan.errors import CriticError, FileFormatError, InvalidInputError, InvalidTypeError

SCHEMA = 1

#: A critic's header takes a few kB; safetensors itself would read 100 MB of JSON.
MAX_HEADER = 2**20

AGAIN = "save it again with otgan.critics.save_critic"


def save_critic(critic: Critic, path: str | os.PathLike[str]) -> None:
    """Write a critic; a file that is already there is replaced, in one step, once the new one is complete.

    Args:
        critic: A `Critic` in float32, such as `MLPCritic`.
        path: The file, conventionally ``*.safetensors``.

    Raises:
        InvalidTypeError: If the critic is of another class.
        CriticError: If a weight is not finite or not float32.
        FileFormatError: If the file cannot be written.
    """
    if not isinstance(critic, Critic):
        raise InvalidTypeError(
            "critic",
            "be a Critic, such as an MLPCritic",
            type(critic).__name__,
            "save other modules with safetensors.torch.save_model",
        )
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in critic.state_dict().items()}
    problem = _problem(tensors)
    if problem:
        raise CriticError("critic", "have finite float32 weights", problem, "cast it with .float(), or train it again")
    metadata = {"otgan": json.dumps({"schema": SCHEMA, "architecture": critic.architecture})}
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            unfinished.write_bytes(safetensors.torch.save(tensors, metadata))
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        raise FileFormatError(
            f"path must be a file that can be written, got {str(path)!r} ({_reason(error)}); choose another folder"
        ) from error


def load_critic(path: str | os.PathLike[str]) -> Critic:
    """Read a critic that `save_critic` wrote.

    Everything is compared with what the architecture asks for, so that a damaged or hostile file ends in one error.

    Returns:
        The critic, in eval mode, on the CPU.

    Raises:
        FileFormatError: If the file is missing, not safetensors, not a critic of schema 1, or its tensors do not fit.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise _refuse(path, "be a file", "a folder" if path.is_dir() else "nothing there", "check the path")
        with path.open("rb") as file:
            header = int.from_bytes(file.read(8), "little")
        if header > MAX_HEADER:
            raise _refuse(path, "be a safetensors file", f"a header of {header} bytes", AGAIN)
        with safetensors.safe_open(path, framework="pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            shapes = {name: (part.get_dtype(), part.get_shape()) for name, part in slices.items()}
            metadata = file.metadata() or {}
            critic = _rebuild(path, metadata)
            wanted = {name: ("F32", list(tensor.shape)) for name, tensor in critic.state_dict().items()}
            if shapes != wanted:
                name = min(name for name in shapes.keys() | wanted.keys() if shapes.get(name) != wanted.get(name))
                raise _refuse(
                    path, "hold the tensors of its architecture", f"{name[:40]!r} as {shapes.get(name)}", AGAIN
                )
            tensors = {name: file.get_tensor(name) for name in wanted}
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise _refuse(path, "be a safetensors file", _reason(error), AGAIN) from error
    problem = _problem(tensors)
    if problem:
        raise _refuse(path, "hold finite weights", problem, "train the critic again")
    critic.load_state_dict(tensors)
    return critic.eval()


def _rebuild(path: Path, metadata: dict[str, str]) -> Critic:
    """The network that the metadata describe, with fresh weights."""
    try:
        content: Any = json.loads(metadata["otgan"])
    except KeyError:
        raise _refuse(path, "be a critic of otgan", "no 'otgan' in its metadata", AGAIN) from None
    except (ValueError, RecursionError) as error:
        raise _refuse(path, "have JSON metadata", _reason(error), AGAIN) from error
    if not isinstance(content, dict) or set(content) != {"schema", "architecture"}:
        raise _refuse(path, "have metadata with a schema and an architecture", repr(content)[:80], AGAIN)
    if content["schema"] != SCHEMA:
        raise _refuse(path, f"have schema {SCHEMA}", repr(content["schema"])[:80], "update otgan")
    try:
        return build(content["architecture"])
    except InvalidInputError as error:
        raise _refuse(path, "describe a network that can be built", f"one whose {error}", AGAIN) from error


def _problem(tensors: dict[str, Tensor]) -> str:
    """What is wrong with the values, or an empty string."""
    for name, tensor in tensors.items():
        if tensor.dtype != torch.float32:
            return f"{tensor.dtype} in {name}"
        if not tensor.isfinite().all():
            return f"NaN or infinity in {name}"
        if name == "scale" and not tensor > 0:
            return f"a scale of {float(tensor):g}"
    return ""


def _refuse(path: Path, rule: str, value: str, fix: str) -> FileFormatError:
    return FileFormatError(" ".join(f"{str(path)!r} must {rule}, got {value}; {fix}".split()))


def _reason(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else f"{error}" or type(error).__name__
    return text.splitlines()[0][:120]
