"""What a sample says about the population: confidence intervals, tests and estimates of W1.

A certificate brackets the W1 of two samples. The W1 of the two laws that they were drawn from is another number, and
a sample knows it only at a level: `confidence_interval` says at which, and under which declared assumption.
"""

from otgan.statistics.confidence import confidence_interval
from otgan.statistics.extrapolation import DebiasedEstimate, debiased_estimate
from otgan.statistics.permutation import TestResult, permutation_test
from otgan.statistics.sliced import sliced_lower_bound

__all__ = [
    "DebiasedEstimate",
    "TestResult",
    "confidence_interval",
    "debiased_estimate",
    "permutation_test",
    "sliced_lower_bound",
]
