"""What is needed to make a report again, as plain strings and numbers."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

import numpy as np

import otgan

PACKAGES = ("numpy", "scipy", "pot", "torch", "matplotlib")


def versions() -> dict[str, str]:
    """Versions of otgan, Python, and what the numbers depend on."""
    found = {"otgan": otgan.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # vendored or frozen without its metadata
            found[name] = "unknown"
    return found


def summary(history: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """How many steps were recorded, and the first and the last of them."""
    if not history:
        return {"recorded": 0}
    return {"recorded": len(history), "first": plain(history[0]), "last": plain(history[-1])}


def plain(value: Any) -> Any:
    """What strict JSON can hold: NaN and infinity become None, and what JSON does not know its text."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)
