"""W1 between laws on the line whose distribution functions are known: ∫ |F − G|, with its proof."""

from otgan.line_laws.bracket import LinePotential, line_w1
from otgan.line_laws.laws import LineLaw

__all__ = ["LineLaw", "LinePotential", "line_w1"]
