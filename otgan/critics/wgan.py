"""WGAN: the dual of W1 with every weight clipped to ±c."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from otgan.checks import FloatArray, as_number
from otgan.critics.dual_objective import DualObjective
from otgan.errors import CriticError, InvalidValueError

#: Layers whose scales and shifts are not clipped: a scale of 1 cut to 0.01 would switch the layer off.
NORMALISATIONS = (nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.modules.instancenorm._InstanceNorm)


@dataclass(frozen=True)
class Wgan(DualObjective):
    r"""The objective $E f(y) - E f(x)$, x from the source, y the target, with every weight kept in [−c, c].

    Weights are clipped before the first step and after each step of the optimiser; biases count as weights, scales and
    shifts of normalisations do not. What slope that holds is unknown: for weights and widths as they are it is some
    K(c) that nobody chose, so that the estimate is in units of its own, K(c) times a length. It is reported as it is,
    and no `lipschitz` but 1 is accepted, since none could be held. Divided by a proven bound of the critic's Lipschitz
    constant, as `otgan.lipschitz.certified_upper_bound` gives it, it is a lower bound of W1, and mostly a poor one:
    weights heap up at ±c, see `clipped_share`, and few functions are left.

    Attributes:
        clip: c > 0.

    Source: Arjovsky, Chintala and Bottou (2017), Wasserstein GAN, Algorithm 1, where c = 0.01 and RMSProp's learning
    rate is 0.00005.
    """

    clip: float = 0.01

    name = "wgan"
    summary = "weights clipped to [-c, c]; the slope that this holds is unknown"
    held = "by clipping"
    optimizer = "rmsprop"
    learning_rate = 5e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        as_number("clip", self.clip, low=0, open_low=True)
        if self.lipschitz != 1:
            raise InvalidValueError(
                "lipschitz",
                "be 1 where the method is wgan",
                f"{self.lipschitz:g}",
                "choose c instead: clipped weights hold a slope that is unknown",
            )

    def constrain(self, network: nn.Module) -> None:
        """See `Method.constrain`."""
        self.after_step(network)

    def after_step(self, network: nn.Module) -> None:
        """See `Method.after_step`."""
        with torch.no_grad():
            for weight in _clippable(network):
                weight.clamp_(-self.clip, self.clip)


def clipped_weights(critic: nn.Module) -> FloatArray:
    """The weights that `Wgan` clips, in one array, as for a histogram.

    Returns:
        Weights, (n,), without units.

    Raises:
        CriticError: If there are none.
    """
    weights = [weight.detach().double().flatten().cpu().numpy() for weight in _clippable(critic)]
    if not weights:
        raise CriticError("critic", "have weights outside of normalisations", "none", "add a Linear layer")
    return np.concatenate(weights)


def clipped_share(critic: nn.Module, clip: float = 0.01) -> float:
    """Which share of its weights a critic has heaped at ±c: those that clipping leaves no way but back.

    Args:
        critic: As it was trained.
        clip: c, as it was trained with.

    Returns:
        A number in [0, 1].

    Raises:
        CriticError: If the critic has no weights.
        InvalidValueError: If c is not positive.

    >>> layer = nn.Linear(3, 1, bias=False)
    >>> with torch.no_grad():
    ...     _ = layer.weight.copy_(torch.tensor([[0.01, -0.01, 0.002]]))
    >>> round(clipped_share(layer), 3)
    0.667
    """
    clip = as_number("clip", clip, low=0, open_low=True)
    # c itself is rounded to the dtype of the weights when they are clipped; a millionth covers float32.
    return float(np.mean(np.abs(clipped_weights(critic)) >= clip * (1 - 1e-6)))


def _clippable(network: nn.Module) -> Iterator[nn.Parameter]:
    for module in network.modules():
        if not isinstance(module, NORMALISATIONS):
            for weight in module.parameters(recurse=False):
                if weight.is_floating_point() and weight.requires_grad:  # what was frozen stays as it is
                    yield weight
