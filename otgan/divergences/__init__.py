"""Divergences that compare densities point by point, and the two geometries of Gaussian laws.

Kullback-Leibler and Jensen-Shannon ask where two densities differ, and not how far apart the mass is: on disjoint
supports the one is infinite and the other log 2, at every distance. W1 and W2 ask how far.
"""

from otgan.divergences.densities import jensen_shannon, kullback_leibler
from otgan.divergences.fisher_rao import fisher_rao_distance, fisher_rao_geodesic
from otgan.divergences.geodesics import wasserstein_geodesic
from otgan.divergences.histograms import histogram_jensen_shannon, histogram_kullback_leibler
from otgan.divergences.result import Divergence

__all__ = [
    "Divergence",
    "fisher_rao_distance",
    "fisher_rao_geodesic",
    "histogram_jensen_shannon",
    "histogram_kullback_leibler",
    "jensen_shannon",
    "kullback_leibler",
    "wasserstein_geodesic",
]
