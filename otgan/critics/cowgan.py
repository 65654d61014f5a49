"""CoWGAN: the plain difference of means while the batch shows no violation, and else a c-transform's value."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from otgan.critics.draws import Draws
from otgan.critics.method import Method, Players, Terms, estimate, values_of_both
from otgan.critics.transforms import pairwise, transform


@dataclass(frozen=True)
class CoWgan(Method):
    r"""One of three objectives in each step, by what the batch shows.

    $L_1 = E f(x) - E f(y)$ is the estimate; $L_2 = E f(x) + E \min_i [K \|x_i - y\| - f(x_i)]$ and
    $L_3 = E \min_j [K \|x - y_j\| + f(y_j)] - E f(y)$ put a c-transform over the batch in the place of one side. For a
    K-Lipschitz f neither is below $L_1$. Where $L_2 < L_1$, f breaks the constraint, and $L_2$ is maximised; else where
    $L_3 < L_1$, it is $L_3$; else $L_1$, which pushes f to where the batch shows a violation again. So the estimate
    hovers about the value at which a batch is just not able to tell: above W1, the more so the smaller the batches and
    the larger the dimension are.

    Source: Kwon, Kim, Montúfar and Yang (2021), Training Wasserstein GANs without gradient penalties, as in the code
    of the benchmark of Korotin, Kolesov and Burnaev (2022), Kantorovich Strikes Back!
    """

    name = "cowgan"
    summary = "difference of means, or a c-transform's value where the batch shows a violation"
    held = "by the objective"

    def terms(self, players: Players, x: Tensor, y: Tensor, draws: Draws) -> Terms:
        """See `Method.terms`."""
        at_x, at_y = values_of_both(players.critic, x, y)
        costs = self.lipschitz * pairwise(x, y)
        plain = estimate(at_x, at_y)
        from_x = at_x.mean(-1) + transform(costs, at_x).mean(-1)
        from_y = transform(costs.mT, -at_y).mean(-1) - at_y.mean(-1)
        broken = torch.minimum(from_x, from_y) < plain
        chosen = torch.where(from_x < plain, from_x, torch.where(from_y < plain, from_y, plain))
        return Terms(-chosen, plain, {"dual": torch.minimum(from_x, from_y), "broken": broken.to(plain.dtype)})
