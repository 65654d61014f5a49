"""Hypothesis strategies and assertions for your own tests of critics, penalties, plans and distances.

Assertions need nothing but otgan and raise AssertionError with a witness; strategies need Hypothesis, the extra
`testing`. Everything is a plain import: there is no pytest plugin, which would run in every project that has otgan
installed. Names are loaded on first use, so that assertions work where Hypothesis is missing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otgan.testing.axioms import assert_metric_axioms
    from otgan.testing.batches import assert_no_batch_coupling
    from otgan.testing.clouds import discrete_measures, gaussian_mixtures, point_clouds, weights
    from otgan.testing.known import KnownW1, pairs_with_known_w1
    from otgan.testing.penalty import assert_gradient_penalty_is_per_sample
    from otgan.testing.slopes import assert_lipschitz
    from otgan.testing.small_critics import critics
    from otgan.testing.small_networks import cones, max_min_network, relu_network, with_bump
    from otgan.testing.transport import assert_brackets, assert_coupling, assert_dual_feasible

_HOMES = {
    "KnownW1": "known",
    "assert_brackets": "transport",
    "assert_coupling": "transport",
    "assert_dual_feasible": "transport",
    "assert_gradient_penalty_is_per_sample": "penalty",
    "assert_lipschitz": "slopes",
    "assert_metric_axioms": "axioms",
    "assert_no_batch_coupling": "batches",
    "cones": "small_networks",
    "critics": "small_critics",
    "discrete_measures": "clouds",
    "gaussian_mixtures": "clouds",
    "max_min_network": "small_networks",
    "pairs_with_known_w1": "known",
    "point_clouds": "clouds",
    "relu_network": "small_networks",
    "weights": "clouds",
    "with_bump": "small_networks",
}

__all__ = [
    "KnownW1",
    "assert_brackets",
    "assert_coupling",
    "assert_dual_feasible",
    "assert_gradient_penalty_is_per_sample",
    "assert_lipschitz",
    "assert_metric_axioms",
    "assert_no_batch_coupling",
    "cones",
    "critics",
    "discrete_measures",
    "gaussian_mixtures",
    "max_min_network",
    "pairs_with_known_w1",
    "point_clouds",
    "relu_network",
    "weights",
    "with_bump",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"otgan.testing.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'otgan.testing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
