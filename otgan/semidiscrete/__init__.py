"""A law against points: dual ascent on draws with a statistical bracket, and power diagrams in the plane."""

from otgan.semidiscrete.solution import SemidiscreteSolution
from otgan.semidiscrete.solve import semidiscrete_wasserstein

__all__ = ["SemidiscreteSolution", "semidiscrete_wasserstein"]
