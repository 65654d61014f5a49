"""What a validation found: pure data."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.interval import Interval

#: What is known of the laws behind samples of unknown origin.
UNKNOWN = Interval(0.0, math.inf, "unknown")

#: Version of the JSON that `ValidationReport.to_dict` describes.
SCHEMA = 1


@dataclass(frozen=True)
class Estimate:
    """What the critic says.

    Attributes:
        value: (E_source f − E_target f) / K on the held-out samples, in units of length.
        standard_error: Of that difference of means, from the spread of f over the samples.
    """

    value: float
    standard_error: float


@dataclass(frozen=True)
class Truth:
    """W1 of the very same samples, by exact optimal transport.

    Attributes:
        distance: The distance, between the bounds.
        lower: Proven lower bound.
        upper: Proven upper bound.
        solver: Which solver found it.
    """

    distance: float
    lower: float
    upper: float
    solver: str


@dataclass(frozen=True)
class NoiseFloor:
    """W1 between two random halves of one sample: what a distance of zero looks like at this sample size.

    Halves are half as large as the samples, so the floor of the comparison itself is a little lower. NaN where a
    sample has fewer than two points.

    Attributes:
        source: Between two halves of the source sample.
        target: Between two halves of the target sample.
    """

    source: float
    target: float

    @property
    def largest(self) -> float:
        """The larger of the two, 0 where neither could be had."""
        return max((v for v in (self.source, self.target) if not math.isnan(v)), default=0.0)


@dataclass(frozen=True)
class LowerBounds:
    """What the critic proves, as opposed to what it says: lower bounds of the samples' W1, never above it.

    Attributes:
        by_lipschitz: The difference of means over the certified Lipschitz constant; 0 where none is certified.
        by_c_transform: The dual value of the critic's own values on one side and their c-transform on the other; the
            better of both ways round.
    """

    by_lipschitz: float
    by_c_transform: float

    @property
    def best(self) -> float:
        """The larger of the two."""
        return max(self.by_lipschitz, self.by_c_transform)


@dataclass(frozen=True)
class Slopes:
    """The critic's Lipschitz constant: stated, seen, and proven, in units of f over length.

    Attributes:
        stated: K, the constant that the estimate was divided by.
        lower: A slope that was seen between two points; the true constant is no smaller.
        witness: Those two points, each (d,).
        upper: Proven upper bound on the box around the samples, infinite where nothing is proven.
        method: How the upper bound was found.
        reason: Why it is infinite; empty otherwise.
    """

    stated: float
    lower: float
    witness: tuple[tuple[float, ...], tuple[float, ...]]
    upper: float
    method: str
    reason: str


@dataclass(frozen=True)
class Alignment:
    """Cosine between ∇f(x) and (x − y)/‖x − y‖ over the exact plan; +1 everywhere is perfect.

    Attributes:
        mean: Mean over the plan's mass.
        quantiles: 5, 25, 50, 75 and 95 % quantiles over the plan's mass.
        skipped: Share of the mass that does not move (x = y), for which there is no direction.
    """

    mean: float
    quantiles: tuple[float, float, float, float, float]
    skipped: float


@dataclass(frozen=True)
class ErrorParts:
    """Where the critic's error against the laws' W1 comes from: error = sampling + violation − shortfall.

    Attributes:
        sampling: W1 of the samples − W1 of the laws, as far as the latter is known.
        violation: The estimate − what is left of it once the critic is repaired by c-transform: what it owes to slopes
            that are too steep.
        shortfall: W1 of the samples − what the repaired critic attains: what the network fails to reach.
    """

    sampling: Interval
    violation: Interval
    shortfall: Interval


@dataclass(frozen=True)
class Verdict:
    """The answer in words.

    Attributes:
        level: "accurate", "rough", "wrong" or "undecided".
        headline: One sentence.
        reasons: What it rests on, one sentence each.
    """

    level: str
    headline: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Evidence:
    """The arrays behind the numbers, for pictures; not part of the JSON.

    Attributes:
        x: Source points, (n, d).
        y: Target points, (m, d).
        rows: Source index of each arc of the exact plan, (k,).
        columns: Target index, (k,).
        mass: Mass, (k,).
        critic_x: f / K at the source points, (n,).
        critic_y: f / K at the target points, (m,).
        potential_x: An optimal potential at the source points, (n,).
        potential_y: The same potential at the target points, (m,).
        slopes: ‖∇f‖ at the source points and then the target points, (n + m,).
        cosines: Cosine of each arc, (k,), NaN where x = y.
        axes: The grid's coordinates along both axes, (2, r), for d = 2; (0, 0) otherwise.
        critic_grid: f / K on the grid, (r, r), first index along the second axis (as images are); (0, 0) if d ≠ 2.
        potential_grid: The optimal potential there, likewise.
        slope_grid: ‖∇f‖ there, likewise.
    """

    x: FloatArray
    y: FloatArray
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    mass: FloatArray
    critic_x: FloatArray
    critic_y: FloatArray
    potential_x: FloatArray
    potential_y: FloatArray
    slopes: FloatArray
    cosines: FloatArray
    axes: FloatArray
    critic_grid: FloatArray
    potential_grid: FloatArray
    slope_grid: FloatArray


@dataclass(frozen=True)
class ValidationReport:
    """A critic's number beside the truth.

    Attributes:
        critic: What was judged.
        source: The real side, in words.
        target: The generated side, in words.
        n_source: Number of held-out source points.
        n_target: Number of held-out target points.
        dim: Dimension d.
        estimate: What the critic says.
        truth: W1 of the same samples.
        population: W1 of the laws that the samples came from; from 0 to infinity, kind "unknown", where it is.
        noise_floor: W1 within one sample.
        relative_error: (estimate − truth) / truth, on the same samples.
        lower_bounds: What the critic proves.
        errors: Where its error comes from.
        slopes: Its Lipschitz constant, from both sides.
        alignment: Whether its gradients point along the transport.
        verdict: The answer in words.
        evidence: The arrays behind it.
    """

    critic: str
    source: str
    target: str
    n_source: int
    n_target: int
    dim: int
    estimate: Estimate
    truth: Truth
    population: Interval
    noise_floor: NoiseFloor
    relative_error: float
    lower_bounds: LowerBounds
    errors: ErrorParts
    slopes: Slopes
    alignment: Alignment
    verdict: Verdict
    evidence: Evidence = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the arrays, ready for JSON; NaN and infinity become None."""
        content = {name: value for name, value in vars(self).items() if name != "evidence"}
        return {"schema": SCHEMA, **{name: _plain(value) for name, value in content.items()}}


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
