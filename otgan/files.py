"""Points read from files: delimited text, NumPy arrays, Parquet.

A file may be anything at all, so nothing is unpickled, sizes are compared before memory is taken, and whatever goes
wrong becomes one line that names the file.
"""

from __future__ import annotations

import contextlib
import csv
import io
import math
import zipfile
from array import array as compact_array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray, as_points
from otgan.errors import FileFormatError, MissingDependencyError, OtganError, one_line

if TYPE_CHECKING:
    import os

#: A file that unpacks to more than this many bytes and to more than this many times its own size is refused. Points
#: that were measured shrink by tens at most; deflate reaches a thousand on zeros, run-length encoding any number.
LARGE, SUSPICIOUS_RATIO = 2**28, 200

#: Names under which pandas writes the index of a data frame, which would pass for one more coordinate.
_ROW_LABELS = ("", "__index_level_0__")

Column = str | int
Columns = Sequence[Column] | Column


def read_points(
    path: str | os.PathLike[str],
    *,
    columns: Columns | None = None,
    weights: Column | None = None,
    array: str | None = None,
) -> tuple[FloatArray, FloatArray | None]:
    """Read points, and weights where asked for, from a file.

    The suffix says the format: .csv, .tsv and .txt (UTF-8; with a header if the first row is not all numbers; the
    first row shows the delimiter: comma, tab, semicolon, or blanks in a .txt), .npy, .npz, .parquet.

    Args:
        path: The file.
        columns: Columns to use as coordinates, by name or by position from 0 (an int, or the digits of one that
            are no other column's name); None for all but the weights. For text and Parquet.
        weights: Column of the weights; in an .npz, name of the array of the weights.
        array: Name of the array of points in an .npz, needed where there are several.

    Returns:
        Points, (n, d), float64, and weights, (n,), float64, as they stand in the file, or None where not asked for.

    Raises:
        FileFormatError: If the file is missing, unreadable, damaged, of an unknown format, or without that column.
        InvalidTypeError, InvalidShapeError, InvalidValueError: If it holds no points, see `otgan.checks.as_points`;
            the message names the file.
        MissingDependencyError: If it is a Parquet file and pyarrow is not installed.
    """
    path = Path(path)
    options = {"columns": columns, "weights": weights, "array": array}
    with _one_line(path):
        kind = _kind(path, tuple(_READERS))
        allowed, read = _READERS[kind]
        for option, value in options.items():
            if value is not None and option not in allowed:
                rule = f"be read without {option}, which {kind} has not"
                raise _refusal(path, rule, repr(value), f"leave {option} out")
        points, mass = read(path, **{option: options[option] for option in allowed})
    return as_points(one_line(path, 200), points), mass


def read_array(path: str | os.PathLike[str], *, array: str | None = None) -> NDArray[Any]:
    """Read an array of any shape, such as one of images, from a NumPy file.

    Args:
        path: The file, .npy or .npz.
        array: Name of the array in an .npz, needed where there are several.

    Returns:
        The array, of the dtype that it has in the file: integers or floats.

    Raises:
        FileFormatError: If the file is missing, unreadable, damaged, of another format, or holds no real numbers.
    """
    path = Path(path)
    with _one_line(path):
        if _kind(path, (".npy", ".npz")) == ".npz":
            values, _ = _read_npz(path, array=array, weights=None)
        elif array is not None:
            raise _refusal(path, "be read without array, which .npy has not", repr(array), "leave array out")
        else:
            values, _ = _read_npy(path)
    return np.asarray(values)


def _kind(path: Path, kinds: tuple[str, ...]) -> str:
    """The suffix of a file that is there."""
    if not path.is_file():
        found = "a folder" if path.is_dir() else "something else" if path.exists() else "no such file"
        raise _refusal(path, "be a file", found, "check the path")
    if path.suffix.lower() not in kinds:
        raise _refusal(path, f"end in {', '.join(kinds)}", repr(path.suffix), "rename or convert it")
    return path.suffix.lower()


# Refusals


def _refusal(path: Path, rule: str, value: object, fix: str) -> FileFormatError:
    return FileFormatError(f"{one_line(path, 200)} must {one_line(rule, 120)}, got {one_line(value, 100)}; {fix}")


