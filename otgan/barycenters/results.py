"""What means of measures return."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.sparse import csr_array

from otgan.checks import FloatArray
from otgan.dual.potentials import Potentials
from otgan.interval import Interval
from otgan.measures.discrete import DiscreteMeasure
from otgan.solution import Bracketed, Stats, Status


@dataclass(frozen=True, eq=False)
class Barycenter(Bracketed):
    r"""A mean of measures μ_k: a measure with a small $\sum_k λ_k W_p^p(ν, μ_k)$, which is its cost.

    Attributes:
        points: Points of the mean, (n, d).
        masses: Their masses, (n,), which sum to one.
        weights: How much each measure counts, λ, (k,), which sum to one.
        p: Exponent.
        cost_bounds: Proven interval of the smallest cost that there is: of any masses on these points.
        primal_cost: The cost of this mean.
        plans: A plan from the mean to each measure, (n, n_k).
        potentials: Potentials from the mean to each measure.
        status: How the solver ended.
        stats: How it came about.
    """

    points: FloatArray
    masses: FloatArray
    weights: FloatArray
    p: float
    cost_bounds: Interval
    primal_cost: float
    plans: tuple[csr_array | FloatArray, ...]
    potentials: tuple[Potentials, ...]
    status: Status
    stats: Stats

    @property
    def measure(self) -> DiscreteMeasure:
        """The mean as a measure."""
        return DiscreteMeasure(self.points, self.masses)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(distance={self.distance:.6g}, in [{self.lower_bound:.9g}, {self.upper_bound:.9g}], "
            f"{self.status.name}, n={len(self.points)}, measures={len(self.weights)}, p={self.p:g})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class FreeSupportBarycenter(Barycenter):
    """A local minimum: points that no step of the alternation moves any more. Other starts may end lower.

    `cost_bounds` holds the smallest cost of all measures, on any number of points: its upper end is the cost of this
    mean, its lower end is proven from distances between the measures.

    Attributes:
        objective: Proven interval of the cost of this mean itself.
        iterations: How often the points were moved.
    """

    objective: Interval
    iterations: int


@dataclass(frozen=True, eq=False, repr=False)
class EntropicBarycenter(Barycenter):
    """A mean that is blurred: it minimises the smoothed cost, and `cost_bounds` is for the cost without smoothing.

    Attributes:
        epsilon: The smoothing, in units of the cost.
    """

    epsilon: float
