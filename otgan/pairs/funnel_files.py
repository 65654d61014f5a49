"""MinFunnels read from files: the authors' own, or an NPZ of many of them. A file may hold anything at all."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from otgan.checks import as_count
from otgan.errors import FileFormatError, InvalidInputError, OtganError
from otgan.pairs.funnels import MOST_FUNNELS, Cones, Funnels, as_degree

#: A file that holds N (D + 1) numbers in double precision may have so many bytes around them.
OVERHEAD = 2**20


def load_funnels(path: str | os.PathLike[str], dim: int = 2, n_funnels: int = 4, degree: float = 8) -> Funnels:
    """Read a MinFunnel pair, such as one of the 28 that its authors have published.

    Args:
        path: A `.pt` file as the authors write it, a dictionary of tensors `net.centers`, (N, D), and `net.bias`, (N,);
            or an `.npz` with the arrays `centers_D_N`, (N, D), and `biases_D_N`, (N,), for one or more (D, N).
        dim: Dimension D of the pair.
        n_funnels: Its number N of cones.
        degree: The power p > 1 along each ray; the published pairs have 8.

    Returns:
        The pair; see `funnels`.

    Raises:
        FileFormatError: If the file is missing, damaged, hostile, or does not hold that pair. Nothing is unpickled.
        InvalidTypeError, InvalidValueError: If dim, n_funnels or degree is out of range.

    Source: Korotin et al. (2022), Kantorovich Strikes Back!; the names as in the authors' code and files.
    """
    dim, n, power = as_count("dim", dim), as_count("n_funnels", n_funnels, high=MOST_FUNNELS), as_degree(degree)
    path = Path(path)
    readers = {".pt": _from_torch, ".npz": _from_npz}
    if path.suffix not in readers:
        raise FileFormatError(
            f"{path}: the suffix must be one of {', '.join(readers)}, got {path.suffix!r}; "
            "pass the authors' .pt, or an .npz with centers_D_N and biases_D_N"
        )
    try:
        centres, biases = readers[path.suffix](path, dim, n)
        _need_shape(path, "centres", centres, (n, dim))
        _need_shape(path, "biases", biases, (n,))
        cones = Cones(centres, biases)
    except InvalidInputError as error:
        raise FileFormatError(f"{path}: {error}") from error
    except (OtganError, ImportError):
        raise
    # Damaged and hostile files come back as ValueError, RuntimeError, UnpicklingError, BadZipFile, zlib.error,
    # EOFError and more, differently in each version of the libraries.
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise FileFormatError(f"{path}: cannot be read ({error.strerror}); check the path") from error
        what = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        raise FileFormatError(f"{path}: does not hold funnels ({what}); fetch or write it again") from error
    return Funnels(cones, power, origin=f"from {path.name}, degree {power:g}")


def _from_npz(path: Path, dim: int, n: int) -> tuple[Any, Any]:
    names = f"centers_{dim}_{n}", f"biases_{dim}_{n}"
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: info.file_size for info in archive.infolist()}
        for name in names:
            if f"{name}.npy" not in members:
                raise FileFormatError(
                    f"{path}: must hold an array {name}, got {_found(members)}; "
                    "ask for a dim and n_funnels that it holds"
                )
            _need_size(path, members[f"{name}.npy"], dim, n)
        arrays = []
        for name in names:
            content = archive.read(f"{name}.npy")  # its size has been looked at before it is unpacked
            arrays.append(np.lib.format.read_array(io.BytesIO(content), allow_pickle=False))
    return arrays[0], arrays[1]


def _from_torch(path: Path, dim: int, n: int) -> tuple[Any, Any]:
    _need_size(path, path.stat().st_size, dim, n)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            _need_size(path, sum(info.file_size for info in archive.infolist()), dim, n)
    import torch

    content = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(content, dict) or not {"net.centers", "net.bias"} <= set(content):
        found = _found(content) if isinstance(content, dict) else f"a {type(content).__name__}"
        raise FileFormatError(
            f"{path}: must hold net.centers and net.bias, got {found}; save the state_dict of a MinFunnels network"
        )
    tensors = content["net.centers"], content["net.bias"]
    for tensor in tensors:
        if not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided:
            raise FileFormatError(f"{path}: must hold dense tensors, got a {type(tensor).__name__}; save them anew")
    return tensors[0].detach(), tensors[1].detach()


def _need_size(path: Path, size: int, dim: int, n: int) -> None:
    most = 8 * n * (dim + 1) + OVERHEAD
    if size > most:
        raise FileFormatError(
            f"{path}: must not exceed {most} bytes for {n} funnels in dimension {dim}, got {size}; "
            "check dim and n_funnels"
        )


def _need_shape(path: Path, what: str, values: Any, shape: tuple[int, ...]) -> None:
    if tuple(values.shape) != shape:
        raise FileFormatError(
            f"{path}: {what} must have shape {shape}, got {tuple(values.shape)}; check dim and n_funnels"
        )


def _found(names: Any) -> str:
    known = [str(name).removesuffix(".npy") for name in names]
    text = "".join(mark if mark.isprintable() else "·" for mark in ", ".join(known[:6]))
    return (text[:120] + (", …" if len(known) > 6 or len(text) > 120 else "")) or "nothing"
