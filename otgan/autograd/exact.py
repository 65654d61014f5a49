"""The exact Wasserstein distance as a function that torch can differentiate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from otgan import solve
from otgan.autograd.ground import arcs_gradient, need_norm
from otgan.autograd.inputs import read_tensors, read_value
from otgan.autograd.known import with_gradients
from otgan.checks import FloatArray
from otgan.costs import need_points
from otgan.solution import OTSolution


def wasserstein(
    x: Tensor,
    y: Tensor,
    a: Tensor | None = None,
    b: Tensor | None = None,
    *,
    p: float = 1.0,
    metric: str = "euclidean",
    value: str = "distance",
    max_memory: float = solve.MAX_MEMORY,
) -> Tensor:
    r"""Exact Wasserstein distance between two weighted samples, with gradients for points and weights.

    The cost is a minimum over plans and a maximum over potentials. So its gradient for the points is that of the plan's
    cost with the plan held fixed, $\sum_j π_{ij} ∇_x c(x_i, y_j)$, and its gradient for the weights is the potential
    (Peyré and Cuturi 2019, Computational Optimal Transport). Weights w are normalised inside, a = w / Σw, and the
    gradient is that of the normalised function, $(f_i - \sum_k a_k f_k) / \sum_k w_k$: orthogonal to w. With the root,
    $W_p^{1 - p} / p$ comes before both.

    **Where this is the derivative.** For points: where one plan is optimal, or all optimal ones have the same gradient,
    and, for p = 1, no mass stays where it is. For weights: where the potentials are unique up to a constant. Elsewhere
    one optimal plan, or pair of potentials, stands for all of them. For the weights, of which the cost is a convex
    function, that is a subgradient; equal weights on as many points a side are such a case. For the points it is the
    slope along the plan that was found, and where none coincide the cost falls along it at least as fast as it says.
    Nothing is NaN: points that coincide get the subgradient 0 of the norm, and where W_p = 0 and p > 1 all gradients
    through the root are 0.

    Args:
        x: Source points, (n, d), or (n,) on the line; of any floating dtype, on any device.
        y: Target points, (m, d) or (m,).
        a: Source weights, (n,), not negative; None for equal ones.
        b: Target weights, (m,), likewise.
        p: Exponent, 1 ≤ p ≤ 64.
        metric: "euclidean", "cityblock" or "chebyshev"; "haversine" gives gradients for weights alone.
        value: "distance" for W_p, or "cost" for W_p^p, which is smooth where W_p has the kink of a root.
        max_memory: Bytes that the solver may take.

    Returns:
        A tensor of no dimensions, on the device of x. It is computed in float64, whatever the dtype.

    Raises:
        InvalidInputError: If an argument breaks a rule; the message names it and the fix.
        MemoryLimitError: If the solver would need more than `max_memory`.
        NotProvidedError: If a gradient is asked for points in degrees, or a second derivative.

    >>> import torch
    >>> x = torch.tensor([[0.0, 0.0], [1.0, 0.0]], requires_grad=True)
    >>> distance = wasserstein(x, torch.tensor([[0.0, 3.0], [1.0, 4.0]]))
    >>> distance.backward()
    >>> distance.item(), x.grad.tolist()
    (3.5, [[0.0, -0.5], [0.0, -0.5]])
    """
    root = read_value(value)
    inputs = read_tensors(x, y, a, b)
    if x.requires_grad or y.requires_grad:
        need_norm(metric)
    solution = solve.wasserstein(x, y, a, b, p=p, metric=metric, max_memory=max_memory)

    def gradients(wanted: Sequence[bool]) -> list[FloatArray | None]:
        slope = root_slope(solution.cost, solution.p) if root else 1.0
        return _gradients(solution, slope, inputs, wanted, has_a=a is not None)

    return with_gradients(np.array(solution.distance if root else solution.cost), gradients, inputs)


def root_slope(cost: Any, p: float) -> Any:
    """Derivative of the p-th root at costs ≥ 0; where it is infinite, at 0, the 0 of a distance that is least there."""
    if p == 1:
        return np.ones_like(cost)
    positive = np.where(cost > 0, cost, 1.0)
    return np.where(cost > 0, positive ** (1 / p - 1) / p, 0.0)


def _gradients(
    solution: OTSolution, slope: float, inputs: Sequence[Tensor], wanted: Sequence[bool], *, has_a: bool
) -> list[FloatArray | None]:
    problem = solution.problem
    found: list[FloatArray | None] = [None] * len(inputs)
    if wanted[0] or wanted[1]:
        costs = need_points(problem.costs, "a gradient")
        arcs = arcs_gradient(costs.x, costs.y, *solution.matched_pairs(), p=costs.p, norm=need_norm(costs.metric.name))
        found[:2] = [slope * part.reshape(tensor.shape) for part, tensor in zip(arcs, inputs[:2], strict=True)]
    sides = [(problem.a, lambda: solution.potentials.f), (problem.b, lambda: solution.potentials.g)]
    for k, (share, potential) in enumerate(sides[0 if has_a else 1 :], start=2):
        if k < len(inputs) and wanted[k]:
            found[k] = slope * centred(potential(), share, inputs[k])
    return found


def centred(potential: FloatArray, share: FloatArray, weights: Tensor) -> FloatArray:
    """The gradient of a normalised function for weights, from a potential: orthogonal to the weights."""
    mean = (potential * share).sum(axis=-1, keepdims=True)
    total = weights.detach().double().sum(dim=-1, keepdim=True).cpu().numpy()
    return np.asarray((potential - mean) / total)
