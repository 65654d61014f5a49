"""What a generator is to learn, as it is named on the command line, and the note of it in the folder of a run."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otgan.gan import Data

#: The note in the run folder.
NOTE = "data.json"
#: A note takes a few hundred bytes.
MAX_NOTE = 2**16


@dataclasses.dataclass(frozen=True)
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
    """Read what is to be learnt; a finite data set is split in the same way, whatever the seed of a training.

    Raises:
        InvalidInputError: If an option does not fit the data.
        OtganError: If a file cannot be read, see `otgan.files.read_points`.
    """
    from otgan.errors import InvalidValueError
    from otgan.files import read_points
    from otgan.gan import get_data

    path = _path(source)
    if path is None:
        if source.columns is not None:
            raise InvalidValueError("--columns", "come with a file", source.columns, "leave it out")
        try:
            return get_data(source.data, **_std(source))
        except InvalidValueError as error:
            if error.name != "data":
                raise
            rule = f"{error.rule}, or a file or folder that is there"
            raise InvalidValueError("--data", rule, error.value, "check the spelling, or the path") from error
    if source.std is not None:
        raise InvalidValueError("--std", "come with a law that has modes", source.std, "leave it out")
    chosen = None if source.columns is None else [name.strip() for name in source.columns.split(",")]
    return dataclasses.replace(get_data(read_points(path, columns=chosen)[0]), name=source.label)


def _path(source: Source) -> Path | None:
    """The file or folder that is meant; None for a name."""
    from otgan.gan import TOYS

    path = Path(source.data)
    return path if source.data not in TOYS and path.exists() else None


def _std(source: Source) -> dict[str, float]:
    import inspect

    from otgan.errors import InvalidValueError
    from otgan.gan import TOYS

    if source.std is None:
        return {}
    having = [name for name, law in TOYS.items() if "std" in inspect.signature(law).parameters]
    if source.data not in having:
        raise InvalidValueError("--std", f"come with {' or '.join(having)}", source.data, "leave it out")
    return {"std": source.std}


def note_source(folder: Path, source: Source) -> None:
    """Write down where the data of a run come from, files by their whole path."""
    from otgan.archive import whole_file

    path = _path(source)
    content = dataclasses.asdict(source) | ({} if path is None else {"data": os.path.abspath(path)})
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
        if (
            not isinstance(content, dict)
            or content.keys() != {"data", "std", "columns"}
            or not isinstance(content["data"], str)
            or type(content["std"]) not in (float, int, type(None))
            or not isinstance(content["columns"], str | None)
        ):
            raise ValueError("other fields than data, std and columns")
    return Source(**content)

