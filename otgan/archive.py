"""Arrays and a header in one file, NPZ or JSON: written whole or not at all, and read without unpickling."""

from __future__ import annotations

import errno
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from otgan.errors import FileFormatError, one_line

SUFFIXES = (".npz", ".json")
#: A member that unpacks to more than this many bytes, and by more than this factor, is a bomb: what `write` packs,
#: coordinates and masses, shrinks by a factor of ten at the most.
LARGE, RATIO = 2**28, 200


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing that takes its name only when it is complete.

    Raises:
        FileFormatError: If the folder does not exist or may not be written.
    """
    target = Path(path)
    part = None
    with _writing(target):
        try:
            handle, part = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
            with os.fdopen(handle, "wb") as file:
                yield file
            os.chmod(part, 0o644 & ~_umask())
            os.replace(part, target)
            part = None
        finally:
            if part is not None:
                Path(part).unlink(missing_ok=True)


def check_file(path: str | os.PathLike[str]) -> None:
    """See whether `whole_file` can write there; worth a call before minutes of work.

    Raises:
        FileFormatError: If not.
    """
    target = Path(path)
    with _writing(target):
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        handle, part = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
        os.close(handle)
        os.unlink(part)


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """What the system refuses, as an error of ours."""
    if "\0" in str(target):
        raise FileFormatError(f"{one_line(target)}: no file can have that name; choose another")
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise FileFormatError(
            f"{target}: cannot be written ({reason}); choose a folder that exists and is yours"
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write(path: str | os.PathLike[str], header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a header (JSON) and arrays (integers or float64).

    Raises:
        FileFormatError: If the suffix is neither .npz nor .json, or the file cannot be written.
    """
    suffix = Path(path).suffix
    if suffix not in SUFFIXES:
        raise FileFormatError(
            f"{path}: the suffix must be one of {', '.join(SUFFIXES)}; it says how to store the arrays"
        )
    with whole_file(path) as file:
        if suffix == ".npz":
            np.savez_compressed(file, header=np.array(json.dumps(header)), **dict(arrays))  # type: ignore[arg-type]
        else:
            lists = {name: array.tolist() for name, array in arrays.items()}
            file.write(json.dumps({**header, **lists}).encode())


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what goes wrong inside into one line about the file.

    Raises:
        FileFormatError: For anything that a missing, damaged or hostile file can provoke.
    """
    try:
        yield
    except FileFormatError:
        raise
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, AttributeError) as error:
        raise FileFormatError(f"{path}: does not hold what it should ({_told(error)}); write it again") from error
    except (MemoryError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise FileFormatError(f"{path}: damaged ({_told(error)}); write it again") from error


def _told(error: BaseException) -> str:
    return one_line(f"{type(error).__name__}: {error}")


def read(path: str | os.PathLike[str], names: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read the header and the named arrays; call it inside `reading`.

    Raises:
        FileFormatError: If the suffix is neither .npz nor .json.
    """
    source = Path(path)
    if source.suffix not in SUFFIXES:
        raise FileFormatError(f"{path}: the suffix must be one of {', '.join(SUFFIXES)}; rename it to what it is")
    if source.suffix == ".json":
        content = json.loads(source.read_text(encoding="utf-8"))
        return dict(content), {name: np.asarray(content[name]) for name in names}
    with zipfile.ZipFile(source) as members:
        if any(
            entry.file_size > LARGE and entry.file_size > RATIO * entry.compress_size for entry in members.infolist()
        ):
            raise FileFormatError(f"{path}: unpacks to over {RATIO} times its size; save it again")
    with source.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return dict(json.loads(str(stored["header"]))), {name: stored[name] for name in names}
