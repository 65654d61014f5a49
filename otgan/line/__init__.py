"""W_p between two samples on the line, from their distribution functions, with every rounding bounded."""

from otgan.line.bracket import LineCost, line_cost
from otgan.line.masses import LineMasses, line_masses
from otgan.line.quantiles import quantile_coupling

__all__ = ["LineCost", "LineMasses", "line_cost", "line_masses", "quantile_coupling"]
