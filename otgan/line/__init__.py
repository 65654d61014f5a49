"""W_p between two samples on the line, from their distribution functions, with every rounding bounded."""

from otgan.line.bracket import line_cost

__all__ = ["line_cost"]
