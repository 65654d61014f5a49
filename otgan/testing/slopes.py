"""Is this function k-Lipschitz? An adversarial search that answers with two points."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from torch import nn

from otgan.checks import FloatArray, as_count, as_number, as_seconds
from otgan.critics.layers import Cones
from otgan.errors import InvalidTypeError
from otgan.lipschitz import CriticFunction, as_function, audit, certified_upper_bound
from otgan.lipschitz.domain import as_domain
from otgan.lipschitz.lower import ALLOWANCE, fill, search
from otgan.testing.rounding import admit_single_precision
from otgan.testing.witness import Clouds, show, shrink

#: Evenly spread points of a round, and rounds: together 2¹⁵ places, so that in a square of side 5 some ten lie in
#: every disc of radius .05. In more dimensions no number of places finds a small ball; there the search relies on
#: its climb.
PLACES = 2**13
ROUNDS = 4

#: Up to so many dimensions places follow a Sobol sequence.
EVEN_DIMENSIONS = 32

#: Coordinates of all places of a round: 32 MiB; and the fewest places, however many dimensions there are.
MOST_NUMBERS = 2**22
LEAST_PLACES = 64

#: The least time that is left to the audit, which always looks at some points.
LEAST_SECONDS = 0.1


def assert_lipschitz(
    f: Any,
    k: float = 1.0,
    *,
    domain: Any = None,
    dim: int | None = None,
    tol: float = 1e-6,
    max_seconds: float = 10.0,
    seed: int = 0,
) -> None:
    r"""Assert that $|f(x) - f(x')| \le k \|x - x'\|$ for all points of a box; look for two that break it.

    A critic whose layers prove the bound passes at once. Otherwise places spread evenly over the box are searched, and
    from the steepest of them the search climbs on, so that also a fault in a small ball is found: in the plane down to
    a hundredth of the box's side. Then `otgan.lipschitz.audit` has its turn, which in one or two dimensions knows all
    linear pieces of a ReLU network. What counts is the slope between two points, less an allowance for rounding, never
    a gradient alone. Passing means that nothing was found; it is a proof only where layers or pieces give one.

    Args:
        f: A torch module, or a function of (n, d) NumPy or torch points; evaluated in float64 where it can be. One of
            NumPy points is differentiated by differences, 2 d evaluations a point: slow in many dimensions.
        k: The constant that is claimed, in values of f per unit of length.
        domain: The box, [(low, high), ...] with one pair for each coordinate. None for all of R^d, where the audit
            looks around 0, or around its centre for an `MLPCritic`.
        dim: Dimension d, needed where neither the domain nor the module tells it.
        tol: Slopes up to k (1 + tol) pass. The default is what the weights of a layer that is orthonormal in float32
            leave of it; slopes are seen to 1e-9.
        max_seconds: The search ends after about this time. Small networks take a second, two layers of 128 in the
            plane a few.
        seed: Of the search; the same seed finds the same points.

    Raises:
        AssertionError: If two points break it; the message shows them.
        CriticError: If f is not a function of one point, or returns NaN or another shape.
        InvalidShapeError, InvalidTypeError, InvalidValueError: If another argument breaks its rule.

    >>> assert_lipschitz(lambda x: abs(x[:, 0]), domain=[(-1, 1), (-1, 1)])
    """
    __tracebackhide__ = True
    k, tol = as_number("k", k, low=0), as_number("tol", tol, low=0)
    deadline = time.monotonic() + as_seconds("max_seconds", max_seconds)
    seed = as_count("seed", seed, low=0, high=2**31 - 1)
    level = k * (1 + tol)
    box = as_domain(domain, None if dim is None else as_count("dim", dim))
    function = _function(f, box, dim, seed)
    if certified_upper_bound(f).value <= level:
        return
    pair = None if box is None else _search(function, box, level, deadline, seed)
    if pair is None and (box is None or isinstance(f, nn.Module)):
        left = max(deadline - time.monotonic(), LEAST_SECONDS)
        target = f if isinstance(f, nn.Module) and dim is None else function
        found = audit(target, domain=domain, max_seconds=left, seed=seed)
        pair = found.witness if found.lower > level else None
    if pair is None:
        return
    x, x_other = _readable(function, box, *pair, k, level)
    at, at_other = function.values(np.stack([x, x_other]))
    slope = abs(at - at_other) / float(np.linalg.norm(x - x_other))
    raise AssertionError(
        f"f must be {k:g}-Lipschitz, got the slope {slope:.8g} between x = {show(x)} and x' = {show(x_other)}, "
        f"where f(x) = {at:.8g} and f(x') = {at_other:.8g}"
    )


def _function(f: Any, box: FloatArray | None, dim: int | None, seed: int) -> CriticFunction:
    """The function in float64, its dimension known."""
    d = dim if box is None else box.shape[1]
    if d is None and isinstance(f, nn.Module):
        own = getattr(f, "dim", None)
        weights = (
            layer.centres if isinstance(layer, Cones) else layer.weight
            for layer in f.modules()
            if isinstance(layer, Cones | nn.Linear)
        )
        d = own if isinstance(own, int) else next((weight.shape[1] for weight in weights), None)
    if d is None:
        raise InvalidTypeError(
            "domain", "be given where f does not tell its dimension", "None", "pass domain=[(low, high), ...] or dim=d"
        )
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((16, d)) if box is None else fill(box, 16, rng)
    function = as_function(f, d, probes=points)
    admit_single_precision(function, points)
    return function


def _search(
    function: CriticFunction, box: FloatArray, level: float, deadline: float, seed: int
) -> tuple[FloatArray, FloatArray] | None:
    """Two points of the box between which the slope exceeds the level, the steepest of the first round with any."""
    rng = np.random.default_rng(seed)
    # In many dimensions nothing is spread evenly, and a Sobol sequence ends at some twenty thousand.
    spread = function.dim <= EVEN_DIMENSIONS
    sobol = torch.quasirandom.SobolEngine(function.dim, scramble=True, seed=seed) if spread else None
    low, high = box
    n = max(LEAST_PLACES, min(PLACES, MOST_NUMBERS // function.dim))
    for _ in range(ROUNDS):
        if sobol is None:
            places = fill(box, n, rng)
        else:
            places = np.clip(low + (high - low) * sobol.draw(n, dtype=torch.float64).numpy(), low, high)
        found = search(
            function,
            places,
            rng,
            n_pairs=min(1024, n),
            n_starts=32,
            n_rounds=12,
            box=box,
            stop=lambda: time.monotonic() > deadline,
        )
        if found.value > level:
            return found.x, found.x_other
        if time.monotonic() > deadline:
            break
    return None


def _readable(
    function: CriticFunction, box: FloatArray | None, x: FloatArray, x_other: FloatArray, k: float, level: float
) -> tuple[FloatArray, FloatArray]:
    """The pair moved to short numbers and apart, as far as at least half of the excess of its slope stays."""
    enough = max(level, k + (_slope(function, x, x_other) - k) / 2)

    def fails(clouds: Clouds) -> bool:
        one, other = clouds[0][0], clouds[1][0]
        inside = box is None or all((box[0] <= point).all() and (point <= box[1]).all() for point in (one, other))
        return inside and _slope(function, one, other) > enough

    middle, direction = (x + x_other) / 2, (x - x_other) / float(np.linalg.norm(x - x_other))
    # As far apart as possible: points that differ in the first digits are read at a glance.
    for length in 10.0 ** np.arange(2, -9, -1):
        apart = (middle + length / 2 * direction)[None], (middle - length / 2 * direction)[None]
        if fails(apart):
            break
    else:
        apart = x[None], x_other[None]
    one, other = shrink(apart, fails, (1, 1))
    return one[0], other[0]


def _slope(function: CriticFunction, x: FloatArray, x_other: FloatArray) -> float:
    """Slope between two points, less an allowance for the rounding of the two values."""
    run = float(np.linalg.norm(x - x_other))
    at, at_other = function.values(np.stack([x, x_other]))
    rise = abs(at - at_other) - 2 * ALLOWANCE * function.unit * max(abs(at), abs(at_other))
    return float(rise / run) if run and rise > 0 else 0.0
