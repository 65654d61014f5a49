"""A law against points: dual ascent on draws with a statistical bracket, and power diagrams in the plane."""

from otgan.semidiscrete.diagram import PowerDiagram, power_diagram
from otgan.semidiscrete.solution import SemidiscreteSolution
from otgan.semidiscrete.solve import semidiscrete_wasserstein

__all__ = ["PowerDiagram", "SemidiscreteSolution", "power_diagram", "semidiscrete_wasserstein"]
