"""Solutions in files: NPZ or JSON, with a schema version, and read without trusting them.

What is stored is the problem, the plan and the potentials. The bracket is not believed but proven again on loading.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from otgan.certificate import certify
from otgan.checks import as_points, as_real_array
from otgan.costs import PointCosts, need_points, point_costs
from otgan.dual.potentials import Potentials
from otgan.errors import FileFormatError, InvalidInputError
from otgan.exact import Masses
from otgan.problem import OTProblem
from otgan.solution import OTSolution, Stats, Status

SCHEMA = 1
_FLOATS = ("x", "y", "mass", "f", "g")
_INDEX = ("rows", "columns")


def save(solution: OTSolution, path: str | os.PathLike[str]) -> None:
    """Write a solution to a .npz or .json file; nothing half-written is left behind.

    Raises:
        FileFormatError: If the suffix is neither, or the file cannot be written.
        NotProvidedError: If the costs came from a matrix.
    """
    costs = need_points(solution.problem.costs, "saving")
    rows, columns, mass = solution.matched_pairs()
    potentials = solution.potentials
    arrays = {
        "x": costs.x, "y": costs.y, "rows": rows, "columns": columns, "mass": mass, "f": potentials.f, "g": potentials.g,
    }  # fmt: skip
    masses = solution.problem.masses
    header = {
        "schema": SCHEMA,
        "metric": costs.metric.name,
        "p": costs.p,
        "status": solution.status.name,
        "primal_cost": solution.primal_cost,
        "stats": vars(solution.stats),
        # Integers of any size, so that the measures come back exactly.
        "a": [str(k) for k in masses.a],
        "b": [str(k) for k in masses.b],
        "total": str(masses.total),
    }
    target = Path(path)
    if target.suffix not in (".npz", ".json"):
        raise FileFormatError(f"{target}: a solution is saved as .npz or .json; choose one of these suffixes")
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=target.name, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            if target.suffix == ".npz":
                np.savez_compressed(file, header=np.array(json.dumps(header)), **arrays)  # type: ignore[arg-type]
            else:
                text = json.dumps(header | {key: value.tolist() for key, value in arrays.items()})
                file.write(text.encode())
        os.replace(name, target)
    except OSError as error:
        raise FileFormatError(
            f"{target}: cannot be written ({error.strerror}); choose a folder you may write"
        ) from error


def load(path: str | os.PathLike[str]) -> OTSolution:
    """Read a solution that `OTSolution.save` wrote, and prove its bracket again.

    Raises:
        FileFormatError: If the file is missing, unreadable, of another schema, or inconsistent.
    """
    source = Path(path)
    try:
        header, arrays = _read(source)
        return _rebuild(header, arrays)
    except FileFormatError:
        raise
    except OSError as error:
        raise FileFormatError(f"{source}: cannot be read ({error.strerror or error}); check the path") from error
    except (
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        MemoryError,
        EOFError,
        RecursionError,
        zipfile.BadZipFile,
    ) as error:
        reason = " ".join(str(error).split())[:200]
        raise FileFormatError(f"{source}: not a solution saved by otgan ({reason}); save it again") from error


def _read(source: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    if source.suffix == ".json":
        content = json.loads(source.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("not a JSON object")
        header = content
        arrays = {key: np.asarray(content[key]) for key in (*_FLOATS, *_INDEX)}
    else:
        with np.load(source, allow_pickle=False) as content:
            header = json.loads(str(content["header"]))
            arrays = {key: content[key] for key in (*_FLOATS, *_INDEX)}
    if header.get("schema") != SCHEMA:
        raise FileFormatError(f"{source}: schema {header.get('schema')!r}, this version reads {SCHEMA}; save it again")
    return header, arrays


def _rebuild(header: dict[str, Any], arrays: dict[str, Any]) -> OTSolution:
    costs = point_costs(
        as_points("x", arrays["x"]), as_points("y", arrays["y"]), metric=header["metric"], p=header["p"]
    )
    problem = OTProblem(costs, _masses(header, costs))
    values = {key: as_real_array(key, arrays[key]) for key in ("mass", "f", "g")}
    rows, columns = (np.asarray(arrays[key]).astype(np.intp, casting="same_kind") for key in _INDEX)
    n, m = costs.shape
    shapes = [rows.shape, columns.shape, values["mass"].shape, values["f"].shape, values["g"].shape]
    if shapes != [rows.shape] * 3 + [(n,), (m,)] or rows.ndim != 1:
        raise ValueError("arrays of different lengths")
    if rows.min() < 0 or columns.min() < 0 or rows.max() >= n or columns.max() >= m:
        raise ValueError("a plan that names points that are not there")
    certificate = certify(problem, (rows, columns, values["mass"]), values["f"], values["g"])
    potentials = Potentials(values["f"], values["g"], costs)
    primal = float(header["primal_cost"])
    return OTSolution(problem, Status[header["status"]], potentials, certificate, primal, Stats(**header["stats"]))


def _masses(header: dict[str, Any], costs: PointCosts) -> Masses:
    a, b, total = [int(k) for k in header["a"]], [int(k) for k in header["b"]], int(header["total"])
    if (len(a), len(b)) != costs.shape or min(a + b) < 0 or not sum(a) == sum(b) == total > 0:
        raise InvalidInputError("weights", "be masses of one total", "others", "save it again")
    dtype: Any = np.int64 if total < 2**53 else object
    return Masses(np.array(a, dtype=dtype), np.array(b, dtype=dtype), total)