@contextlib.contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """Turn whatever a hostile file makes a parser raise into one line."""
    try:
        yield
    except OtganError:
        raise
    except UnicodeDecodeError as error:
        bad = f"the byte 0x{error.object[error.start]:02x}"
        raise _refusal(path, "be UTF-8 text", bad, "save it as UTF-8") from error
    # Damaged headers and archives come back as ValueError, SyntaxError, EOFError, MemoryError, zlib.error, struct.error
    # and more, differently in each version of the libraries.
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:  # the system's own; parsers raise it without
            raise _refusal(path, "be readable", error.strerror, "check the path and its permissions") from error
        what = f"{type(error).__name__}: {error}"
        raise _refusal(path, f"be a sound {path.suffix} file", what, "write it anew") from error


def _refuse_bomb(path: Path, unpacked: int, packed: int) -> None:
    if unpacked > max(LARGE, SUSPICIOUS_RATIO * packed):
        raise _refusal(
            path,
            f"not unpack to over {SUSPICIOUS_RATIO} times its size",
            f"{unpacked} bytes from {packed}",
            "store it uncompressed if it is meant",
        )


# Columns


def _choose(path: Path, names: list[str], columns: Columns | None, weights: Column | None) -> list[int]:
    """Positions of the coordinates, followed by that of the weights where asked for."""
    last = [] if weights is None else [_position(path, names, weights)]
    if columns is None:
        chosen = [j for j in range(len(names)) if j not in last]
        labels = next((j for j in chosen if names[j] in _ROW_LABELS), None)
        if labels is not None:
            fix = "choose the coordinates with --columns, or write the table with index=False"
            raise _refusal(path, "hold coordinates only", f"nameless row labels in column {labels}", fix)
    else:
        wanted = [columns] if isinstance(columns, str | int) else columns
        chosen = [_position(path, names, column) for column in wanted]
    if not chosen:
        raise _refusal(path, "keep a column for the coordinates", "none", "choose some with --columns")
    used = chosen + last
    if len(set(used)) < len(used):
        raise _refusal(path, "have each column chosen once", f"positions {used}", "leave out the repeated one")
    return used


def _position(path: Path, names: list[str], column: Column) -> int:
    wanted = str(column).strip()
    matches = set() if type(column) is int else {j for j, name in enumerate(names) if name == wanted}
    if wanted.isdecimal() and int(wanted) < len(names):
        matches.add(int(wanted))
    if not matches:
        known = f"the columns {', '.join(names)}"
        raise _refusal(
            path, f"have a column {wanted!r}", known, f"choose a name, or a position in 0 … {len(names) - 1}"
        )
    if len(matches) > 1:
        raise _refusal(path, f"have one column {wanted!r}", f"it at {sorted(matches)}", "rename it in the file")
    return matches.pop()


# Delimited text


def _read_text(path: Path, *, columns: Columns | None, weights: Column | None) -> tuple[FloatArray, FloatArray | None]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = _rows(path, file)
        line, first = next(rows, (0, []))
        if not first:
            raise _refusal(path, "hold points", "an empty file", "write one point a row")
        headed = not all(map(_is_number, first))
        names = [cell.strip() for cell in first] if headed else [str(j) for j in range(len(first))]
        used = _choose(path, names, columns, weights)
        if headed and (numeric := [names[j] for j in used if _is_number(names[j])]):
            # Skipping such a row may lose a point, and reading it may take years for coordinates.
            found = f"{numeric[0]!r} in a row with text"
            raise _refusal(path, "start with names or with numbers", found, "add a header whose names are no numbers")
        numbers = compact_array("d")  # eight bytes a number, where a list of floats would take four times as much
        if not headed:
            numbers.extend(_numbers(path, names, used, line, first))
        for line, row in rows:
            numbers.extend(_numbers(path, names, used, line, row))
    if not numbers:
        raise _refusal(path, "hold points", "a header only", "write one point a row below it")
    return _apart(np.frombuffer(numbers).reshape(-1, len(used)), weights)


