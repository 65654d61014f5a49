"""otgan: how far a learned Wasserstein distance is from the true one.

Exact optimal transport with proven brackets, next to neural critics that are judged by it. The names below are loaded
on first use, so that `import otgan` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from otgan import autograd, critics, gan, lipschitz, measures, pairs, statistics, testing, training
    from otgan.autograd import OTLoss
    from otgan.barycenters import entropic_barycenter, fixed_support_barycenter, free_support_barycenter
    from otgan.beckmann import DensityLaw, PopulationW1, image_w1, population_w1
    from otgan.circle import circle_wasserstein
    from otgan.distance_matrix import PairwiseDistances, pairwise
    from otgan.dual import Potentials, c_transform
    from otgan.entropic import EntropicSolution, SinkhornDivergence, blur_to_epsilon, sinkhorn, sinkhorn_divergence
    from otgan.estimators import dual_potentials
    from otgan.gaussians import gaussian_wasserstein, mixture_wasserstein
    from otgan.gromov import gromov_wasserstein
    from otgan.interval import Interval
    from otgan.semidiscrete import semidiscrete_wasserstein
    from otgan.sliced import MaxSlicedDistance, SlicedDistance, max_sliced_wasserstein, sliced_wasserstein
    from otgan.solution import OTSolution, Status
    from otgan.solve import transport, wasserstein
    from otgan.unbalanced import partial_wasserstein, unbalanced_wasserstein
    from otgan.validation import ValidationReport, validate

_HOMES = {
    "DensityLaw": "otgan.beckmann",
    "EntropicSolution": "otgan.entropic",
    "Interval": "otgan.interval",
    "MaxSlicedDistance": "otgan.sliced",
    "OTLoss": "otgan.autograd",
    "OTSolution": "otgan.solution",
    "PairwiseDistances": "otgan.distance_matrix",
    "PopulationW1": "otgan.beckmann",
    "Potentials": "otgan.dual",
    "SinkhornDivergence": "otgan.entropic",
    "SlicedDistance": "otgan.sliced",
    "Status": "otgan.solution",
    "ValidationReport": "otgan.validation",
    "blur_to_epsilon": "otgan.entropic",
    "c_transform": "otgan.dual",
    "circle_wasserstein": "otgan.circle",
    "dual_potentials": "otgan.estimators",
    "entropic_barycenter": "otgan.barycenters",
    "fixed_support_barycenter": "otgan.barycenters",
    "free_support_barycenter": "otgan.barycenters",
    "gaussian_wasserstein": "otgan.gaussians",
    "gromov_wasserstein": "otgan.gromov",
    "image_w1": "otgan.beckmann",
    "max_sliced_wasserstein": "otgan.sliced",
    "mixture_wasserstein": "otgan.gaussians",
    "pairwise": "otgan.distance_matrix",
    "partial_wasserstein": "otgan.unbalanced",
    "population_w1": "otgan.beckmann",
    "semidiscrete_wasserstein": "otgan.semidiscrete",
    "sinkhorn": "otgan.entropic",
    "sinkhorn_divergence": "otgan.entropic",
    "sliced_wasserstein": "otgan.sliced",
    "transport": "otgan.solve",
    "unbalanced_wasserstein": "otgan.unbalanced",
    "validate": "otgan.validation",
    "wasserstein": "otgan.solve",
}
_ROOMS = (
    "autograd",
    "critics",
    "errors",
    "gan",
    "lipschitz",
    "measures",
    "pairs",
    "statistics",
    "testing",
    "training",
    "validation",
)

__all__ = [
    "DensityLaw",
    "EntropicSolution",
    "Interval",
    "MaxSlicedDistance",
    "OTLoss",
    "OTSolution",
    "PairwiseDistances",
    "PopulationW1",
    "Potentials",
    "SinkhornDivergence",
    "SlicedDistance",
    "Status",
    "ValidationReport",
    "autograd",
    "blur_to_epsilon",
    "c_transform",
    "circle_wasserstein",
    "critics",
    "dual_potentials",
    "entropic_barycenter",
    "fixed_support_barycenter",
    "free_support_barycenter",
    "gan",
    "gaussian_wasserstein",
    "gromov_wasserstein",
    "image_w1",
    "lipschitz",
    "max_sliced_wasserstein",
    "measures",
    "mixture_wasserstein",
    "pairs",
    "pairwise",
    "partial_wasserstein",
    "population_w1",
    "semidiscrete_wasserstein",
    "sinkhorn",
    "sinkhorn_divergence",
    "sliced_wasserstein",
    "statistics",
    "testing",
    "training",
    "transport",
    "unbalanced_wasserstein",
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
