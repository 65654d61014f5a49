r"""Smoothed transport as functions that torch can differentiate.

The smoothed problem has one plan P and, up to a constant, one pair of potentials f, g, so all of these are smooth
wherever the ground cost is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from otgan import entropic
from otgan.autograd.adjoint import adjoint_bytes, solve_adjoint
from otgan.autograd.exact import centred
from otgan.autograd.ground import add_pairs_gradient, need_norm
from otgan.autograd.inputs import read_tensors
from otgan.autograd.known import common_dtype, with_gradients
from otgan.checks import FloatArray, as_number
from otgan.costs import check_memory, need_points, rows_per_chunk
from otgan.entropic import EntropicSolution
from otgan.errors import ConvergenceWarning
from otgan.solve import MAX_MEMORY

#: Gives some rows of a matrix between all pairs.
Rows = Callable[[slice], FloatArray]
#: Marginal error, in L1. Gradients for the points are about as exact, in units of ∇c, values twice as many digits; the
#: potentials, and so gradients for the weights, are less so between parts of the points that share hardly any mass.
TOL = 1e-6


def sinkhorn(
    x: Tensor,
    y: Tensor,
    a: Tensor | None = None,
    b: Tensor | None = None,
    *,
    epsilon: float,
    p: float = 1.0,
    metric: str = "euclidean",
    tol: float = TOL,
    max_memory: float = MAX_MEMORY,
) -> Tensor:
    r"""The smoothed problem's value, $\min_π \sum_{ij} π_{ij} c_{ij} + ε\, \mathrm{KL}(π \,|\, a ⊗ b)$, with gradients.

    By the envelope theorem they need no derivative of the solver: $\sum_j P_{ij} ∇_x c(x_i, y_j)$ for the points, and
    for the weights the centred potential, as in `otgan.autograd.wasserstein`.

    Args:
        x: Source points, (n, d), or (n,) on the line; of any floating dtype, on any device.
        y: Target points, (m, d) or (m,).
        a: Source weights, (n,), not negative, normalised to sum to one; None for equal ones.
        b: Target weights, (m,), likewise.
        epsilon: Smoothing, positive, in units of the cost (length^p).
        p: Exponent of the distance in the cost, 1 ≤ p ≤ 64.
        metric: "euclidean", "cityblock" or "chebyshev"; "haversine" gives gradients for weights alone.
        tol: L1 distance of the plan's marginals from the weights at which the solver stops.
        max_memory: Bytes that the solver may take.

    Returns:
        A tensor of no dimensions, in units of the cost, on the device of x. It is computed in float64.

    Raises:
        InvalidInputError: If an argument breaks a rule; the message names it and the fix.
        MemoryLimitError: If the solver would need more than `max_memory`.
        NotProvidedError: If a gradient is asked for points in degrees, or a second derivative.

    Warns:
        ConvergenceWarning: If the marginals are further from the weights than `tol`.

    Source: Feydy et al. (2019), Interpolating between optimal transport and MMD using Sinkhorn divergences.
    """
    inputs, solution = _solved(x, y, a, b, epsilon=epsilon, p=p, metric=metric, tol=tol, max_memory=max_memory)

    def gradients(wanted: Sequence[bool]) -> list[FloatArray | None]:
        return _arranged(solution, solution.plan.rows, (solution.f, solution.g), inputs, wanted, has_a=a is not None)

    return with_gradients(np.array(solution.regularised_cost), gradients, inputs)


def sinkhorn_divergence(
    x: Tensor,
    y: Tensor,
    a: Tensor | None = None,
    b: Tensor | None = None,
    *,
    epsilon: float,
    p: float = 1.0,
    metric: str = "euclidean",
    tol: float = TOL,
    max_memory: float = MAX_MEMORY,
) -> Tensor:
    r"""The Sinkhorn divergence with gradients, $S = V(x, y) - V(x, x) / 2 - V(y, y) / 2$, V the smoothed value.

    It takes out what smoothing adds: S is 0 for equal measures, where V is not, and a flow along its gradient does not
    shrink the sample. Arguments, errors and sources are those of `sinkhorn`; it is in units of the cost.
    """
    inputs = read_tensors(x, y, a, b)
    # In float64 until the difference is taken, which may be far smaller than its terms.
    source, target = (x.double(), None if a is None else a.double()), (y.double(), None if b is None else b.double())
    settings: dict[str, Any] = {
        "epsilon": epsilon, "p": p, "metric": metric, "tol": tol, "max_memory": max_memory,
    }  # fmt: skip
    cross, own, other = (
        sinkhorn(left[0], right[0], left[1], right[1], **settings)
        for left, right in ((source, target), (source, source), (target, target))
    )
    return (cross - (own + other) / 2).to(common_dtype(inputs))


def sinkhorn_cost(
    x: Tensor,
    y: Tensor,
    a: Tensor | None = None,
    b: Tensor | None = None,
    *,
    epsilon: float,
    p: float = 1.0,
    metric: str = "euclidean",
    tol: float = TOL,
    max_memory: float = MAX_MEMORY,
) -> Tensor:
    r"""The cost of the smoothed plan without its entropy, $\sum_{ij} P_{ij} c_{ij}$, with gradients.

    The plan is no minimum of this cost, so its derivative counts: it is found by implicit differentiation of the
    marginals' equations, one linear system of the size of the smaller side. Plan and costs are in memory for that, so
    this is for up to some thousand points. Arguments, errors and warnings are those of `sinkhorn`; it is in units of
    the cost. Raises MemoryLimitError also where the system would need more than `max_memory`.
    """
    if any(tensor.requires_grad for tensor in read_tensors(x, y, a, b)):
        limit = as_number("max_memory", max_memory, low=0, open_low=True)
        check_memory(
            adjoint_bytes((x.shape[:1].numel(), y.shape[:1].numel())), limit, "the gradient of the smoothed plan's cost"
        )
    inputs, solution = _solved(x, y, a, b, epsilon=epsilon, p=p, metric=metric, tol=tol, max_memory=max_memory)

    def gradients(wanted: Sequence[bool]) -> list[FloatArray | None]:
        found = solve_adjoint(solution)
        return _arranged(
            solution, lambda rows: found.for_costs[rows], (found.u, found.v), inputs, wanted, has_a=a is not None
        )

    return with_gradients(np.array(solution.primal_cost), gradients, inputs)


def _solved(
    x: Tensor,
    y: Tensor,
    a: Tensor | None,
    b: Tensor | None,
    *,
    epsilon: float,
    p: float,
    metric: str,
    tol: float,
    max_memory: float,
) -> tuple[list[Tensor], EntropicSolution]:
    inputs = read_tensors(x, y, a, b)
    if x.requires_grad or y.requires_grad:
        need_norm(metric)
    device = str(x.device) if x.is_cuda else None
    solution = entropic.sinkhorn(
        x, y, a, b, epsilon=epsilon, p=p, metric=metric, tol=tol, max_memory=max_memory, device=device
    )
    warn_if_off(solution.stats.marginal_violation, tol)
    return inputs, solution


def warn_if_off(error: float, tol: float) -> None:
    """Say so where a plan's marginals are further from the weights than asked.

    Warns:
        ConvergenceWarning: Then.
    """
    if not error <= tol:
        warnings.warn(
            f"the smoothed plan's marginals are off by {error:.1e}, more than {tol:g}, and so are the gradients; "
            "raise tol to accept that, or epsilon",
            ConvergenceWarning,
            stacklevel=4,
        )


def _points_gradient(solution: EntropicSolution, for_costs: Rows) -> tuple[FloatArray, FloatArray]:
    """The gradient for the points, from that for the costs, some rows at a time."""
    costs = need_points(solution.problem.costs, "a gradient")
    norm, to_x, to_y = need_norm(costs.metric.name), np.zeros(costs.x.shape), np.zeros(costs.y.shape)
    step = rows_per_chunk(len(costs.y))
    for start in range(0, len(costs.x), step):
        rows = slice(start, min(len(costs.x), start + step))
        add_pairs_gradient(costs.x[rows], costs.y, for_costs(rows), to_x[rows], to_y, p=costs.p, norm=norm)
    return to_x, to_y


def _arranged(
    solution: EntropicSolution,
    for_costs: Rows,
    for_weights: tuple[FloatArray, FloatArray],
    inputs: Sequence[Tensor],
    wanted: Sequence[bool],
    *,
    has_a: bool,
) -> list[FloatArray | None]:
    """Gradients in the shapes and the order of the inputs, from those for the costs and for the weights."""
    found: list[FloatArray | None] = [None] * len(inputs)
    if wanted[0] or wanted[1]:
        points = _points_gradient(solution, for_costs)
        found[:2] = [part.reshape(tensor.shape) for part, tensor in zip(points, inputs[:2], strict=True)]
    shares = solution.problem.a, solution.problem.b
    for k, side in enumerate(range(0 if has_a else 1, 2), start=2):
        if k < len(inputs) and wanted[k]:
            found[k] = centred(for_weights[side], shares[side], inputs[k])
    return found
