"""The three-player maximin solver: a mover looks for the minimum in the c-transform to the target."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from otgan.critics.mover import MoverMethod


@dataclass(frozen=True)
class Mm(MoverMethod):
    r"""The semi-dual $\max_f \min_T E f(x) + E [K \|T(y) - y\| - f(T(y))]$, in which T moves the target.

    For the best T the second mean is that of the c-transform of f, over all of space and not over a batch alone; for a
    K-Lipschitz f that is −f(y), and staying is a best move. Two things are unlike the papers: a point may stay whatever
    the network says, so that f is trained at the target too, where the estimate needs it; and what a move wins over
    staying, $v = [f(T(y)) - K \|T(y) - y\| - f(y)]_+$, counts σ times, once there: at σ = 1 the critic may gain by a
    violation as much as it loses. For the best mover the optimum is K W1, whatever σ ≥ 1 is. A mover that lags behind
    leaves slopes above K, and biases the estimate upwards without a bound; a network short of capacity or steps biases
    it downwards.

    Source: Dam et al. (2019), Three-Player Wasserstein GAN via Amortised Duality; Korotin, Kolesov and Burnaev (2022),
    Kantorovich Strikes Back! Wasserstein GANs are not Optimal Transport?, after the code of the benchmark.
    """

    name = "mm"
    summary = "three players: a mover looks for violations from the target points"

    def moving(self, x: Tensor, y: Tensor) -> Tensor:
        """See `MoverMethod.moving`."""
        return y

    def violation(self, here: Tensor, there: Tensor, cost: Tensor) -> Tensor:
        """See `MoverMethod.violation`."""
        return there - cost - here
