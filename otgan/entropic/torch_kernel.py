"""The passes of `kernel.py` in torch, for graphics processors: the same numbers, in float64, block by block."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.costs import PointCosts
from otgan.entropic.groups import Grouping
from otgan.entropic.kernel import Pass
from otgan.entropic.shares import Shares
from otgan.errors import InvalidValueError, NotProvidedError

#: Entries of the cost matrix at a time: 128 MB for each of the few temporary arrays.
BLOCK = 16_000_000
#: The norms of the metrics that torch computes.
NORMS = {"euclidean": 2.0, "cityblock": 1.0, "chebyshev": float("inf")}


class TorchKernel:
    """Passes over costs and weights on a torch device; see `otgan.entropic.kernel.Kernel`.

    Args:
        costs: Costs between points.
        a: Positive source weights, (n,), summing to one.
        b: Positive target weights, (m,), summing to one.
        device: A torch device.

    Raises:
        InvalidValueError: If torch has no such device, or not with float64.
        NotProvidedError: If the metric is that of the globe.
    """

    def __init__(self, costs: PointCosts, a: FloatArray, b: FloatArray, device: str) -> None:
        if costs.metric.name not in NORMS:
            raise NotProvidedError(f"metric {costs.metric.name!r} runs on the processor; leave device out")
        self.costs = costs
        self.a, self.b = a, b
        self._norm = NORMS[costs.metric.name]
        self._scale = 2.0 ** costs.scaled[2]
        try:
            self._x, self._y = (torch.as_tensor(side).to(device, torch.float64) for side in costs.scaled[:2])
        except (RuntimeError, TypeError, AssertionError) as error:
            raise InvalidValueError(
                "device", "be a torch device with float64", repr(device), "take 'cpu' or 'cuda', or leave it out"
            ) from error
        self._a, self._log_b = self._to(a), self._to(np.log(b))

    def _to(self, values: FloatArray) -> torch.Tensor:
        return torch.as_tensor(values).to(self._x.device, torch.float64)

    def _blocks(self) -> Iterator[tuple[slice, torch.Tensor]]:
        step = max(1, BLOCK // len(self._y))
        for start in range(0, len(self._x), step):
            rows = slice(start, min(len(self._x), start + step))
            # Without the product form, which cancels near the diagonal.
            distances = torch.cdist(self._x[rows], self._y, p=self._norm, compute_mode="donot_use_mm_for_euclid_dist")
            yield rows, (distances * self._scale) ** self.costs.p

    def soften(self, g: FloatArray, epsilon: float, cut: float, look: Callable[[], None]) -> Pass:
        """One pass; see `Kernel.soften`."""
        exponents = self._to(g) / epsilon + self._log_b
        columns = torch.zeros_like(exponents)
        cost = torch.zeros((), dtype=torch.float64, device=columns.device)
        f, counts = [], []
        for rows, block in self._blocks():
            values = exponents - block / epsilon
            largest = values.max(dim=1, keepdim=True).values
            shares = torch.exp(values - largest)
            total = shares.sum(dim=1, keepdim=True)
            f.append(-epsilon * (largest + total.log())[:, 0])
            counts.append((shares > cut * total).sum(dim=1))
            plan = shares * (self._a[rows, None] / total)
            columns += plan.sum(dim=0)
            cost += (plan * block).sum()
            look()
        found = torch.cat(f).cpu().numpy()
        dual = float(self.a @ found + self.b @ g)
        return Pass(found, columns.cpu().numpy(), float(cost), dual, torch.cat(counts).cpu().numpy())

    def shares(self, g: FloatArray, found: Pass, epsilon: float, cut: float, grouping: Grouping | None) -> Shares:
        """The plan's largest entries, of targets or groups of them; see `Kernel.shares`."""
        exponents, f = self._to(g) / epsilon + self._log_b, self._to(found.f) / epsilon
        m = len(self.b)
        groups: NDArray[np.int32] | None
        groups, size, room = (None, m, math.inf)
        if grouping is not None:
            groups, size, room = grouping.groups, grouping.size, grouping.most_entries
        to = None if groups is None else torch.as_tensor(groups, device=f.device)
        start, columns, values = [np.zeros(1, np.int64)], [], []
        for rows, block in self._blocks():
            shares = torch.exp(exponents - block / epsilon + f[rows, None])
            if to is not None:
                shares = shares.new_zeros(len(block), size).index_add_(1, to, shares)
            large = shares > cut * m / size
            room -= int(large.sum())
            if room < 0:  # what is left out stays on the Hessian's diagonal
                large[:] = False
            start.append(large.sum(dim=1).cpu().numpy())
            columns.append(large.nonzero()[:, 1].to(torch.int32).cpu().numpy())
            values.append(shares[large].cpu().numpy())
        ends = np.cumsum(np.concatenate(start))
        return Shares(ends, np.concatenate(columns), np.concatenate(values), self.a, size, groups)
