"""How steep a critic is: a lower bound shown by two points, an upper bound that is proven.

What is audited is the function that the stored weights define in real arithmetic, evaluated in float64.
"""

from otgan.lipschitz.audit import LipschitzAudit, audit
from otgan.lipschitz.evaluate import CriticFunction, as_function
from otgan.lipschitz.lower import SampledLowerBound, sampled_lower_bound, steepest_pair
from otgan.lipschitz.maps import Section, SlopeMap, section, slope_map
from otgan.lipschitz.transport import CriticLowerBound, certified_w1_lower_bound
from otgan.lipschitz.upper import LipschitzBound, certified_upper_bound

__all__ = [
    "CriticFunction",
    "CriticLowerBound",
    "LipschitzAudit",
    "LipschitzBound",
    "SampledLowerBound",
    "Section",
    "SlopeMap",
    "as_function",
    "audit",
    "certified_upper_bound",
    "certified_w1_lower_bound",
    "sampled_lower_bound",
    "section",
    "slope_map",
    "steepest_pair",
]
