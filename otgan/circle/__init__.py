"""W_p on the circle, with a proven bracket, a plan and potentials."""

from otgan.circle.costs import CircleCosts
from otgan.circle.potentials import CirclePotentials
from otgan.circle.solve import CircleSolution, circle_wasserstein

__all__ = ["CircleCosts", "CirclePotentials", "CircleSolution", "circle_wasserstein"]
