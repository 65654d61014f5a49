"""W1 between laws and between images, bracketed: a flux from above, a 1-Lipschitz potential from below."""

from otgan.beckmann.density_law import DensityLaw
from otgan.beckmann.images import image_w1
from otgan.beckmann.population import population_w1
from otgan.beckmann.result import PopulationW1

__all__ = ["DensityLaw", "PopulationW1", "image_w1", "population_w1"]
