"""Proven upper bounds of the norms of linear maps, rounded upward: pure numerics, no network in here."""

from otgan.operator_norms.matrix import spectral_norm_upper_bound

__all__ = ["spectral_norm_upper_bound"]
