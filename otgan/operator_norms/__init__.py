"""Proven upper bounds of the norms of linear maps, rounded upward: pure numerics, no network in here."""

from otgan.operator_norms.matrix import spectral_norm_upper_bound
from otgan.operator_norms.rows import row_norms_upper_bound

__all__ = ["row_norms_upper_bound", "spectral_norm_upper_bound"]
