"""Dual potentials: the c-transform, feasibility, and evaluation off the sample."""

from otgan.dual.potentials import Potentials
from otgan.dual.transform import c_transform

__all__ = ["Potentials", "c_transform"]