def _rows(path: Path, file: IO[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the number of the line it ends on."""
    kind = path.suffix.lower()
    first = next((line for line in iter(file.readline, "") if line.strip()), "")
    file.seek(0)
    delimiter = "\t" if kind == ".tsv" else next((mark for mark in ",\t;" if mark in first), ",")
    if kind == ".txt" and delimiter not in first:
        yield from ((line, text.split()) for line, text in enumerate(file, 1) if text.strip())
        return
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if row and not (len(row) == 1 and row[0].isspace()):
                yield reader.line_num, row
    except csv.Error as error:
        raise _refusal(path, "be well-formed", f"line {reader.line_num}: {error}", "mend its quotes") from error


def _is_number(cell: str) -> bool:
    try:
        _number(cell)
    except ValueError:
        return False
    return True


def _number(cell: str) -> float:
    if "_" in cell:  # Python reads 1_000 as a number; nobody else does
        raise ValueError(cell)
    return float(cell)


def _numbers(path: Path, names: list[str], used: list[int], line: int, row: list[str]) -> list[float]:
    if len(row) != len(names):
        raise _refusal(
            path,
            f"have {len(names)} entries in each row, as in its first",
            f"{len(row)} in line {line}",
            "mend that line, or quote entries that hold the delimiter",
        )
    try:
        return [_number(row[j]) for j in used]
    except ValueError:
        j = next(j for j in used if not _is_number(row[j]))
        raise _refusal(
            path,
            "hold numbers only",
            f"{one_line(repr(row[j]), 40)} in column {one_line(repr(names[j]), 40)}, line {line}",
            "choose numeric columns with --columns, or mend that line",
        ) from None


def _apart(table: FloatArray, weights: Column | None) -> tuple[FloatArray, FloatArray | None]:
    """Take the weights, in the last column where asked for, apart from the points."""
    return (table, None) if weights is None else (table[:, :-1], table[:, -1].copy())


# NumPy arrays


def _read_npy(path: Path) -> tuple[FloatArray, None]:
    with path.open("rb") as file:
        return _read_array(path, path.name, file, path.stat().st_size), None


def _read_npz(path: Path, *, array: str | None, weights: str | None) -> tuple[FloatArray, FloatArray | None]:
    with zipfile.ZipFile(path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        for wanted in (array, weights):
            if wanted is not None and wanted not in members:
                raise _refusal(path, f"hold an array {wanted!r}", ", ".join(members), "choose one of these")
        others = [name for name in members if name != weights]
        if array is None and len(others) != 1:
            raise _refusal(
                path, "hold one array of points", ", ".join(others) or "none", "choose the array with --array"
            )

        def read(name: str) -> FloatArray:
            info = members[name]
            _refuse_bomb(path, info.file_size, info.compress_size)
            with archive.open(info) as file:
                return _read_array(path, name, file, info.file_size)

        return read(others[0] if array is None else array), None if weights is None else read(weights)


def _read_array(path: Path, name: str, file: IO[bytes], size: int) -> Any:
    """Read one array of `size` bytes, after its header has been held against that size."""
    header = io.BytesIO(file.read(min(size, 2**17)))  # NumPy itself takes headers of at most 10 000 characters
    version = np.lib.format.read_magic(header)
    if version not in ((1, 0), (2, 0)):  # version 3 is for structured types with Unicode names
        raise _refusal(path, "be of NPY version 1 or 2", version, "save a plain array of numbers")
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(header)
    if dtype.kind not in "iuf":
        what = "pickled objects" if dtype.hasobject else f"dtype {dtype}"
        raise _refusal(path, f"hold real numbers in {name}", what, "save it again after astype(float)")
    promised, held = math.prod(shape) * dtype.itemsize, size - header.tell()
    if promised != held:
        found = f"{held} bytes for shape {shape} of {dtype}"
        raise _refusal(path, f"hold what the header of {name} promises", found, "write it anew, it may be cut off")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


# Parquet


def _read_parquet(
    path: Path, *, columns: Columns | None, weights: Column | None
) -> tuple[FloatArray, FloatArray | None]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingDependencyError(
            f"{one_line(path, 200)} needs pyarrow, which is not installed; run pip install 'otgan[parquet]'"
        ) from error
    with parquet.ParquetFile(path) as file:
        schema, n = file.schema_arrow, file.metadata.num_rows
        used = _choose(path, schema.names, columns, weights)
        for field in map(schema.field, used):
            if not (pa.types.is_integer(field.type) or pa.types.is_floating(field.type)):
                fix = "choose numeric columns with --columns, or convert it"
                raise _refusal(path, "hold numbers only", f"{field.type} in column {one_line(field.name, 40)!r}", fix)
        _refuse_bomb(path, 8 * n * len(used), path.stat().st_size)
        table = file.read(columns=[schema.names[j] for j in used])
    # Nulls become NaN here, and are refused with the other entries that are not finite.
    values = [table.column(schema.names[j]).to_numpy().astype(np.float64) for j in used]
    return _apart(np.column_stack(values), weights)


_READERS: dict[str, tuple[tuple[str, ...], Callable[..., tuple[Any, Any]]]] = {
    ".csv": (("columns", "weights"), _read_text),
    ".tsv": (("columns", "weights"), _read_text),
    ".txt": (("columns", "weights"), _read_text),
    ".npy": ((), _read_npy),
    ".npz": (("array", "weights"), _read_npz),
    ".parquet": (("columns", "weights"), _read_parquet),
}
