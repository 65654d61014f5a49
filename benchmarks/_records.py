"""Files of studies that go on where they stopped."""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path
from typing import Any


def begin(file: Path, schema: int, settings: dict[str, Any], empty: dict[str, Any]) -> dict[str, Any]:
    """What the file holds, or the start of a new one, on this machine and with these settings."""
    from benchmarks._machine import machine

    here = machine("otgan", "numpy", "torch")
    if not file.exists():
        return {"schema": schema, "machine": here, "date": datetime.date.today().isoformat(), **settings, **empty}
    results = read(file, schema)
    if results["machine"] != here or any(results[name] != value for name, value in settings.items()):
        raise SystemExit(f"{file} has other settings or was measured elsewhere: choose another --out")
    return results


def read(file: Path, schema: int) -> dict[str, Any]:
    """What the file holds."""
    if not file.exists():
        raise SystemExit(f"{file} is not there: measure first")
    results = json.loads(file.read_text(encoding="utf-8"))
    if results.get("schema") != schema:
        raise SystemExit(f"{file} has schema {results.get('schema')}, not {schema}: choose another --out")
    return dict(results)


def keep(file: Path, results: dict[str, Any]) -> None:
    """Write the file, whole or not at all."""
    unfinished = file.with_suffix(".part")
    unfinished.write_text(json.dumps(results, indent=1), encoding="utf-8")
    os.replace(unfinished, file)
