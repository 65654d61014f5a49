"""otgan: how far a learned Wasserstein distance is from the true one.

Exact optimal transport with proven brackets, next to neural critics that are judged by it. The names below are loaded
on first use, so that `import otgan` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from otgan import critics, lipschitz, measures, pairs, statistics
    from otgan.beckmann import DensityLaw, PopulationW1, image_w1, population_w1
    from otgan.dual import Potentials, c_transform
    from otgan.interval import Interval
    from otgan.solution import OTSolution, Status
    from otgan.solve import transport, wasserstein
    from otgan.validation import ValidationReport, validate

_HOMES = {
    "DensityLaw": "otgan.beckmann",
    "Interval": "otgan.interval",
    "OTSolution": "otgan.solution",
    "PopulationW1": "otgan.beckmann",
    "Potentials": "otgan.dual",
    "Status": "otgan.solution",
    "ValidationReport": "otgan.validation",
    "c_transform": "otgan.dual",
    "image_w1": "otgan.beckmann",
    "population_w1": "otgan.beckmann",
    "transport": "otgan.solve",
    "validate": "otgan.validation",
    "wasserstein": "otgan.solve",
}
_ROOMS = ("critics", "errors", "lipschitz", "measures", "pairs", "statistics", "validation")

__all__ = [
    "DensityLaw",
    "Interval",
    "OTSolution",
    "PopulationW1",
    "Potentials",
    "Status",
    "ValidationReport",
    "c_transform",
    "critics",
    "image_w1",
    "lipschitz",
    "measures",
    "pairs",
    "population_w1",
    "statistics",
    "transport",
    "validate",
    "wasserstein",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _ROOMS:
        return importlib.import_module(f"otgan.{name}")
    raise AttributeError(f"module 'otgan' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
