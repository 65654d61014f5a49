"""What a critic proves about W1, as opposed to what it says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from otgan.certificate import dual_value, repaired_bound, tame
from otgan.checks import FloatArray, as_count, as_number, as_seconds
from otgan.errors import CriticError, InvalidShapeError
from otgan.lipschitz.audit import audit
from otgan.lipschitz.domain import box_around
from otgan.lipschitz.evaluate import as_function
from otgan.lipschitz.upper import LipschitzBound
from otgan.measures import DiscreteMeasure
from otgan.problem import problem_from_points

#: The squares of a critic's values must stay in float64.
LARGEST_VALUE = 1e150


@dataclass(frozen=True)
class CriticLowerBound:
    """A lower bound of the W1 between two samples that a critic proves.

    Attributes:
        by_lipschitz: The estimate over the proven Lipschitz constant; 0 where none is proven.
        by_c_transform: The dual value of the critic's own values on one side and their c-transform on the other; the
            better of both ways round.
        estimate: E_x f − E_y f, in values of f: what the critic says, which proves nothing by itself.
        lipschitz: The constant by which it was divided, and where it comes from.
    """

    by_lipschitz: float
    by_c_transform: float
    estimate: float
    lipschitz: LipschitzBound

    @property
    def value(self) -> float:
        """The larger of the two, in units of length: proven to be at most W1 of the samples."""
        return max(self.by_lipschitz, self.by_c_transform)


def certified_w1_lower_bound(
    critic: Any,
    x: Any,
    y: Any,
    a: Any = None,
    b: Any = None,
    *,
    lipschitz: float | None = None,
    max_seconds: float = 10.0,
    seed: int = 0,
) -> CriticLowerBound:
    r"""A lower bound of W1 between two samples, proven from the critic's values at them; in two ways.

    If f has the Lipschitz constant L on a convex set that holds all points, f/L is feasible for the dual problem, so
    that $W_1 \ge (E_x f - E_y f) / L$. And whatever the values $f(x_i)$ are, they make a feasible pair with their
    c-transform $\min_i \|x_i - y_j\| - f(x_i)$. The second needs no constant and mends a critic that is too steep in
    few places; the first keeps what the critic says on both sides, and is the better one where L is tight.

    Both are certified: rounding in the values may make them infeasible, and what is infeasible is taken away.

    Args:
        critic: Anything that `as_function` reads; high on x.
        x: Source points, (n, d), in units of length.
        y: Target points, (m, d).
        a: Weights of x, (n,); equal ones by default.
        b: Weights of y, (m,).
        lipschitz: L, if you have a proof of it; None to prove it by an `audit` on the smallest box around the points.
        max_seconds: Of that audit.
        seed: Of that audit.

    Returns:
        Both bounds; `value` is the better one.

    Raises:
        InvalidInputError: If an argument breaks its rules.
        CriticError: If the critic is not a function of one point, or its values leave float64 when squared.

    Source: Villani (2003), Topics in Optimal Transportation, Prop. 1.5 (weak duality).
    """
    sides = [DiscreteMeasure(x, a), DiscreteMeasure(y, b)]
    if sides[0].dim != sides[1].dim:
        raise InvalidShapeError(
            "y", f"have the dimension of x, {sides[0].dim}", sides[1].dim, "give both sides the same coordinates"
        )
    seconds, seed = as_seconds("max_seconds", max_seconds), as_count("seed", seed, low=0)
    function = as_function(critic, sides[0].dim, probes=sides[0].points)
    values = [function.values(side.points) for side in sides]
    largest = max(float(np.abs(f).max()) for f in values)
    if largest > LARGEST_VALUE:
        raise CriticError("critic", f"stay below {LARGEST_VALUE:g} in size", f"{largest:g}", "scale it down")
    if lipschitz is not None:
        constant = LipschitzBound(as_number("lipschitz", lipschitz, low=0, open_low=True), "as given")
    else:
        found = audit(
            critic, domain=box_around(np.concatenate([side.points for side in sides])), max_seconds=seconds, seed=seed
        )
        constant = LipschitzBound(found.upper, found.method, found.reason)
    by_lipschitz, by_transform = proven_lower_bounds(sides, values, constant.value)
    means = [float(side.weights @ f) for side, f in zip(sides, values, strict=True)]
    return CriticLowerBound(by_lipschitz, by_transform, means[0] - means[1], constant)


def proven_lower_bounds(
    sides: list[DiscreteMeasure], values: list[FloatArray], steepness: float
) -> tuple[float, float]:
    """The bounds by a Lipschitz constant and by c-transform, from a critic's values as they were computed.

    Whatever rounding did to the values: what is infeasible is taken away.

    Args:
        sides: Source and target.
        values: The critic at their points, (n,) and (m,).
        steepness: A constant; whether it is one only decides how good the first bound is, never whether it holds.

    Returns:
        Both bounds, at least 0; the first is 0 where the steepness is 0 or infinite.
    """
    problem = problem_from_points(*sides)
    costs, masses = problem.costs, problem.masses
    by_transform = repaired_bound(problem, values[0], -values[1])
    if not 0 < steepness < math.inf:
        return 0.0, by_transform
    f, g = tame(values[0] / steepness, -values[1] / steepness, problem.a, costs.scale)
    return max(dual_value(costs, masses, f, to_rows=False, ceiling=g), 0.0), by_transform
