"""Checkpoints on disk: one safetensors file, replaced in one step, and never unpickled."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from otgan.errors import FileFormatError, one_line
from otgan.training.state import TrainingState

SCHEMA = 1

#: A header takes about 100 bytes a tensor; safetensors itself would read 100 MB of JSON.
MAX_HEADER = 2**25

AGAIN = "take an older copy, or start the run again in another folder"


def save_checkpoint(path: str | os.PathLike[str], state: TrainingState) -> None:
    """Write a checkpoint; at every moment, the path holds the old file or the new one, whole.

    Everything goes to one file, since only one file can be replaced in one step. It is on the disk before it takes
    the name, and the name is on the disk before this returns. What a killed writer leaves behind is a file
    ``.NAME.*.part``, which `clean` removes. NaN and infinity are kept as they are: a moment of an optimiser that
    nothing reads may hold one, and what may not is for the loop to say.

    Args:
        path: The file, conventionally ``checkpoint.safetensors``.
        state: What to write.

    Raises:
        FileFormatError: If the file cannot be written.
    """
    path = Path(path)
    content = json.dumps({"schema": SCHEMA, "content": state.content})
    # One entry, since safetensors writes several in any order, and the same state is to give the same file.
    metadata = {"otgan": f"{_digest(content, state.tensors)}\n{content}"}
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            with part.open("xb") as file:
                file.write(safetensors.torch.save(state.tensors, metadata))
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
            sync_folder(path.parent)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise FileFormatError(f"{path}: cannot be written ({_reason(error)}); choose another folder") from error


def load_checkpoint(path: str | os.PathLike[str]) -> TrainingState:
    """Read a checkpoint that `save_checkpoint` wrote, whole and undamaged, or not at all.

    A digest over all that is read tells damage from truth; it is no signature, and a file from somebody else can hold
    any numbers, but numbers only.

    Raises:
        FileFormatError: If the file is missing, truncated, damaged, hostile, or of another schema.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise _refuse(path, "be a file", "a folder" if path.is_dir() else "nothing there", "check the path")
        with path.open("rb") as raw:
            header = int.from_bytes(raw.read(8), "little")
        if header > MAX_HEADER:
            raise _refuse(path, "be a checkpoint", f"a header of {header} bytes", AGAIN)
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileFormatError:
        raise
    except (OSError, ValueError, TypeError, RuntimeError, MemoryError, safetensors.SafetensorError) as error:
        raise _refuse(path, "be a safetensors file", _reason(error), AGAIN) from error
    digest, newline, content = metadata.get("otgan", "").partition("\n")
    if not newline:
        raise _refuse(path, "be a checkpoint of otgan", "other metadata", AGAIN)
    if digest != _digest(content, tensors):
        raise _refuse(path, "be undamaged", "content that does not fit its checksum", AGAIN)
    try:
        stored: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _refuse(path, "have JSON metadata", _reason(error), AGAIN) from error
    if (
        not isinstance(stored, dict)
        or stored.keys() != {"schema", "content"}
        or not isinstance(stored["content"], dict)
    ):
        raise _refuse(path, "have metadata with a schema and a content", one_line(stored, 60), AGAIN)
    if stored["schema"] != SCHEMA:
        raise _refuse(path, f"have schema {SCHEMA}", one_line(stored["schema"], 60), "update otgan")
    return TrainingState(tensors, stored["content"])


def clean(path: str | os.PathLike[str]) -> None:
    """Remove what killed writers of that file left behind; call it where no other process writes it."""
    path = Path(path)
    for part in path.parent.iterdir():
        if part.name.startswith(f".{path.name}.") and part.name.endswith(".part"):
            part.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system lets one ask for it."""
    if os.name == "nt":  # folders cannot be opened there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _digest(content: str, tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(content.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().contiguous()
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _refuse(path: Path, rule: str, value: str, fix: str) -> FileFormatError:
    return FileFormatError(f"{one_line(path)} must {rule}, got {value}; {fix}")


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return one_line(error, 120) or type(error).__name__
