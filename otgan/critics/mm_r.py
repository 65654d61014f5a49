"""The three-player maximin solver with the roles of source and target exchanged."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from otgan.critics.mover import MoverMethod


@dataclass(frozen=True)
class MmR(MoverMethod):
    r"""`Mm` with the sides exchanged, R for reversed: $\max_f \min_T E [f(T(x)) + K \|T(x) - x\|] - E f(y)$.

    T moves the source. The reversed problem is for the potential −f, which is high on the target; f itself is high on
    the source, as every critic here. What is said of `Mm` holds, with $v = [f(x) - f(T(x)) - K \|T(x) - x\|]_+$. For W1
    both solve the same problem; they differ in where violations are looked for.

    Source: Korotin, Kolesov and Burnaev (2022), Kantorovich Strikes Back! Wasserstein GANs are not Optimal Transport?,
    after the code of the benchmark.
    """

    name = "mm-r"
    summary = "three players, reversed: a mover looks for violations from the source points"

    def moving(self, x: Tensor, y: Tensor) -> Tensor:
        """See `MoverMethod.moving`."""
        return x

    def violation(self, here: Tensor, there: Tensor, cost: Tensor) -> Tensor:
        """See `MoverMethod.violation`."""
        return here - there - cost
