"""How steep a critic is: a lower bound shown by two points, an upper bound proven from its layers.

What is audited is the function that the stored weights define in real arithmetic, evaluated in float64.
"""

from otgan.lipschitz.evaluate import CriticFunction, as_function
from otgan.lipschitz.lower import SampledLowerBound, sampled_lower_bound
from otgan.lipschitz.upper import LipschitzBound, certified_upper_bound

__all__ = [
    "CriticFunction",
    "LipschitzBound",
    "SampledLowerBound",
    "as_function",
    "certified_upper_bound",
    "sampled_lower_bound",
]
