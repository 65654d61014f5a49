"""The c-transform on minibatches: the constraint holds within each batch, whatever the network is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from otgan.checks import as_number
from otgan.critics.draws import Draws
from otgan.critics.method import Method, Players, Terms, estimate, values_of_both
from otgan.critics.transforms import pairwise, transform


@dataclass(frozen=True)
class CTransform(Method):
    r"""The dual $L = E f(x) + E f^c(y)$ of each batch, $f^c(y) = \min_z K \|z - y\| - f(z)$ over the batch's points z.

    Source and target points both take part in the minimum, so that f is trained on either side and $f^c \le -f$ at y:
    L is at most the estimate E f(x) − E f(y), and what is between them is the mean violation v that the batch shows.
    Maximised is $E f(x) - E f(y) - \sigma v$. It is L for σ = 1, where the critic gains by a violation about as much
    as it loses, and the estimate, unlike L, runs off; σ > 1 removes that.

    For every f and batch L is the value of a feasible pair, at most K W1 of the batch. For the best f the mean of the
    objective is between K W1 and the mean of K W1(batch of x, batch of y), which exceeds it by the noise of so small
    samples: the constraint is not asked for between points that do not meet in a batch. The estimate is above the
    objective. So the bias is upward, the more so the smaller the batches and the larger the dimension; a network short
    of capacity or steps biases it downwards.

    With ε > 0 the minimum is the soft one of the (c, ε)-transform: smoother, above the minimum by up to ε log n, and so
    the objective's optimum is higher by up to σ times as much.

    Attributes:
        epsilon: ε ≥ 0, in the units of training, in which coordinates have size 1.
        strictness: σ ≥ 1; 1 for the objective of the papers.

    Source: Mallasto, Frellsen, Boomsma and Feragen (2019), (q,p)-Wasserstein GANs, and Mallasto, Montúfar and
    Gerolin (2019), How Well Do WGANs Estimate the Wasserstein Metric?, for ε = 0.
    """

    epsilon: float = 0.0
    strictness: float = 1.5

    name = "c-transform"
    summary = "dual value of each batch, its second potential the c-transform over the batch"
    held = "by the objective"

    def __post_init__(self) -> None:
        super().__post_init__()
        as_number("epsilon", self.epsilon, low=0)
        as_number("strictness", self.strictness, low=1)

    def terms(self, players: Players, x: Tensor, y: Tensor, draws: Draws) -> Terms:
        """See `Method.terms`."""
        at_x, at_y = values_of_both(players.critic, x, y)
        costs = self.lipschitz * pairwise(torch.cat([x, y], dim=-2), y)
        transformed = transform(costs, torch.cat([at_x, at_y], dim=-1), self.epsilon)
        plain, dual = estimate(at_x, at_y), at_x.mean(-1) + transformed.mean(-1)
        return Terms(self.strictness * (plain - dual) - plain, plain, {"dual": dual})
