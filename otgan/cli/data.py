"""What a generator is to learn, as it is named on the command line, and the note of it in the folder of a run."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otgan.gan import Data
    from otgan.gan.inception import Inception

#: The note in the run folder.
NOTE = "data.json"
#: A note takes a few hundred bytes.
MAX_NOTE = 2**16


@dataclass(frozen=True)
class Source:
    """Where data come from.

    Attributes:
        data: A name, or a file or folder.
        std: Of each mode, for laws that have it.
        columns: Of a file, with commas.
    """

    data: str
    std: float | None = None
    columns: str | None = None

    @property
    def label(self) -> str:
        """For the names of folders."""
        stem = Path(self.data).stem or "data"
        return stem if self.std is None else f"{stem}-std{self.std:g}"


def read_data(source: Source) -> Data:
    """Read what is to be learnt; finite data are split in the same way, whatever the seed of a training.

    Raises:
        OtganError: See `otgan.gan.get_data`.
    """
    from otgan.gan import get_data

    options: dict[str, Any] = {}
    if source.std is not None:
        options["std"] = source.std
    if source.columns is not None:
        options["columns"] = [name.strip() for name in source.columns.split(",")]
    known = get_data(source.data, **options)
    return known if source.std is None else replace(known, name=source.label)


def read_inception(weights: Path | None, known: Data) -> Inception | None:
    """The network by which images are judged with FID; None if none is asked for.

    Raises:
        OtganError: If the data are no images, or see `otgan.gan.inception.Inception`.
    """
    from otgan.errors import InvalidValueError

    if weights is None:
        return None
    if not known.is_image:
        raise InvalidValueError("--inception", "come with images", f"points of shape {known.shape}", "leave it out")
    from otgan.gan.inception import Inception

    return Inception(known.shape, weights)


def note_source(folder: Path, source: Source) -> None:
    """Write down where the data of a run come from, files by their whole path."""
    from otgan.archive import whole_file
    from otgan.gan import TOYS

    is_path = source.data not in TOYS and Path(source.data).exists()
    content = asdict(source) | ({"data": os.path.abspath(source.data)} if is_path else {})
    with whole_file(folder / NOTE) as file:
        file.write(json.dumps(content).encode())


def noted_source(folder: Path) -> Source:
    """Read that note.

    Raises:
        FileFormatError: If it is missing or damaged.
    """
    from otgan.archive import reading
    from otgan.errors import FileFormatError

    path = folder / NOTE
    if not path.is_file():
        raise FileFormatError(f"{folder}: does not say which data it was trained on; pass --data")
    with reading(path):
        if path.stat().st_size > MAX_NOTE:
            raise ValueError(f"{path.stat().st_size} bytes")
        content: Any = json.loads(path.read_bytes())
        kinds = {"data": (str,), "std": (float, int, type(None)), "columns": (str, type(None))}
        if not isinstance(content, dict) or content.keys() != kinds.keys():
            raise ValueError("other fields than data, std and columns")
        for name, allowed in kinds.items():
            if type(content[name]) not in allowed:
                raise TypeError(f"{name} is a {type(content[name]).__name__}")
        if b"\0" in os.fsencode(content["data"]):  # which refuses what no file can be called
            raise ValueError("a name with a null byte")
    return Source(**content)
