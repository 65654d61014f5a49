"""Probability measures that points can be drawn from: discrete, Gaussian, mixtures, toy distributions."""

from otgan.measures.base import Measure
from otgan.measures.convert import as_measure
from otgan.measures.discrete import DiscreteMeasure, empirical
from otgan.measures.gaussian import Gaussian
from otgan.measures.mixture import GaussianMixture
from otgan.measures.sampler import SamplerMeasure
from otgan.measures.toy import (
    checkerboard,
    circles,
    eight_gaussians,
    parallel_line,
    swiss_roll,
    twenty_five_gaussians,
    two_moons,
)
from otgan.measures.uniform import Uniform

__all__ = [
    "DiscreteMeasure",
    "Gaussian",
    "GaussianMixture",
    "Measure",
    "SamplerMeasure",
    "Uniform",
    "as_measure",
    "checkerboard",
    "circles",
    "eight_gaussians",
    "empirical",
    "parallel_line",
    "swiss_roll",
    "twenty_five_gaussians",
    "two_moons",
]
