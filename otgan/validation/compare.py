"""Judge a critic by exact optimal transport on the very same samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_count, as_number
from otgan.errors import CriticError, InvalidShapeError
from otgan.interval import Interval
from otgan.lipschitz import CriticFunction, as_function, audit, sampled_lower_bound
from otgan.lipschitz.domain import box_around
from otgan.lipschitz.transport import LARGEST_VALUE, proven_lower_bounds
from otgan.measures import DiscreteMeasure, as_measure
from otgan.measures.base import MAX_SAMPLES
from otgan.solution import OTSolution
from otgan.solve import MAX_MEMORY, wasserstein
from otgan.validation.report import (
    UNKNOWN,
    Alignment,
    ErrorParts,
    Estimate,
    Evidence,
    LowerBounds,
    NoiseFloor,
    Slopes,
    Truth,
    ValidationReport,
)
from otgan.validation.verdict import judge

#: Points along each axis of the grid on which a critic of two variables is drawn.
RESOLUTION = 121


def validate(
    critic: Any,
    source: Any,
    target: Any,
    *,
    lipschitz: float = 1.0,
    n_samples: int = 2000,
    seed: int = 0,
    name: str = "",
    source_name: str = "",
    target_name: str = "",
    population: Interval = UNKNOWN,
    max_memory: float = MAX_MEMORY,
    audit_seconds: float = 10.0,
) -> ValidationReport:
    r"""Compare a critic's W1 estimate with the exact W1 of the same samples.

    Args:
        critic: A torch module or any function of points (n, d) that gives (n,) or (n, 1); high on the source.
        source: The real side: held-out points (n, d), which are all used; a `DiscreteMeasure`, with its weights; or a
            `Measure` or sampler, from which `n_samples` points are drawn.
        target: The generated side, likewise.
        lipschitz: K, the constant that the critic was trained for; the estimate is divided by it.
        n_samples: Points to draw from each side that is not a finite set of points.
        seed: Of everything that is drawn here.
        name: What the report calls the critic.
        source_name: What the report calls the source.
        target_name: What the report calls the target.
        population: W1 of the laws themselves, where it is known, as from `otgan.pairs.truth` or
            `otgan.population_w1`; the report then says how much of the error is the samples'.
        max_memory: Bytes that the exact solver may take.
        audit_seconds: Time for bracketing the critic's Lipschitz constant on the box around the samples; see
            `otgan.lipschitz.audit`. What is proven may depend on how much that is on this machine.

    Returns:
        The report.

    Raises:
        InvalidInputError: If an argument breaks a rule.
        CriticError: If the critic returns another shape or NaN, or couples samples.
        MemoryLimitError: If there are too many points for the exact solver.

    Source: Korotin et al. (2022), Kantorovich Strikes Back! Wasserstein GANs are not Optimal Transport?, for the
    comparison by value and by gradient cosine.
    """
    constant = as_number("lipschitz", lipschitz, low=1e-100, high=1e100)
    rng = np.random.default_rng(as_count("seed", seed, low=0))
    sides = [
        _points(side, value, as_count("n_samples", n_samples, high=MAX_SAMPLES), rng)
        for side, value in (("source", source), ("target", target))
    ]
    real, fake = sides
    if real.dim != fake.dim:
        raise InvalidShapeError(
            "target", f"have the dimension of source, {real.dim}", fake.dim, "give both sides the same coordinates"
        )
    function = as_function(critic, real.dim, probes=real.points)
    solution = wasserstein(real, fake, max_memory=max_memory)
    values = [function.values(side.points) / constant for side in sides]
    largest = max(float(abs(f).max()) for f in values)
    if largest > LARGEST_VALUE:
        raise CriticError("critic", f"stay below {LARGEST_VALUE:g} K in size", f"{largest:g}", "scale it down")

    estimate = _estimate(values, sides)
    truth = Truth(solution.distance, solution.lower_bound, solution.upper_bound, solution.stats.solver)
    halves = [_distance_of_halves(side, rng, max_memory) for side in sides]
    noise = NoiseFloor(*halves)
    relative_error = _relative(estimate.value, truth.distance)
    slopes = _slopes(critic, function, np.concatenate([real.points, fake.points]), constant, rng, audit_seconds)
    bounds = LowerBounds(*proven_lower_bounds(sides, values, slopes.upper / slopes.stated))
    evidence = _evidence(function, solution, sides, values, constant)
    alignment = _alignment(evidence)
    return ValidationReport(
        critic=name or _name(critic),
        source=source_name or _describe(source, real),
        target=target_name or _describe(target, fake),
        n_source=len(real),
        n_target=len(fake),
        dim=real.dim,
        estimate=estimate,
        truth=truth,
        population=population,
        noise_floor=noise,
        relative_error=relative_error,
        lower_bounds=bounds,
        errors=_error_parts(estimate, truth, population, bounds),
        slopes=slopes,
        alignment=alignment,
        verdict=judge(estimate, truth, noise, relative_error, bounds, slopes, alignment, population),
        evidence=evidence,
    )


def _points(name: str, value: Any, n: int, rng: np.random.Generator) -> DiscreteMeasure:
    measure = as_measure(name, value)
    return measure if isinstance(measure, DiscreteMeasure) else DiscreteMeasure(measure.sample(n, rng))


def _describe(given: Any, points: DiscreteMeasure) -> str:
    if isinstance(given, DiscreteMeasure) or not hasattr(given, "sample"):
        return f"{len(points)} {'point' if len(points) == 1 else 'points'}"
    return repr(given)


def _name(critic: Any) -> str:
    return getattr(critic, "__name__", type(critic).__name__)


def _estimate(values: list[FloatArray], sides: list[DiscreteMeasure]) -> Estimate:
    means = [float(side.weights @ f) for side, f in zip(sides, values, strict=True)]
    # Var of a weighted mean of independent draws: Σ w² (f − mean)², times n / (n − 1) for equal weights.
    variances = [
        float(side.weights**2 @ (f - mean) ** 2) * len(f) / max(1, len(f) - 1)
        for side, f, mean in zip(sides, values, means, strict=True)
    ]
    return Estimate(means[0] - means[1], math.sqrt(sum(variances)))


def _relative(estimate: float, truth: float) -> float:
    if truth:
        return (estimate - truth) / truth
    return 0.0 if estimate == 0 else math.copysign(math.inf, estimate)


def _distance_of_halves(side: DiscreteMeasure, rng: np.random.Generator, max_memory: float) -> float:
    positive = np.flatnonzero(side.weights > 0)
    if len(positive) < 2:
        return math.nan
    order = rng.permutation(positive)
    halves = [
        DiscreteMeasure(side.points[part], side.weights[part] / side.weights[part].sum())
        for part in (order[: len(order) // 2], order[len(order) // 2 :])
    ]
    return wasserstein(*halves, max_memory=max_memory).distance


def _slopes(
    critic: Any,
    function: CriticFunction,
    points: FloatArray,
    constant: float,
    rng: np.random.Generator,
    seconds: float,
) -> Slopes:
    """What was seen near the samples or anywhere in the box around them, and what is proven there: W1 asks no more."""
    box = box_around(points)
    seen = sampled_lower_bound(function, points, rng, domain=box)
    found = audit(critic, domain=box, max_seconds=seconds, seed=int(rng.integers(2**31)))
    lower, witness = max((seen.value, (seen.x, seen.x_other)), (found.lower, found.witness), key=lambda pair: pair[0])
    return Slopes(
        stated=constant,
        lower=lower,
        witness=(tuple(witness[0].tolist()), tuple(witness[1].tolist())),
        upper=found.upper,
        method=found.method,
        reason=found.reason,
    )


def _error_parts(estimate: Estimate, truth: Truth, population: Interval, bounds: LowerBounds) -> ErrorParts:
    repaired = bounds.by_c_transform
    return ErrorParts(
        sampling=Interval(truth.lower - population.upper, truth.upper - population.lower, population.kind),
        violation=Interval(estimate.value - repaired, estimate.value - repaired),
        shortfall=Interval(truth.lower - repaired, truth.upper - repaired),
    )


def _evidence(
    function: CriticFunction,
    solution: OTSolution,
    sides: list[DiscreteMeasure],
    values: list[FloatArray],
    constant: float,
) -> Evidence:
    x, y = sides[0].points, sides[1].points
    rows, columns, mass = solution.matched_pairs()
    gradients = function.gradients(x)
    slopes = np.linalg.norm(np.concatenate([gradients, function.gradients(y)]), axis=1)
    axes, where = _grid(x, y)
    flat = where.reshape(-1, x.shape[1])
    shape = where.shape[:-1]
    return Evidence(
        x=x,
        y=y,
        rows=rows,
        columns=columns,
        mass=mass,
        critic_x=values[0],
        critic_y=values[1],
        potential_x=solution.potentials.f,
        potential_y=solution.potentials(y),
        slopes=slopes,
        cosines=_cosines(gradients[rows], x[rows] - y[columns]),
        axes=axes,
        critic_grid=(function.values(flat) / constant if len(flat) else np.empty(0)).reshape(shape),
        potential_grid=(solution.potentials(flat) if len(flat) else np.empty(0)).reshape(shape),
        slope_grid=(np.linalg.norm(function.gradients(flat), axis=1) if len(flat) else np.empty(0)).reshape(shape),
    )


def _grid(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Axes (2, r) and places (r, r, 2) of a grid around the samples, empty unless d = 2."""
    if x.shape[1] != 2:
        return np.empty((0, 0)), np.empty((0, 0, x.shape[1]))
    both = np.concatenate([x, y])
    low, high = both.min(axis=0), both.max(axis=0)
    margin = 0.08 * float((high - low).max()) or 1.0  # where all points are one, any size of picture will do
    axes = np.linspace(low - margin, high + margin, RESOLUTION, axis=1)
    return axes, np.stack(np.meshgrid(axes[0], axes[1]), axis=-1)


