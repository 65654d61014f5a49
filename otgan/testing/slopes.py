"""Is this function k-Lipschitz? An adversarial search that answers with two points."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from otgan.checks import FloatArray, as_count, as_number, as_real_array, as_seconds
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.lipschitz import CriticFunction, as_function, certified_upper_bound, sampled_lower_bound
from otgan.testing.witness import Clouds, show, shrink

#: Evenly spread points of a round, and rounds: together 2¹⁵ places, so that in a square of side 5 some ten lie in
#: every disc of radius .05. In more dimensions no number of places finds a small ball; there the search relies on
#: its climb.
PLACES = 2**13
ROUNDS = 4

#: Half-widths of the boxes that are looked at, in turn, where no domain is given.
HALF_WIDTHS = (3.0, 0.5, 20.0, 100.0)


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
    a hundredth of the box's side. What counts is the slope between two points, less an allowance for rounding, never a
    gradient alone. Passing means that the search found nothing; it is a proof only where the layers give one.

    Args:
        f: A torch module, or a function of (n, d) NumPy or torch points; evaluated in float64 where it can be.
        k: The constant that is claimed, in values of f per unit of length.
        domain: The box, [(low, high), ...] with one pair for each coordinate. None for all of R^d, of which boxes
            around 0 (around its centre for an `MLPCritic`), up to ±100, are looked at.
        dim: Dimension d, needed where neither the domain nor a first linear layer tells it.
        tol: Slopes up to k (1 + tol) pass. The default is what the weights of a layer that is orthonormal in float32
            leave of it; slopes are seen to 1e-9.
        max_seconds: The search ends after this time; it takes about a second for small networks.
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
    boxes = _boxes(f, domain, dim)
    level = k * (1 + tol)
    rng = np.random.default_rng(as_count("seed", seed, low=0, high=2**32 - 1))
    low, high = boxes[0].T
    function = as_function(f, len(low), probes=low + (high - low) * rng.random((8, len(low))))
    if certified_upper_bound(f).value <= level:
        return
    pair = _search(function, boxes, level, deadline, rng)
    if pair is None:
        return
    inside = boxes[0] if domain is not None else np.array([[-np.inf, np.inf]] * len(low))
    x, x_other, slope = _readable(function, inside, *pair, k, level)
    at, at_other = function.values(np.stack([x, x_other]))
    raise AssertionError(
        f"f must be {k:g}-Lipschitz, got the slope {slope:.6g} between x = {show(x)} and x' = {show(x_other)}, "
        f"where f(x) = {at:.6g} and f(x') = {at_other:.6g}"
    )


class _Inside(CriticFunction):
    """f at the nearest point of a box: no steeper than f in the box, and as steep, so that any search stays inside."""

    def __init__(self, function: CriticFunction, low: FloatArray, high: FloatArray) -> None:
        self._function, self._low, self._high = function, low, high
        self.dim, self.unit = function.dim, function.unit

    def _values(self, points: FloatArray) -> NDArray[Any]:
        return self._function.values(np.clip(points, self._low, self._high))

    def _gradients(self, points: FloatArray, size: float) -> FloatArray:
        return self._function.gradients(np.clip(points, self._low, self._high))


def _search(
    function: CriticFunction, boxes: list[FloatArray], level: float, deadline: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray] | None:
    """Two points of a box between which the slope exceeds the level, the steepest of the first round with any."""
    sobol = torch.quasirandom.SobolEngine(function.dim, scramble=True, seed=int(rng.integers(2**31)))
    for k in range(max(ROUNDS, len(boxes))):
        low, high = boxes[k % len(boxes)].T
        places = low + (high - low) * sobol.draw(PLACES, dtype=torch.float64).numpy()
        inside = _Inside(function, low, high)
        found = sampled_lower_bound(inside, places, rng, n_pairs=1024, n_starts=32, n_rounds=12)
        if found.value > level:
            return np.clip(found.x, low, high), np.clip(found.x_other, low, high)
        if time.monotonic() > deadline:
            break
    return None


def _readable(
    function: CriticFunction, box: FloatArray, x: FloatArray, x_other: FloatArray, k: float, level: float
) -> tuple[FloatArray, FloatArray, float]:
    """The pair moved to short numbers and apart, as far as at least half of the excess of its slope stays."""
    slope = _slope(function, x, x_other)
    enough = max(level, k + (slope - k) / 2)
    low, high = box.T

    def fails(clouds: Clouds) -> bool:
        one, other = clouds[0][0], clouds[1][0]
        return bool(
            (np.minimum(one, other) >= low).all()
            and (np.maximum(one, other) <= high).all()
            and _slope(function, one, other) > enough
        )

    middle, direction = (x + x_other) / 2, (x - x_other) / float(np.linalg.norm(x - x_other))
    # As far apart as possible: points that differ in the first digits are read at a glance.
    for length in 10.0 ** np.arange(2, -9, -1):
        apart = (middle + length / 2 * direction)[None], (middle - length / 2 * direction)[None]
        if fails(apart):
            break
    else:
        apart = x[None], x_other[None]
    one, other = (cloud[0] for cloud in shrink(apart, fails, (1, 1)))
    return one, other, _slope(function, one, other)


def _slope(function: CriticFunction, x: FloatArray, x_other: FloatArray) -> float:
    """Slope between two points, less the rounding of the two values (see `otgan.lipschitz.lower.ALLOWANCE`)."""
    run = float(np.linalg.norm(x - x_other))
    at, at_other = function.values(np.stack([x, x_other]))
    rise = abs(at - at_other) - 512 * function.unit * max(abs(at), abs(at_other))
    return float(rise / run) if run and rise > 0 else 0.0


def _boxes(f: Any, domain: Any, dim: int | None) -> list[FloatArray]:
    """The boxes to look at, (d, 2) each."""
    if domain is not None:
        box = as_real_array("domain", domain)
        if box.ndim != 2 or box.shape[1] != 2 or (dim is not None and len(box) != as_count("dim", dim)):
            raise InvalidShapeError(
                "domain", f"have shape ({'d' if dim is None else dim}, 2)", f"shape {box.shape}", "give (low, high)s"
            )
        if (box[:, 0] >= box[:, 1]).any():
            j = int((box[:, 0] >= box[:, 1]).argmax())
            raise InvalidValueError("domain", "have low < high", f"{tuple(box[j].tolist())} at {j}", "swap the ends")
        return [box]
    if dim is None and isinstance(f, nn.Module):
        dim = next((layer.in_features for layer in f.modules() if isinstance(layer, nn.Linear)), None)
    if dim is None:
        raise InvalidTypeError(
            "domain", "be given where f does not tell its dimension", "None", "pass domain=[(low, high), ...] or dim=d"
        )
    centre, scale = np.zeros(as_count("dim", dim)), 1.0
    if isinstance(getattr(f, "centre", None), torch.Tensor) and isinstance(getattr(f, "scale", None), torch.Tensor):
        centre, scale = as_real_array("centre", f.centre), float(f.scale)
    return [np.stack([centre - scale * half, centre + scale * half], axis=1) for half in HALF_WIDTHS]
