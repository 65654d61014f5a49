"""Dual potentials: the c-transform, feasibility, and evaluation off the sample."""

from otgan.dual.c_transform import c_transform
from otgan.dual.potentials import Potentials

__all__ = ["Potentials", "c_transform"]