def _cosines(gradients: FloatArray, moves: FloatArray) -> FloatArray:
    """Cosine of each pair of vectors; 0 where the gradient vanishes, NaN where nothing moves."""
    lengths = np.linalg.norm(gradients, axis=1) * np.linalg.norm(moves, axis=1)
    still = ~moves.any(axis=1)
    products = np.einsum("kd,kd->k", gradients, moves)
    cosines = np.divide(products, lengths, out=np.zeros(len(lengths)), where=lengths > 0)
    return np.where(still, np.nan, np.clip(cosines, -1.0, 1.0))


def _alignment(evidence: Evidence) -> Alignment:
    moving = ~np.isnan(evidence.cosines)
    cosines, mass = evidence.cosines[moving], evidence.mass[moving]
    skipped = float(evidence.mass[~moving].sum())
    if not len(cosines):
        return Alignment(math.nan, (math.nan,) * 5, skipped)
    order = np.argsort(cosines)
    level = np.cumsum(mass[order]) / mass.sum()
    at = np.minimum(np.searchsorted(level, (0.05, 0.25, 0.5, 0.75, 0.95)), len(order) - 1)
    five, quarter, half, three, most = cosines[order][at].tolist()
    return Alignment(float(cosines @ mass / mass.sum()), (five, quarter, half, three, most), skipped)
