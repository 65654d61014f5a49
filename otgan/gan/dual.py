"""WGANs: critics that are held to a slope by any of otgan's critic methods, and say how far W1 is."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from otgan.checks import as_number
from otgan.critics import Method
from otgan.critics.cones import ConesMethod
from otgan.critics.groupsort import GroupSortMethod
from otgan.critics.method import Terms
from otgan.critics.spectral_norm import SpectralNorm
from otgan.critics.wgan import Wgan
from otgan.critics.wgan_gp import WganGp
from otgan.gan.adversarial import Adversarial, Pace
from otgan.gan.losses import wasserstein_generator
from otgan.gan.system import Task

#: λ of WGAN-GP.
IMAGES, POINTS = 10.0, 0.1


@dataclass(frozen=True)
class DualGan(Adversarial):
    r"""The critic minimises $E f(fake) - E f(real)$, held to slope 1, the generator $-E f(fake)$.

    Adam divides a gradient by its size, so that another slope than 1 would change nothing but the size of the values.
    """

    own = "the critic's estimate of W1, E f(real) - E f(fake)"
    own_is_length = True

    def generator_loss(self, at_fake: Tensor) -> Tensor:
        """See `Adversarial.generator_loss`."""
        return wasserstein_generator(at_fake)

    def own_number(self, terms: Terms) -> float:
        """See `Adversarial.own_number`."""
        return float(terms.estimate.detach())


@dataclass(frozen=True)
class WganSystem(DualGan):
    """WGAN, with weights clipped to ±c.

    What slope that holds is unknown, see `otgan.critics.wgan.Wgan`: the critic's number is in units of its own.

    Attributes:
        clip: c > 0.

    Source: Arjovsky, Chintala and Bottou (2017), Wasserstein GAN, Algorithm 1.
    """

    clip: float = 0.1

    name = "wgan"
    summary = "critic with weights clipped to [-c, c]"
    own = "E f(real) - E f(fake), in units that clipping decides"
    own_is_length = False
    any_critic = True

    def method(self, task: Task) -> Method:
        """See `Adversarial.method`."""
        return Wgan(clip=self.clip)


@dataclass(frozen=True)
class WganGpSystem(DualGan):
    """WGAN-GP.

    The penalty has no unit, and competes with a distance: λ = 10 suits images, which lie many units of training
    apart, and in the plane, where all there is to see is a fraction of a unit, it holds the critic so hard that the
    generator gets away from it. The authors' own script for toy data takes .1. The price is an estimate that is too
    large, by the share W1 / (2 λ) with W1 in units of training, see `otgan.critics.wgan_gp.WganGp`: far from the law by
    a multiple, near it by little.

    Attributes:
        penalty_weight: λ ≥ 0; None for 10 on images, and .1 on points.

    Source: Gulrajani et al. (2017), Improved Training of Wasserstein GANs, Algorithm 1.
    """

    penalty_weight: float | None = None

    name = "wgan-gp"
    summary = "critic held by a penalty on its gradient's norm"
    any_critic = True

    def __post_init__(self) -> None:
        if self.penalty_weight is not None:
            object.__setattr__(self, "penalty_weight", as_number("penalty_weight", self.penalty_weight, low=0))
        super().__post_init__()

    def method(self, task: Task) -> Method:
        """See `Adversarial.method`."""
        if self.penalty_weight is not None:
            return WganGp(penalty_weight=self.penalty_weight)
        return WganGp(penalty_weight=IMAGES if len(task.shape) == 3 else POINTS)


@dataclass(frozen=True)
class SnWganSystem(DualGan):
    """Spectral normalisation with the Wasserstein loss.

    Source: Miyato et al. (2018), Spectral normalization for generative adversarial networks.
    """

    name = "sn-wgan"
    summary = "critic with weights divided by their spectral norms, Wasserstein loss"
    any_critic = True

    def method(self, task: Task) -> Method:
        """See `Adversarial.method`."""
        return SpectralNorm()


@dataclass(frozen=True)
class GroupSortSystem(DualGan):
    """A critic that is 1-Lipschitz by construction, and whose gradients keep their norm.

    Attributes:
        activation: "fullsort", or "maxmin" for sorting in pairs, which takes half the time and many times the steps:
            where a law has many modes, the critic then falls behind the generator.

    Source: Anil, Lucas and Grosse (2019), Sorting out Lipschitz function approximation.
    """

    activation: str = "fullsort"

    name = "groupsort"
    summary = "critic with orthonormal weights and sorting activations"

    def method(self, task: Task) -> Method:
        """See `Adversarial.method`."""
        return GroupSortMethod(activation=self.activation)


@dataclass(frozen=True)
class ConesSystem(DualGan):
    """A critic that is an envelope of cones, as the potentials of W1 are.

    Attributes:
        n_cones: How many.
    """

    n_cones: int = 512

    name = "cones"
    summary = "critic that is an envelope of cones"
    on_points = Pace(3, 1e-3, 1e-2)

    def method(self, task: Task) -> Method:
        """See `Adversarial.method`."""
        return ConesMethod(n_cones=self.n_cones)
