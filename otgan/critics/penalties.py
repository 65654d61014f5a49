"""Penalties that hold a critic's slope near the Lipschitz constant it should have."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from otgan.checks import as_number
from otgan.critics.draws import Draws
from otgan.errors import CriticError, InvalidShapeError, InvalidValueError

Function = Callable[[Tensor], Tensor]


def interpolate(x: Tensor, y: Tensor, draws: Draws) -> Tensor:
    r"""A point on each segment, $\hat x_i = x_i + t_i (y_i - x_i)$ with one $t_i$ uniform on [0, 1) for each pair.

    Args:
        x: Source points, (n, ...), or (s, n, ...) for a stack, in units of length.
        y: Target points, of the same shape.
        draws: Gives t.

    Returns:
        Points of the same shape, without history.

    Raises:
        InvalidShapeError: If the shapes differ, or there are no points.
    """
    axes = draws.batch_axes
    if x.shape != y.shape or x.ndim <= axes or not len(x):
        raise InvalidShapeError(
            "y", "have the shape of x, (n, ...) with n >= 1", f"{tuple(y.shape)} next to {tuple(x.shape)}", "pair them"
        )
    t = draws.uniform(x.shape[:axes] + (1,) * (x.ndim - axes), x)
    return (x + t * (y - x)).detach()


def autograd_gradients(critic: Function, points: Tensor) -> Tensor:
    r"""The critic's gradient at each point, $\nabla f(x_i)$, by autograd, differentiable in the weights.

    The gradient of the sum of all values holds the gradient at each point only where f(x_i) depends on x_i alone;
    `check_critic` refuses critics for which it does not.

    Args:
        critic: (n, ...) -> (n,) or (n, 1).
        points: (n, ...).

    Returns:
        Gradients, of the shape of the points.

    Raises:
        CriticError: If no gradient flows from the points to the values.
    """
    points = points.detach().requires_grad_()
    values = critic(points)
    if not values.requires_grad:
        raise CriticError(
            "critic",
            "be differentiable in its points",
            "values without a gradient",
            "compute them with torch operations, outside torch.no_grad()",
        )
    (gradients,) = torch.autograd.grad(values.sum(), points, create_graph=True, materialize_grads=True)
    return gradients


def gradient_norms(critic: Function, points: Tensor, *, batch_axes: int = 1) -> Tensor:
    r"""Euclidean norm of the critic's gradient at each point, $\|\nabla f(x_i)\|_2$, differentiable in the weights.

    Args:
        critic: (n, ...) -> (n,) or (n, 1), or a `NetworkFunction` or `StackFunction`, which know their gradients.
        points: (n, ...); the norm is taken for each point, over all axes but the first `batch_axes`.
        batch_axes: 1, or 2 for a stack of critics on points (s, n, ...).

    Returns:
        Norms, (n,) or (s, n), without units. Where the gradient is exactly 0, so is the norm's own derivative here.

    Raises:
        CriticError: If no gradient flows from the points to the values.
    """
    known = getattr(critic, "input_gradients", None)
    gradients = autograd_gradients(critic, points) if known is None else known(points)
    squares = gradients.flatten(batch_axes).square().sum(-1)
    # The square root has an infinite derivative at 0, and 0 times infinity would turn the weights into NaN.
    flat = squares == 0
    return torch.where(flat, 0.0, torch.where(flat, 1.0, squares).sqrt())


def two_sided(norms: Tensor, lipschitz: float) -> Tensor:
    """Mean squared distance of gradient norms, (..., n), from the slope they should have; (...)."""
    return (norms - lipschitz).square().mean(-1)


def one_sided(norms: Tensor, lipschitz: float) -> Tensor:
    """Mean square of what gradient norms, (..., n), exceed the slope by that they may have at most; (...)."""
    return (norms - lipschitz).clamp(min=0).square().mean(-1)


def gradient_penalty(
    critic: Function, x: Tensor, y: Tensor, generator: torch.Generator, *, lipschitz: float = 1.0, sides: int = 2
) -> Tensor:
    r"""The penalty of WGAN-GP, $E\,(\|\nabla f(\hat x)\|_2 - K)^2$ at random points between x and y, or of WGAN-LP.

    Args:
        critic: f, (n, ...) -> (n,) or (n, 1), each value a function of its own point only.
        x: Source points, (n, ...).
        y: Target points, of the same shape, paired with x as they come.
        generator: Draws one place on each segment.
        lipschitz: K > 0, the slope that is asked for; 1 in the papers.
        sides: 2 for the penalty of WGAN-GP; 1 for that of WGAN-LP, $E \max(0, \|\nabla f(\hat x)\|_2 - K)^2$, which
            leaves slopes below K alone.

    Returns:
        A scalar without units, differentiable in the weights.

    Raises:
        InvalidShapeError: If x and y differ in shape.
        InvalidValueError: If K is not positive, or the number of sides another.
        CriticError: If no gradient flows from the points to the values.

    Source: Gulrajani et al. (2017), Improved Training of Wasserstein GANs, Sec. 4, eq. (3); Petzka, Fischer and
    Lukovnikov (2018), On the regularization of Wasserstein GANs.
    """
    lipschitz = as_number("lipschitz", lipschitz, low=0, open_low=True)
    if sides not in (1, 2):
        raise InvalidValueError("sides", "be 1 or 2", repr(sides), "choose one of these")
    norms = gradient_norms(critic, interpolate(x, y, Draws(generator)))
    return two_sided(norms, lipschitz) if sides == 2 else one_sided(norms, lipschitz)
