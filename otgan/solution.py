"""What a solver returns: plan, potentials, and a bracket that holds, also when it was stopped early."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from enum import Enum
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from otgan import archive
from otgan.certificate import Certificate, certify
from otgan.checks import FloatArray, as_number, as_points, as_real_array
from otgan.costs import need_points, point_costs
from otgan.dual.potentials import FeasiblePotentials, Potentials
from otgan.errors import FileFormatError, NotProvidedError
from otgan.exact import root
from otgan.interval import Interval
from otgan.masses import EXACT_FLOAT, Masses
from otgan.problem import OTProblem

#: Version of what `OTSolution.save` writes.
SCHEMA = 1


class Status(Enum):
    """How a solve ended; the text names the remedy."""

    OPTIMAL = "optimal: the bracket is as narrow as asked"
    CONVERGED = "converged: the smoothed problem is solved as exactly as asked; for a narrower bracket lower epsilon"
    ITERATION_LIMIT = "stopped at max_iter; the bracket holds but is wide: raise max_iter"
    RESOURCE_LIMIT = "stopped at max_seconds or max_memory; the bracket holds but is wide: raise the limit, or tol"
    INTERRUPTED = "interrupted by Ctrl-C; the bracket holds but is wide: start again, with max_seconds for a set time"
    LOCAL = "local minimum: no further step gains; another start may end lower, so try several and keep the best"
    ROUNDING = "the solver finished, but rounding left the bracket wider than tol: it holds; raise tol to accept it"


@dataclass(frozen=True)
class Stats:
    """How the solution came about.

    Attributes:
        solver: Name of the solver.
        seconds: Wall-clock time of solving and certifying.
        marginal_violation: L1 distance of the solver's own marginals from the weights, before the repair.
        tol: The relative gap that was asked for.
    """

    solver: str
    seconds: float
    marginal_violation: float
    tol: float


class Bracketed:
    """What results share whose cost lies in an interval: a class gives `cost_bounds`, `p`, `primal_cost`, `status`.

    Attributes:
        cost_bounds: Interval of the cost.
        p: Exponent; the distance is the cost to the power 1/p.
        primal_cost: The cost of what was found, which rounding may have put beside the interval.
        status: How the solver ended.
    """

    cost_bounds: Interval
    p: float
    primal_cost: float
    status: Status

    @property
    def cost(self) -> float:
        """Cost of what was found, in units of length^p; inside `cost_bounds`."""
        return min(max(self.primal_cost, self.cost_bounds.lower), self.cost_bounds.upper)

    @cached_property
    def _distances(self) -> Interval:
        low, high = self.cost_bounds.lower, self.cost_bounds.upper
        if self.p != 1:
            low, high = root(low, self.p, -1), root(high, self.p, 1)
        return Interval(low, high, self.cost_bounds.kind)

    @property
    def distance(self) -> float:
        """The cost to the power 1/p; between the two bounds."""
        return min(max(self.cost ** (1 / self.p), self.lower_bound), self.upper_bound)

    @property
    def lower_bound(self) -> float:
        """Proven lower bound of the distance."""
        return self._distances.lower

    @property
    def upper_bound(self) -> float:
        """Proven upper bound of the distance."""
        return self._distances.upper

    @property
    def gap(self) -> float:
        """Upper − lower bound of the distance."""
        return self._distances.width

    @property
    def relative_gap(self) -> float:
        """Gap / upper bound; 0 where that is 0."""
        return self._distances.relative_width

    @property
    def converged(self) -> bool:
        """Whether the solver reached what was asked."""
        return self.status in (Status.OPTIMAL, Status.CONVERGED, Status.LOCAL)


@dataclass(frozen=True, eq=False)
class OTSolution(Bracketed):
    """A transport plan and potentials with the bracket that they prove.

    Attributes:
        problem: What was solved.
        status: How the solve ended.
        potentials: Dual potentials, feasible; callable off the sample where the costs are between points.
        certificate: The proof of the bracket.
        primal_cost: Cost of the plan as the solver gave it, before its marginals were made exact.
        stats: How it came about.
    """

    problem: OTProblem
    status: Status
    potentials: Potentials
    certificate: Certificate
    primal_cost: float
    stats: Stats

    @property
    def p(self) -> float:  # type: ignore[override]  # no field, since the problem has it
        """Exponent of the distance; `otgan.transport` has 1, and its distance is the cost itself."""
        return self.problem.costs.p

    @property
    def cost_bounds(self) -> Interval:  # type: ignore[override]  # nor this, since the certificate has it
        """Proven interval of the cost W_p^p, in units of length^p."""
        return self.certificate.cost

    @cached_property
    def plan(self) -> csr_array:
        """The coupling, (n, m), sparse; its marginals are the weights up to one rounding an entry."""
        rows, columns, flow = self.certificate.coupling
        mass = self.problem.masses.floats(flow)
        return csr_array((mass, (rows, columns)), shape=self.problem.shape)

    def matched_pairs(self) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
        """The arcs of the plan.

        Returns:
            Source indices, target indices and masses, each (k,).
        """
        rows, columns, flow = self.certificate.coupling
        return rows, columns, self.problem.masses.floats(flow)

    def barycentric_map(self) -> FloatArray:
        r"""Where each source point goes on average, $\sum_j \pi_{ij} y_j / a_i$.

        Returns:
            (n, d); NaN in rows of source points without mass, which go nowhere.

        Raises:
            NotProvidedError: If the costs came from a matrix, or the points are degrees on the globe.
        """
        costs = need_points(self.problem.costs, "the barycentric map")
        if costs.metric.name == "haversine":
            raise NotProvidedError("the mean of places on the globe is no mean of degrees; use matched_pairs() instead")
        a = self.problem.a[:, None]
        centre = costs.y.mean(axis=0)  # far from the origin, offsets round less than places
        offset = np.full((len(a), costs.y.shape[1]), np.nan)
        np.divide(self.plan @ (costs.y - centre), a, out=offset, where=a > 0)
        return np.asarray(offset + centre)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write problem, plan and potentials to a .npz or .json file; nothing half-written is left behind.

        Raises:
            FileFormatError: If the suffix is another one, or the file cannot be written.
            NotProvidedError: If the costs came from a matrix.
        """
        costs = need_points(self.problem.costs, "saving")
        rows, columns, mass = self.matched_pairs()
        masses = self.problem.masses
        header = {
            "schema": SCHEMA,
            "metric": costs.metric.name,
            "p": costs.p,
            "status": self.status.name,
            "stats": asdict(self.stats),
            # Integers of any size, so that the measures come back exactly.
            "a": [str(k) for k in masses.a],
            "b": [str(k) for k in masses.b],
            "total": str(masses.total),
        }
        points = {"x": costs.x, "y": costs.y}
        plan = {"rows": rows, "columns": columns, "mass": mass}
        archive.write(path, header, points | plan | {"f": self.potentials.f, "g": self.potentials.g})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> OTSolution:
        """Read a saved solution. The file is not believed: the bracket is proven again from plan and potentials.

        Raises:
            FileFormatError: If the file is missing, damaged, of another schema, or inconsistent.
        """
        with archive.reading(path):
            header, arrays = archive.read(path, ("x", "y", "rows", "columns", "mass", "f", "g"))
            if header["schema"] != SCHEMA:
                raise FileFormatError(
                    f"{path}: schema {header['schema']!r}, this version reads {SCHEMA}; save it again"
                )
            costs = point_costs(
                as_points("x", arrays["x"]), as_points("y", arrays["y"]), metric=header["metric"], p=header["p"]
            )
            problem = OTProblem(costs, _stored_masses(header, costs.shape))
            plan = _stored_plan(arrays, costs.shape)
            f = _stored_floats(arrays, "f", costs.shape[0])
            potentials = FeasiblePotentials(costs, partial(np.asarray, f))
            certificate = certify(problem, plan, f)
            stored = header["stats"]
            numbers = (as_number(key, stored[key], low=0) for key in ("seconds", "marginal_violation", "tol"))
            stats = Stats(str(stored["solver"]), *numbers)
            status = Status[header["status"]]
            if status is Status.OPTIMAL and not certificate.distance.relative_width <= stats.tol:
                status = Status.ROUNDING
            primal = float(plan[2] @ costs.at(plan[0], plan[1]))
            return cls(problem, status, potentials, certificate, primal, stats)

    def __repr__(self) -> str:
        n, m = self.problem.shape
        return (
            f"OTSolution(distance={self.distance:.6g}, in [{self.lower_bound:.17g}, {self.upper_bound:.17g}], "
            f"{self.status.name}, n={n}, m={m}, p={self.p:g})"
        )


