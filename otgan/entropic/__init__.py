"""Entropic transport: the smoothed problem, solved to any marginal error, and what it proves about the exact one."""

from otgan.entropic.front import blur_to_epsilon, sinkhorn
from otgan.entropic.plan import EntropicPlan
from otgan.entropic.solution import EntropicSolution

__all__ = ["EntropicPlan", "EntropicSolution", "blur_to_epsilon", "sinkhorn"]
