"""The Wasserstein distance as a loss for training loops, also of batches of problems."""

from __future__ import annotations

import torch
from torch import Tensor

from otgan.autograd.batch import wasserstein_batch
from otgan.autograd.entropic import sinkhorn_divergence
from otgan.autograd.exact import wasserstein
from otgan.autograd.ground import NORMS
from otgan.autograd.inputs import read_tensors, read_value
from otgan.autograd.smoothed_batch import divergence_batch
from otgan.checks import as_choice, as_number
from otgan.errors import InvalidShapeError, InvalidValueError
from otgan.solve import DENSE

#: Points of both sides together up to which whole matrices are quicker than single smoothed solves.
SMALL = 600
REDUCTIONS = ("mean", "sum", "none")


class OTLoss(torch.nn.Module):
    r"""The Wasserstein distance between samples, exact or smoothed, with gradients.

    Problems of up to 700 points a side (300 with epsilon) are solved together, exact ones on all cores; see
    `otgan.autograd.wasserstein` for what the gradients are. A module without parameters or state.

    Args:
        p: Exponent, 1 ≤ p ≤ 64.
        metric: "euclidean", "cityblock" or "chebyshev".
        epsilon: None for the exact distance, or the smoothing of the Sinkhorn divergence, in units of the cost
            (length^p).
        value: "distance" for W_p, or "cost" for W_p^p. A divergence is a cost.
        reduction: What becomes of the B numbers of a batch: "mean", "sum", or "none".

    Raises:
        InvalidInputError: If a setting breaks a rule; the message names it and the fix.

    >>> x = torch.zeros(8, 64, 2, requires_grad=True)
    >>> loss = OTLoss()(x, torch.ones(64, 2))
    >>> round(loss.item(), 4)
    1.4142
    """

    def __init__(
        self,
        p: float = 1.0,
        *,
        metric: str = "euclidean",
        epsilon: float | None = None,
        value: str = "distance",
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.p = as_number("p", p, low=1, high=64)
        self.metric = as_choice("metric", metric, NORMS)
        self.epsilon = None if epsilon is None else as_number("epsilon", epsilon, low=1e-250, high=1e250)
        self.root = read_value(value)
        if self.epsilon is not None and self.root and self.p > 1:
            raise InvalidValueError(
                "value",
                "be 'cost' with epsilon and p > 1",
                repr(value),
                "write value='cost': a divergence is no length",
            )
        self.reduction = as_choice("reduction", reduction, REDUCTIONS)

    def forward(self, x: Tensor, y: Tensor, a: Tensor | None = None, b: Tensor | None = None) -> Tensor:
        """The loss.

        Args:
            x: Source points, (B, n, d), or (n, d) for one problem.
            y: Target points, (B, m, d), or (m, d) for one that all problems share.
            a: Source weights, (B, n) or (n,), not negative, normalised to sum to one; None for equal ones.
            b: Target weights, (B, m) or (m,), likewise.

        Returns:
            A tensor of no dimensions; for batches with reduction="none", (B,).

        Raises:
            InvalidInputError: If an argument breaks a rule.
            NotProvidedError: If a second derivative is asked for.
        """
        read_tensors(x, y, a, b)
        points = {"x": x, "y": y}
        for name, tensor in points.items():
            if tensor.ndim not in (2, 3) or not tensor.numel():
                raise InvalidShapeError(
                    name,
                    "have shape (B, n, d), or (n, d), and not be empty",
                    f"shape {tuple(tensor.shape)}",
                    "use .reshape(B, n, -1); points on the line are (B, n, 1)",
                )
        if x.ndim == y.ndim == 2:
            return self._single(x, y, a, b)
        count = len(x) if x.ndim == 3 else len(y)
        weights = [
            None if side is None else _repeated(name, side, count, points[of].shape[-2:-1])
            for name, side, of in (("a", a, "x"), ("b", b, "y"))
        ]
        repeated = [_repeated(name, tensor, count, tensor.shape[-2:]) for name, tensor in points.items()]
        values = self._many(*repeated, *weights)
        return values if self.reduction == "none" else values.mean() if self.reduction == "mean" else values.sum()

    def _many(self, x: Tensor, y: Tensor, a: Tensor | None, b: Tensor | None) -> Tensor:
        points = x.shape[1] + y.shape[1]
        if self.epsilon is None and points <= DENSE:
            return wasserstein_batch(x, y, a, b, p=self.p, metric=self.metric, root=self.root)
        if self.epsilon is not None and points <= SMALL:
            return divergence_batch(x, y, a, b, epsilon=self.epsilon, p=self.p, metric=self.metric)
        sides = [[None] * len(x) if side is None else side for side in (a, b)]
        return torch.stack([self._single(*problem) for problem in zip(x, y, *sides, strict=True)])

    def _single(self, x: Tensor, y: Tensor, a: Tensor | None, b: Tensor | None) -> Tensor:
        if self.epsilon is None:
            value = "distance" if self.root else "cost"
            return wasserstein(x, y, a, b, p=self.p, metric=self.metric, value=value)
        return sinkhorn_divergence(x, y, a, b, epsilon=self.epsilon, p=self.p, metric=self.metric)

    def extra_repr(self) -> str:
        """The settings, for printing."""
        value = "distance" if self.root else "cost"
        return (
            f"p={self.p:g}, metric={self.metric!r}, epsilon={self.epsilon}, value={value!r}, "
            f"reduction={self.reduction!r}"
        )


def _repeated(name: str, tensor: Tensor, count: int, shape: torch.Size) -> Tensor:
    """A batch of one tensor for all problems, or of one for each."""
    each = (count, *shape)
    if tuple(tensor.shape) not in (tuple(shape), each):
        raise InvalidShapeError(
            name,
            f"have shape {each}, or {tuple(shape)} for all problems",
            f"shape {tuple(tensor.shape)}",
            "give one for each problem of the batch, or one that all share",
        )
    return tensor.expand(each)
