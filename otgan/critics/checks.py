"""Critics that a gradient penalty cannot be used on, refused before training starts."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.parameter import is_lazy

from otgan.errors import CriticError

#: Last layers that confine the values to a range, while the dual problem needs every real number.
SQUASHING = (nn.Sigmoid, nn.LogSigmoid, nn.Hardsigmoid, nn.Softmax, nn.LogSoftmax)

#: Points that are looked at; their neighbours make the batch twice as large.
PROBES = 8


def check_critic(critic: nn.Module, points: Tensor) -> None:
    r"""Refuse a critic whose values are not those of a function of one point.

    The penalty is on the norm of $\nabla f(x_i)$, for each sample by itself. Where f(x_i) also depends on the other
    samples of the batch, as with batch normalisation, or on chance, as with dropout, that gradient is not the
    gradient of any function of one point, and holding its norm at 1 does not make the critic 1-Lipschitz. So the
    critic is asked in training mode, always on a copy: its weights, running statistics and mode stay untouched, and
    so does the global random state.

    Args:
        critic: (n, d) -> (n,) or (n, 1).
        points: A few points of the data, (n, d), of the critic's dtype; the first `PROBES` are used.

    Raises:
        CriticError: If the critic has batch normalisation or dropout, couples samples, is random, ends in a sigmoid
            or a softmax, cannot be copied, does not accept the points, or returns another shape or NaN.

    Source: Gulrajani et al. (2017), Improved Training of Wasserstein GANs, Sec. 4, "No critic batch normalization".
    """
    _refuse_layers(critic)
    points = points[:PROBES].detach()
    near, far = _batches(points)
    with torch.random.fork_rng(devices=[points.device] if points.is_cuda else []), torch.no_grad():
        values, again, elsewhere = _probe(critic, near), _probe(critic, near), _probe(critic, far)
    if not _close(values, again):
        raise CriticError(
            "critic",
            "give the same value for the same points each time",
            "random values in training mode",
            "remove what draws random numbers; the penalty needs the gradient of one fixed function",
        )
    if not _close(values[: len(points)], elsewhere[: len(points)]):
        raise CriticError(
            "critic",
            "compute each value from its own point only",
            "values that change with the other samples of the batch",
            "remove what mixes samples (LayerNorm does not); the gradient penalty holds the norm of the gradient for "
            "each sample by itself",
        )


def check_weights(critic: nn.Module) -> None:
    """Refuse a critic that no gradient can go through, whatever mode it is asked in.

    Raises:
        CriticError: If some of its weights or buffers were made in `torch.inference_mode`.
    """
    if any(not is_lazy(part) and part.is_inference() for part in (*critic.parameters(), *critic.buffers())):
        raise inference_weights()


def inference_weights() -> CriticError:
    """What `check_weights` raises."""
    return CriticError(
        "critic",
        "have weights that gradients can go through",
        "some that were made in torch.inference_mode",
        "make or load the critic outside of it",
    )


def as_values(values: object, n: int) -> Tensor:
    """Read what a critic returned for n points.

    Returns:
        The values, (n,).

    Raises:
        CriticError: If it is not a tensor of shape (n,) or (n, 1), or holds NaN or infinity.
    """
    if not isinstance(values, Tensor) or values.shape not in ((n,), (n, 1)):
        got = f"shape {tuple(values.shape)}" if isinstance(values, Tensor) else type(values).__name__
        raise CriticError(
            "critic",
            f"return a tensor of shape (n,) or (n, 1), here ({n},) or ({n}, 1)",
            got,
            "end the network in one output per point",
        )
    if not values.isfinite().all():
        raise CriticError(
            "critic",
            "return finite values",
            "NaN or infinity",
            "look for NaN weights, and for logarithms or divisions in the network",
        )
    return values.reshape(n)


def _refuse_layers(critic: nn.Module) -> None:
    for name, module in critic.named_modules():
        layer = f"{type(module).__name__} at '{name}'" if name else type(module).__name__
        if isinstance(module, _BatchNorm):
            raise CriticError(
                "critic",
                "compute each value from its own point only",
                f"{layer}, which makes f(x_i) depend on the other samples of the batch",
                "use LayerNorm, or no normalisation; the gradient penalty holds the norm of the gradient for each "
                "sample by itself",
            )
        if isinstance(module, _DropoutNd) and module.p > 0:
            raise CriticError(
                "critic",
                "give the same value for the same points each time",
                f"{layer}, which makes f random",
                "remove the dropout; the penalty needs the gradient of one fixed function",
            )


def _batches(points: Tensor) -> tuple[Tensor, Tensor]:
    """The points next to themselves, and next to neighbours far away from all of them."""
    size = points.abs().max()
    return torch.cat([points, points]), torch.cat([points, 3 * points.flip(0) + torch.where(size > 0, size, 1.0)])


def _probe(critic: nn.Module, batch: Tensor) -> Tensor:
    """Values on a batch, by a fresh copy in training mode: what a forward pass changes stays in the copy."""
    try:
        critic = copy.deepcopy(critic).train()
    except Exception as error:
        raise CriticError(
            "critic", "be a module that copy.deepcopy can copy", _first_line(error), "keep only modules and weights"
        ) from error
    squashed: list[tuple[str, Tensor]] = []
    for module in critic.modules():
        if isinstance(module, SQUASHING):
            module.register_forward_hook(lambda layer, _, output: squashed.append((type(layer).__name__, output)))
    try:
        raw = critic(batch)
    except Exception as error:
        raise CriticError(
            "critic",
            f"accept points of shape (n, {batch.shape[1]}) and dtype {batch.dtype}",
            _first_line(error),
            "match its first layer to the data",
        ) from error
    values = as_values(raw, len(batch))
    for layer, output in squashed:  # a sigmoid inside the network is harmless, so what counts is what comes out
        if output.numel() == len(values) and torch.equal(output.reshape(-1), values):
            raise CriticError(
                "critic",
                "end in a layer that reaches every real number",
                f"{layer} as its last layer",
                "remove it; the critic is a potential in units of length and not a probability",
            )
    return values


def _close(one: Tensor, other: Tensor) -> bool:
    # Shapes and positions agree, so that an uncoupled critic computes the same sums and mostly agrees bit for bit;
    # half of the digits leaves room for kernels that add in another order.
    tolerance = torch.finfo(one.dtype).eps ** 0.5 * float(one.abs().max())
    return bool(((one - other).abs() <= tolerance).all())


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:120]
