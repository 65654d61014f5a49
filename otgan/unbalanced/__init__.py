"""Transport between measures of unequal mass: of a part of it, or with mass made and lost at a price."""

from otgan.unbalanced.kullback_leibler import unbalanced_wasserstein
from otgan.unbalanced.partial import partial_wasserstein
from otgan.unbalanced.results import PartialPotentials, PartialTransport, UnbalancedTransport

__all__ = [
    "PartialPotentials",
    "PartialTransport",
    "UnbalancedTransport",
    "partial_wasserstein",
    "unbalanced_wasserstein",
]
