"""W1 between densities in the plane, bracketed: a flux from above, a 1-Lipschitz potential from below."""

from otgan.beckmann.images import image_w1
from otgan.beckmann.population import PopulationW1, population_w1

__all__ = ["PopulationW1", "image_w1", "population_w1"]
