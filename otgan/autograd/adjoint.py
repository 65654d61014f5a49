r"""The derivative of the smoothed plan's cost, by one linear system.

With $P_{ij} = a_i b_j \exp((f_i + g_j - c_{ij})/ε)$ and marginals a and b, a change dc, da, db moves the plan by
$dP_{ij} = P_{ij} (φ_i + ψ_j - dc_{ij})/ε$, where $φ_i = df_i + ε\, da_i/a_i$, ψ likewise, and the marginals demand

$$ a_i φ_i + \sum_j P_{ij} ψ_j = \sum_j P_{ij} dc_{ij} + ε\, da_i, \qquad
   \sum_i P_{ij} φ_i + b_j ψ_j = \sum_i P_{ij} dc_{ij} + ε\, db_j. $$

Let u, v solve the same symmetric system for the right sides $\sum_j P_{ij} c_{ij}$ and $\sum_i P_{ij} c_{ij}$. Then
$d \sum P c = \sum_{ij} P_{ij} \left(1 - (c_{ij} - u_i - v_j)/ε\right) dc_{ij} + \langle u, da \rangle + \langle v,
db \rangle$, whatever the changes are: u and v are what potentials are for the exact cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from otgan.checks import FloatArray
from otgan.entropic import EntropicSolution

#: Eigenvalues of the scaled system, which lie in [0, 1], below this are rounding. They belong to shifts of u against v
#: between parts of the points that share no mass: the gradient for points does not feel them, and the one for weights
#: has no value there but one-sided ones; the shift is left at 0.
NOTHING = 1e-13


@dataclass(frozen=True, eq=False)
class Adjoint:
    """The derivative.

    Attributes:
        for_costs: With respect to the costs, (n, m).
        u: With respect to the source weights, up to a constant, (n,), in units of the cost.
        v: With respect to the target weights, (m,).
    """

    for_costs: FloatArray
    u: FloatArray
    v: FloatArray


def adjoint_bytes(shape: tuple[int, int]) -> float:
    """Bytes that `solve_adjoint` takes at its peak: some matrices between all pairs, and of the smaller side."""
    return 8.0 * (6 * shape[0] * shape[1] + 5 * min(shape) ** 2)


def solve_adjoint(solution: EntropicSolution) -> Adjoint:
    """The derivative of a solution's plan's cost; it holds at points without mass, from the side that adds some."""
    problem, epsilon = solution.problem, solution.epsilon
    a, b = problem.a, problem.b
    costs = problem.costs.block(slice(None), slice(None))
    # The plan over a ⊗ b. Between two points without mass it may be large, and counts nothing.
    density = np.exp(np.minimum((solution.f[:, None] + solution.g - costs) / epsilon, 700.0))
    v = _on_smaller_side(density, costs, a, b)
    u = (density * (costs - v)) @ b
    v = np.where(b > 0, v, a @ (density * (costs - u[:, None])))
    plan = a[:, None] * density * b
    return Adjoint(plan * (1 - (costs - u[:, None] - v) / epsilon), u, v)


def _on_smaller_side(density: FloatArray, costs: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    """The potential v at the targets, 0 where there is no mass."""
    if len(a) < len(b):
        u = _on_smaller_side(density.T, costs.T, b, a)
        return np.asarray(a @ (density * (costs - u[:, None])))
    here, there = a > 0, b > 0
    plan = (a[:, None] * density * b)[np.ix_(here, there)]
    own = costs[np.ix_(here, there)]
    scale_a, scale_b = np.sqrt(plan.sum(axis=1)), np.sqrt(plan.sum(axis=0))
    # u is eliminated; scaled by the roots of the masses, what is left is the identity less a square.
    scaled = plan / scale_a[:, None] / scale_b
    right = (plan * own).sum(axis=0) / scale_b - scaled.T @ ((plan * own).sum(axis=1) / scale_a)
    values, vectors = eigh(np.eye(len(scale_b)) - scaled.T @ scaled)
    known = values > NOTHING
    parts = (vectors[:, known].T @ right) / values[known]
    v = np.zeros(len(b))
    v[there] = vectors[:, known] @ parts / scale_b
    return v
