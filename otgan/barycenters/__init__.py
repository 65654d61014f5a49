"""Means of measures in the Wasserstein distance: exact on a fixed support, local on a free one, and smoothed."""

from otgan.barycenters.entropic import entropic_barycenter
from otgan.barycenters.fixed import fixed_support_barycenter
from otgan.barycenters.free import free_support_barycenter
from otgan.barycenters.results import Barycenter, EntropicBarycenter, FreeSupportBarycenter

__all__ = [
    "Barycenter",
    "EntropicBarycenter",
    "FreeSupportBarycenter",
    "entropic_barycenter",
    "fixed_support_barycenter",
    "free_support_barycenter",
]
