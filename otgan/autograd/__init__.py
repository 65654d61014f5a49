"""Distances that torch can differentiate: exact, smoothed, and a loss for batches."""

from otgan.autograd.entropic import sinkhorn, sinkhorn_cost, sinkhorn_divergence
from otgan.autograd.exact import wasserstein
from otgan.autograd.loss import OTLoss

__all__ = ["OTLoss", "sinkhorn", "sinkhorn_cost", "sinkhorn_divergence", "wasserstein"]
