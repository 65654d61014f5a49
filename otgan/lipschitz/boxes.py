"""Branch and bound: boxes are halved where the gradient may be steepest, until the bound will do or time is up."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import numpy as np

from otgan.checks import FloatArray
from otgan.lipschitz.chain import Chain
from otgan.lipschitz.enclosures import UNDERFLOW, gradient_bounds, is_moderate
from otgan.lipschitz.walk import UnknownModuleError

U = 2.0**-53
#: Boxes that are halved at once, as far as the gradients of all units, in numbers, stay within this.
LARGEST_BATCH, NUMBERS = 256, 2**21
#: Numbers that waiting boxes may take, 1 GB.
MEMORY = 2**27


@dataclass(frozen=True, eq=False)
class Boxes:
    """What branch and bound has found.

    Attributes:
        upper: Proven to be at least the Lipschitz constant on the box.
        complete: Whether upper is as close to the lower bound as was asked for.
        steepest: Middles of the boxes whose bounds were largest in the end, (k, d): where to look for steep pairs.
        n_boxes: Boxes that were bounded.
    """

    upper: float
    complete: bool
    steepest: FloatArray
    n_boxes: int


def halve_boxes(
    chain: Chain,
    box: FloatArray,
    *,
    lower: float = 0.0,
    start: float = math.inf,
    rtol: float = 1e-3,
    stop: Callable[[], bool] = lambda: False,
    tell: Callable[[float, float], None] = lambda lower, upper: None,
) -> Boxes:
    """Bound the Lipschitz constant of a chain on a box from above, ever more closely.

    The bound of a box is that of `gradient_bounds`. Boxes with the largest bounds are halved first, along the side
    that matters most to the first layer, and all of them count with their bounds when it ends: so the result holds
    whenever it does. For smooth activations it tends to the constant as boxes shrink, fast in two dimensions and
    hopelessly slowly in many. Where several kinks meet in a point it stays above: there every unit is taken to be on
    or off at will, in whichever combination makes the gradient largest.

    Args:
        chain: Any chain.
        box: (2, d), lows and highs.
        lower: A lower bound that is known; boxes that cannot beat it by more than rtol are left alone.
        start: An upper bound that is known.
        rtol: Relative tolerance.
        stop: Says when time is up.
        tell: Is told the bracket now and then.

    Raises:
        UnknownModuleError: If its numbers are too large for float64, or its gradients for memory.
    """
    widest = max(stage.weight.shape[0] for stage in chain.stages)
    if widest * chain.dim > NUMBERS:
        raise UnknownModuleError("the gradients of all units on two boxes alone take too much memory")
    # In the units of h, rounded outward: h has the constant of f.
    inner = (box - chain.centre) / chain.scale
    inner = inner + np.array([[-1.0], [1.0]]) * (4 * U * np.abs(inner) + UNDERFLOW)
    if not is_moderate(chain, inner):
        raise UnknownModuleError("its numbers are too large to be multiplied through in float64")
    batch = max(1, min(LARGEST_BATCH, NUMBERS // (2 * widest * chain.dim)))
    influence = np.linalg.norm(chain.stages[0].weight, axis=0)
    enough = lower * (1 + rtol)
    ticket = count()
    first = min(start, float(gradient_bounds(chain, inner[:1], inner[1:])[0]))
    heap = [(-first, next(ticket), inner)]
    settled, n_boxes = 0.0, 1
    while heap and -heap[0][0] > max(enough, settled) and not stop() and len(heap) * 2 * chain.dim < MEMORY:
        taken = [heapq.heappop(heap) for _ in range(min(batch, len(heap)))]
        boxes = np.array([item for *_, item in taken])
        parents = np.repeat([-bound for bound, *_ in taken], 2)
        halves = _halve(boxes, influence)
        bounds = np.minimum(parents, gradient_bounds(chain, halves[:, 0], halves[:, 1]))
        n_boxes += len(halves)
        for bound, half in zip(bounds.tolist(), halves, strict=True):
            if bound <= enough:
                settled = max(settled, bound)
            else:
                heapq.heappush(heap, (-bound, next(ticket), half))
        tell(lower, max(settled, -heap[0][0] if heap else 0.0))
    top = -heap[0][0] if heap else 0.0
    steepest = [item.mean(axis=0) for *_, item in heapq.nsmallest(64, heap)]
    places = chain.centre + chain.scale * np.array(steepest).reshape(-1, chain.dim)
    return Boxes(max(settled, top), top <= max(enough, settled), np.clip(places, box[0], box[1]), n_boxes)


def _halve(boxes: FloatArray, influence: FloatArray) -> FloatArray:
    """Both halves of each box, (2 k, 2, d)."""
    sides = boxes[:, 1] - boxes[:, 0]
    axis = (sides * np.where(influence > 0, influence, 0.0)).argmax(axis=1)
    rows = np.arange(len(boxes))
    cut = boxes[rows, 0, axis] / 2 + boxes[rows, 1, axis] / 2
    left, right = boxes.copy(), boxes.copy()
    left[rows, 1, axis] = cut
    right[rows, 0, axis] = cut
    return np.stack([left, right], axis=1).reshape(-1, *boxes.shape[1:])