def _stored_masses(header: dict[str, Any], shape: tuple[int, int]) -> Masses:
    a, b, total = [int(k) for k in header["a"]], [int(k) for k in header["b"]], int(header["total"])
    if (len(a), len(b)) != shape or min(a + b) < 0 or not sum(a) == sum(b) == total > 0:
        raise ValueError("masses that are no pair of measures")
    dtype: Any = np.int64 if total < EXACT_FLOAT else object
    return Masses(np.array(a, dtype=dtype), np.array(b, dtype=dtype), total)


def _stored_floats(arrays: dict[str, NDArray[Any]], name: str, length: int) -> FloatArray:
    values = as_real_array(name, arrays[name])
    if values.shape != (length,):
        raise ValueError(f"{name} of shape {values.shape}, not ({length},)")
    return values


def _stored_plan(
    arrays: dict[str, NDArray[Any]], shape: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
    ends = []
    for name, size in (("rows", shape[0]), ("columns", shape[1])):
        index = np.asarray(arrays[name])
        if index.ndim != 1 or index.dtype.kind not in "iu" or index.min() < 0 or index.max() >= size:
            raise ValueError(f"{name} that name points which are not there")
        ends.append(index.astype(np.intp))
    if len(ends[0]) != len(ends[1]):
        raise ValueError("rows and columns of different lengths")
    return ends[0], ends[1], _stored_floats(arrays, "mass", len(ends[0]))
