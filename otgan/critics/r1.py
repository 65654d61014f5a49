"""R1: the critic's slope is drawn towards 0 at the source, with the objective of the Wasserstein GAN."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from otgan.critics.draws import Draws
from otgan.critics.penalty_method import PenaltyMethod


@dataclass(frozen=True)
class R1(PenaltyMethod):
    r"""The objective $E f(y) - E f(x) + \frac{\gamma}{2 K} E \|\nabla f(x)\|^2$, x from the source P, y the target Q.

    No slope is held, and the estimate is no W1. It is least where $\int \phi\, d(P - Q) = \frac{\gamma}{K} E_P \nabla
    f \cdot \nabla \phi$ for every φ, an elliptic equation with P as conductivity, and there

    $$\frac{E_P f - E_Q f}{K} = \frac{1}{\gamma s} \|P - Q\|^2_{\dot H^{-1}(P)}, \qquad
    \|P - Q\|_{\dot H^{-1}(P)} = \sup \{ E_P \phi - E_Q \phi : E_P \|\nabla \phi\|^2 \le 1 \},$$

    in units s of the data (take φ = f, and Cauchy's inequality). So the estimate is the *square* of a distance: it
    falls like 1 / γ, and grows like the square of a small shift. Functions whose slopes are at most 1 everywhere have
    a mean square of at most 1, hence it is at least $W_1^2 / (\gamma s)$; from above nothing bounds it: where the
    target has mass and the source has none, slopes are free, the supremum is infinite, and what a critic says
    depends on its network and its steps. K is a unit of f only: f grows with it, and the estimate over K stays.

    Attributes:
        penalty_weight: γ > 0.

    Source: Mescheder, Geiger and Nowozin (2018), Which training methods for GANs do actually converge?, for
    the penalty, on the objective of another GAN and with K = 1.
    """

    name = "r1"
    summary = "zero-centred penalty on the gradient at the source; estimates the square of another distance"

    @property
    def weight(self) -> float:
        """See `PenaltyMethod.weight`."""
        return self.penalty_weight / (2 * self.lipschitz)

    def places(self, x: Tensor, y: Tensor, draws: Draws) -> Tensor:
        """See `PenaltyMethod.places`: at the source."""
        return x

    def penalty(self, norms: Tensor) -> Tensor:
        """See `PenaltyMethod.penalty`."""
        return norms.square().mean(-1)
