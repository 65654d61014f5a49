"""Proven bounds of the norms of linear maps, rounded outward: pure numerics, no network in here."""

from otgan.operator_norms.convolution import convolution_norm_upper_bound
from otgan.operator_norms.matrix import least_eigenvalue_lower_bound, spectral_norm_upper_bound
from otgan.operator_norms.rows import row_norms_upper_bound

__all__ = [
    "convolution_norm_upper_bound",
    "least_eigenvalue_lower_bound",
    "row_norms_upper_bound",
    "spectral_norm_upper_bound",
]
