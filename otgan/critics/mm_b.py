"""The maximin solver over the batch: the minimum of the c-transform is taken over the source points at hand."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from otgan.critics.draws import Draws
from otgan.critics.method import Method, Players, Terms, estimate, values_of_both
from otgan.critics.transforms import pairwise, transform


@dataclass(frozen=True)
class MmB(Method):
    r"""The objective $E f(x) + E f^c(y)$ with $f^c(y) = \min_i K \|x_i - y\| - f(x_i)$ over the batch, B for batch.

    Unlike `CTransform` it asks for f at the source alone. The best f reaches a mean value between K W1 and the mean of
    K W1(batch of x, batch of y); but what f is at the target the objective does not say, and the estimate, which asks
    there, is the network's extrapolation: tolerable where the two sides overlap, of no meaning where they do not. It
    stands here for comparison; `potentials` makes a feasible pair of it from its values at the source.

    Source: Korotin, Kolesov and Burnaev (2022), Kantorovich Strikes Back! Wasserstein GANs are not Optimal Transport?,
    after the code of the benchmark, which names it after Mallasto, Frellsen, Boomsma and Feragen (2019),
    (q,p)-Wasserstein GANs.
    """

    name = "mm-b"
    summary = "maximin over the batch: like c-transform, its minimum over the source alone"
    held = "by the objective"

    def terms(self, players: Players, x: Tensor, y: Tensor, draws: Draws) -> Terms:
        """See `Method.terms`."""
        at_x, at_y = values_of_both(players.critic, x, y)
        dual = at_x.mean(-1) + transform(self.lipschitz * pairwise(x, y), at_x).mean(-1)
        return Terms(-dual, estimate(at_x, at_y), {"dual": dual})
