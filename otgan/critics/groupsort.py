"""GroupSort critics: orthonormal weights and activations that sort, so that no gradient shrinks on its way."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils.parametrizations import orthogonal

from otgan.checks import as_choice
from otgan.critics.dual_objective import DualObjective
from otgan.critics.method import Start
from otgan.critics.networks import MLPCritic
from otgan.critics.orthonormal import Bjorck, keep_orthonormal, orthonormalize
from otgan.critics.weights import (
    Times,
    held_layers,
    parametrize_weight,
    plain_weight,
    scale_to,
    spread_biases,
    weighted_layers,
)
from otgan.operator_norms import spectral_norm_upper_bound

#: Ways to keep a weight orthonormal, and what PyTorch calls those of its own.
WEIGHTS = {"bjorck": "", "exponential": "matrix_exp", "householder": "householder", "cayley": "cayley"}

#: Activations that sort: neighbours in pairs, or all entries.
SORTING = ("maxmin", "fullsort")


@dataclass(frozen=True)
class GroupSortMethod(DualObjective):
    r"""The objective $E f(y) - E f(x)$, x from the source, y the target, with orthonormal weights and sorted units.

    A matrix with orthonormal rows or columns has the norm 1, and sorting permutes: so f is K-Lipschitz, with K in the
    last weight. On its way back the gradient keeps its norm through sorting and through each layer that is no wider
    than the one before it; through a wider one, as the first mostly is, it can. The critic that is delivered has plain
    weights, each divided by a *proven* upper bound of its norm, so that the product is at most K, and less than 10⁻⁶ K
    below it.

    Every function here is K-Lipschitz, so that no estimate exceeds K W1 of the laws by more than chance: the bias is
    downwards, by what the network's size and the steps leave out. Deeper networks fold more often and leave out less.

    Attributes:
        weights: How they are kept orthonormal: "bjorck" projects the gradient and goes back after each step;
            "exponential", "cayley" and "householder" compute them from free ones, slowly.
        activation: "maxmin", or "fullsort" for sorting all units of a layer.

    Source: Anil, Lucas and Grosse (2019), Sorting out Lipschitz function approximation.
    """

    weights: str = "bjorck"
    activation: str = "maxmin"

    name = "groupsort"
    summary = "orthonormal weights and sorting activations: K-Lipschitz by construction, gradients keep their norm"
    held = "by construction"
    any_critic = False

    def __post_init__(self) -> None:
        super().__post_init__()
        as_choice("weights", self.weights, WEIGHTS)
        as_choice("activation", self.activation, SORTING)

    def critic(self, start: Start) -> MLPCritic:
        """See `Method.critic`."""
        critic = MLPCritic(start.dim, start.hidden, self.activation, seed=start.seed)
        with torch.no_grad():
            for layer in weighted_layers(critic.layers):
                layer.weight.copy_(orthonormalize(layer.weight))
        spread_biases(critic.layers, torch.cat([start.x, start.y]), start.seed)
        return critic

    def constrain(self, network: nn.Module) -> None:
        """See `Method.constrain`."""
        layers = weighted_layers(network)
        for layer in layers:
            if self.weights == "bjorck":
                parametrize_weight(layer, Bjorck())
            else:
                with torch.random.fork_rng(devices=[]):  # PyTorch completes a basis by its global generator
                    torch.manual_seed(0)
                    orthogonal(layer, orthogonal_map=WEIGHTS[self.weights])
        parametrize_weight(layers[-1], Times(self.lipschitz))

    def after_step(self, network: nn.Module) -> None:
        """See `Method.after_step`."""
        keep_orthonormal(network)

    def release(self, network: nn.Module) -> None:
        """See `Method.release`."""
        *hidden, last = held_layers(network)
        for layer in (*hidden, last):
            plain_weight(layer)
            scale_to(layer.weight, spectral_norm_upper_bound, self.lipschitz if layer is last else 1.0)
