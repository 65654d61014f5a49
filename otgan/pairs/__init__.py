"""Ground truth: pairs of measures, most of them with known W1, optimal potential, gradient and plan."""

from otgan.measures import Uniform
from otgan.pairs.base import KnownPair, Pair
from otgan.pairs.funnel_files import load_funnels
from otgan.pairs.funnels import funnels, max_funnels
from otgan.pairs.products import product
from otgan.pairs.rays import ellipsoid, radial
from otgan.pairs.registry import get_pair, pair_names, pair_options
from otgan.pairs.shells import point_sphere, spheres, three_circles
from otgan.pairs.translations import translation
from otgan.pairs.truths import Truth, truth
from otgan.pairs.univariate import gaussians_1d, line

__all__ = [
    "KnownPair",
    "Pair",
    "Truth",
    "Uniform",
    "ellipsoid",
    "funnels",
    "gaussians_1d",
    "get_pair",
    "line",
    "load_funnels",
    "max_funnels",
    "pair_names",
    "pair_options",
    "point_sphere",
    "product",
    "radial",
    "spheres",
    "three_circles",
    "translation",
    "truth",
]
