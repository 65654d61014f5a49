"""Entropic transport: the smoothed problem, solved to any marginal error, and what it proves about the exact one."""

from otgan.entropic.divergence import SinkhornDivergence, sinkhorn_divergence
from otgan.entropic.front import blur_to_epsilon, sinkhorn
from otgan.entropic.plan import EntropicPlan
from otgan.entropic.solution import EntropicSolution

__all__ = [
    "EntropicPlan",
    "EntropicSolution",
    "SinkhornDivergence",
    "blur_to_epsilon",
    "sinkhorn",
    "sinkhorn_divergence",
]
