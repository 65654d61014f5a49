"""Dual potentials from any critic: its values on two samples, less what is infeasible in them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from otgan.certificate import tame
from otgan.checks import FloatArray, as_number
from otgan.costs import Costs, need_points
from otgan.dual import Potentials
from otgan.dual.transform import proven_transform
from otgan.errors import CriticError, InvalidTypeError
from otgan.problem import problem_from_points

#: Points that a critic is asked about at a time; its layers may be much wider than they are.
CHUNK = 2**13
#: The sum of two potentials must stay far inside float64.
LARGEST_VALUE = 1e150


def potentials(critic: Any, x: Any, y: Any, a: Any = None, b: Any = None, *, lipschitz: float = 1.0) -> Potentials:
    r"""Feasible dual potentials for the W1 problem between two samples, by c-transforms of a critic's values.

    From $f = h / K$ at the source the c-transform $g_j = \min_i \|x_i - y_j\| - f_i$ is the best partner, and
    $f_i = \min_j \|x_i - y_j\| - g_j$ the best partner of that; likewise from $g = -h / K$ at the target. The pair of
    the higher dual value is returned. Whatever the critic is, a f + b g is at most W1, and as much as the pair
    lacks, the critic lacks of a potential. The transforms are rounded downward, so that $f_i + g_j \le \|x_i - y_j\|$
    holds for the stored numbers exactly.

    Args:
        critic: A torch module on the CPU, or a function of NumPy points, (n, d) -> (n,) or (n, 1); high on the source.
        x: Source points, (n, d), or a `DiscreteMeasure`, which brings its weights; in units of length.
        y: Target points, (m, d), likewise.
        a: Source weights, (n,); None for equal ones. They only decide between the two pairs.
        b: Target weights, (m,), likewise.
        lipschitz: K > 0, the constant that the critic was trained for.

    Returns:
        The potentials. Called with points, they give the 1-Lipschitz extension of f to all of space.

    Raises:
        InvalidInputError: If an argument breaks a rule.
        CriticError: If the critic does not accept the points, or returns another shape, NaN or infinity.

    Source: Santambrogio (2015), Optimal Transport for Applied Mathematicians, Sec. 1.6 (two transforms never lower the
    dual value).
    """
    lipschitz = as_number("lipschitz", lipschitz, low=1e-100, high=1e100)
    problem = problem_from_points(x, y, a, b)
    costs = need_points(problem.costs, "a critic's potential")
    at_x, at_y = (_values(critic, points) / lipschitz for points in (costs.x, costs.y))
    f, g = tame(at_x, -at_y, problem.a, costs.scale)
    partner_of_f = _transform(costs, f, to_rows=False)
    partner_of_g = _transform(costs, g, to_rows=True)
    pairs = [
        (_transform(costs, partner_of_f, to_rows=True), partner_of_f),
        (partner_of_g, _transform(costs, partner_of_g, to_rows=False)),
    ]
    f, g = max(pairs, key=lambda pair: float(problem.a @ pair[0] + problem.b @ pair[1]))
    return Potentials(f, g, costs)


def _transform(costs: Costs, potential: FloatArray, *, to_rows: bool) -> FloatArray:
    """The c-transform on the other side, rounded downward where it is no float."""
    everywhere = slice(None)
    high, low = proven_transform(costs, potential, everywhere, everywhere, to_rows=to_rows)
    total = high + low
    return np.where((high == total) & (low == 0), total, np.nextafter(total, -np.inf))


def _values(critic: Any, points: FloatArray) -> FloatArray:
    """What the critic says of the points, (n,), float64; a module as a copy in float64 and eval mode."""
    if not callable(critic):
        raise InvalidTypeError("critic", "be a torch module or a function", type(critic).__name__, "pass its forward")
    parts = []
    try:
        module = copy.deepcopy(critic).double().eval() if isinstance(critic, nn.Module) else None
        for start in range(0, len(points), CHUNK):
            chunk = points[start : start + CHUNK].copy()  # a critic that writes into its points must not move them
            with torch.no_grad():
                raw = critic(chunk) if module is None else module(torch.from_numpy(chunk))
            parts.append(raw.detach().cpu().numpy() if isinstance(raw, Tensor) else np.asarray(raw))
    except Exception as error:
        raise CriticError(
            "critic",
            f"accept points of shape (n, {points.shape[1]})",
            f"{type(error).__name__}: {error}".splitlines()[0][:120],
            "check d; a module must be one that copy.deepcopy can copy",
        ) from error
    if any(part.ndim not in (1, 2) or part.size != len(part) for part in parts) or sum(map(len, parts)) != len(points):
        raise CriticError(
            "critic", "return shape (n,) or (n, 1)", f"shape {parts[-1].shape}", "return one number per point"
        )
    values = np.concatenate([part.reshape(-1).astype(np.float64) for part in parts])
    if not (abs(values) <= LARGEST_VALUE).all():
        raise CriticError(
            "critic", f"return finite values up to {LARGEST_VALUE:g}", "another value", "look for NaN weights"
        )
    return values
