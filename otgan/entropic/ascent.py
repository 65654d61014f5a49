r"""The ascent on the semi-dual: Sinkhorn's step where it gains fast, a damped Newton step where it does not.

The semi-dual $D(g) = \langle a, f(g) \rangle + \langle b, g \rangle$ is concave, with gradient b − q, where q are the
column sums of the plan P, and Hessian $-(\mathrm{diag}(q) - P^T \mathrm{diag}(1/a) P)/ε$. Sinkhorn's step is
$g_j \mathrel{+}= ε \log(b_j/q_j)$. The Hessian is nearly sparse for small ε: entries of P below a cut are left out, but
their mass stays on the diagonal, so that steps become shorter and not wild. Where too many are left, as for large ε,
neighbouring targets share one step, and a Sinkhorn step, under which differences between neighbours die out, follows.
The system is damped by µ diag(b), as
Levenberg and Marquardt do for least squares: along directions in which hardly any mass is shared the quadratic model
holds for steps of ε only. µ follows the ratio of what a step gains to what the model promised.

ε comes down by steps from the largest cost, each solution being the next one's start.

Sources: Cuturi (2013), Sinkhorn distances; Peyré and Cuturi (2019), Computational Optimal Transport, Ch. 4, for the
problem and Sinkhorn's step; Tang et al. (2024), Accelerating Sinkhorn algorithm with sparse Newton iterations, for
leaving entries of the Hessian out. Semi-dual, damping and what decides between the two steps are ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from otgan.checks import FloatArray
from otgan.costs import PointCosts
from otgan.entropic.groups import Grouping, neighbours
from otgan.entropic.kernel import Pass
from otgan.entropic.shares import Shares
from otgan.solution import Status
from otgan.solvers.limits import Limits, StopHere

#: From one ε to the next.
FACTOR = 4.0
#: Marginal error, in L1, at which a larger ε than asked is left.
LOOSE = 0.03
#: A Sinkhorn step follows another while the error falls to this share, and while it is above `FAR`.
FAST, FAR = 0.6, 0.5
#: Where potentials from elsewhere have a larger error than this, a larger ε is tried first.
POOR = 0.3
#: Entries below this share of a row's mean entry, of targets or of groups of them, are left out of the Hessian.
CUT = 1e-2
#: Where a step from an error below `NEAR` leaves more than `SLOW` of it, fewer are left out, down to this share.
NEAR, SLOW, FINEST = 1e-5, 0.3, 1e-16
#: Where entries are those of groups of targets, this share of those that may be kept is aimed at, since groups at the
#: rim of what a row sees are not full; but not more than this share of all pairs: more is slower than a further pass.
GROUPED, WORTH = 0.5, 0.06
#: A Newton step is taken if it gains this share of what was promised; damping falls by `LESS` above `GOOD`, or rises.
TAKEN, GOOD, LESS, MORE = 0.1, 0.35, 6.0, 8.0
#: Gains below this share of the dual value say nothing.
DROWNED = 1e-13
#: Damping beyond which a Newton step is none.
MOST = 1e6
#: Steps after which rounding is all that is left, if the error has not fallen, nor the dual risen by more than a share
#: of the largest cost: a climb gains long before the error shows it.
PATIENCE, LEAST = 30, 1e-14
#: Times a pass that the certificate takes, which is kept in reserve.
RESERVE = 3.0


class Passes(Protocol):
    """What passes over all pairs, on whatever device."""

    a: FloatArray
    b: FloatArray

    @property
    def costs(self) -> PointCosts:
        """Costs between all pairs."""
        ...

    def soften(self, g: FloatArray, epsilon: float, cut: float, look: Callable[[], None]) -> Pass:
        """One pass; see `Kernel.soften`."""
        ...

    def shares(self, g: FloatArray, found: Pass, epsilon: float, cut: float, grouping: Grouping | None) -> Shares:
        """The plan's largest entries; see `Kernel.shares`."""
        ...


@dataclass(frozen=True, eq=False)
class Ascent:
    """Where the ascent ended.

    Attributes:
        g: Potential at the targets, (m,).
        found: The pass for it.
        error: L1 distance of the plan's column sums from b.
        status: How it ended.
        passes: Number of passes over all pairs.
    """

    g: FloatArray
    found: Pass
    error: float
    status: Status
    passes: int


def ascend(
    kernel: Passes,
    epsilon: float,
    tol: float,
    limits: Limits,
    *,
    start: Callable[[float], FloatArray] | None,
    start_at: float,
    most_entries: float,
    show: Callable[[str], None],
) -> Ascent:
    """Climb until the plan's marginals are as near as asked.

    Args:
        kernel: Passes over costs and weights.
        epsilon: In units of the cost.
        tol: L1 distance of the column sums from b at which it ends; the row sums are exact up to rounding.
        limits: Where to stop; `max_iter` counts passes.
        start: Gives a potential at the targets, (m,), to start from at an ε; None for none.
        start_at: Smallest ε for which it is made.
        most_entries: Entries of the Hessian that may be kept.
        show: Is told how far it is.
    """
    climb = _Climb(kernel, limits, most_entries, show)
    current = top = max(epsilon, kernel.costs.scale)
    status = Status.CONVERGED
    try:
        if start is not None:
            current = max(epsilon, start_at)
            while not climb.starts_well(start(current), current) and current < top:
                current = min(top, FACTOR * current)
        while current > epsilon:
            climb.at(current, LOOSE)
            current = max(epsilon, current / FACTOR)
        climb.at(epsilon, tol)
    except StopHere as stop:
        status = stop.status
        if climb.epsilon != epsilon:  # the plan that is asked for, however bad
            climb.finish(epsilon)
    return Ascent(climb.g, climb.found, climb.error, status, climb.passes)


class _Climb:
    """A place on the semi-dual, and the pass for it."""

    def __init__(self, kernel: Passes, limits: Limits, most_entries: float, show: Callable[[str], None]) -> None:
        self.kernel, self.limits, self.most_entries, self.show = kernel, limits, most_entries, show
        self.g, self.passes, self.cut = np.zeros(len(kernel.b)), 0, CUT / len(kernel.b)
        self.finest = FINEST / len(kernel.b)
        self.longest = 0.0
        self._groupings: dict[int, Grouping] = {}
        self.epsilon = np.nan
        self.found: Pass
        self.error = np.inf

    def starts_well(self, g: FloatArray, epsilon: float) -> bool:
        """Go to a potential from elsewhere; says whether it is a good start at ε."""
        self.g = g  # where a limit leaves it, if there is no time for a look at it
        self._move(g, self._soften(g, epsilon))
        self.epsilon = epsilon
        return self.error <= POOR

    def at(self, epsilon: float, tol: float) -> None:
        """Climb at one ε until the error is small enough."""
        if epsilon != self.epsilon:
            self._move(self.g, self._soften(self.g, epsilon))
            self.epsilon = epsilon
        before, damping, newton = np.inf, np.inf, False
        best, highest, since = self.error, self.found.dual, 0
        least = LEAST * max(self.kernel.costs.scale, epsilon)
        while self.error > tol:
            self.show(f"epsilon {epsilon:.2g}, marginal error {self.error:.1e}")
            if not newton and (self.error < FAST * before or self.error > FAR):
                before = self.error
                self._sinkhorn_step()
            else:
                last = min(damping, self.error)
                damping = self._newton_step(last)
                # While the model is trusted more and more, it is the better step; else Sinkhorn's smoothes the way.
                newton, before = damping < last, np.inf
            gains = self.error < 0.99 * best or self.found.dual > highest + least
            since = 0 if gains else since + 1
            best, highest = min(best, self.error), max(highest, self.found.dual)
            if since > PATIENCE:
                raise StopHere(Status.ROUNDING)

    def finish(self, epsilon: float) -> None:
        """The pass for ε at the place that was reached, whatever the limits say: there is no plan without it."""
        self.epsilon = epsilon
        self._move(self.g, self.kernel.soften(self.g, epsilon, self.cut, lambda: None))

    def _soften(self, g: FloatArray, epsilon: float) -> Pass:
        if self.passes >= self.limits.max_iter:
            raise StopHere(Status.ITERATION_LIMIT)
        self._look()
        started = time.perf_counter()
        found = self.kernel.soften(g, epsilon, self.cut, self._look)
        self.longest = max(self.longest, time.perf_counter() - started)
        self.passes += 1
        return found

    def _look(self) -> None:
        self.limits.look(reserve=RESERVE * self.longest)

    def _move(self, g: FloatArray, found: Pass) -> None:
        self.g, self.found, self.error = g, found, self._error(found)

    def _error(self, found: Pass) -> float:
        return float(abs(found.columns - self.kernel.b).sum())

    def _sinkhorn_step(self) -> None:
        # Where nothing at all arrives, the step is as large as floats allow.
        step = np.log(self.kernel.b) - np.log(np.maximum(self.found.columns, 1e-300))
        g = self.g + self.epsilon * step
        self._move(g, self._soften(g, self.epsilon))

    def _grouping(self) -> Grouping | None:
        """Targets in so many groups that the plan's entries for them are few enough; None where all of them are."""
        m, entries = len(self.g), int(self.found.counts.sum())
        if entries <= self.most_entries:
            return None
        aim = min(GROUPED * self.most_entries, WORTH * len(self.kernel.a) * m)
        depth = int(np.log2(max(1.0, aim * m / entries)))
        if depth not in self._groupings:
            self._groupings[depth] = neighbours(self.kernel.costs.scaled[1], depth, self.most_entries)
        return self._groupings[depth]

    def _newton_step(self, damping: float) -> float:
        """A step that gains, or a Sinkhorn step; returns the damping for the next one."""
        grouping = self._grouping()
        shares = self.kernel.shares(self.g, self.found, self.epsilon, self.cut, grouping)
        slope = self.kernel.b - self.found.columns
        while damping < MOST:
            self._look()
            # Solved without the unit of the cost, whose square may leave float64.
            step = self.epsilon * shares.newton_step(
                slope, self.found.columns, damping * self.kernel.b, min(0.1, self.error**0.5)
            )
            found = self._soften(self.g + step, self.epsilon)
            promised = float(slope @ step)
            gained = (found.dual - self.found.dual) / promised if promised > 0 else 0.0
            # Near the end the gain drowns in rounding, and the error tells.
            told = promised > DROWNED * abs(found.dual)
            if (told and gained > TAKEN) or self._error(found) < 0.9 * self.error:
                slow = self._error(found) > SLOW * self.error
                self._move(self.g + step, found)
                if grouping is not None:
                    # What a step has that varies within groups is smooth after Sinkhorn's.
                    self._sinkhorn_step()
                elif slow and self.error < NEAR and self.cut > self.finest:
                    # What is left out of the Hessian holds the step back, where points share hardly any mass.
                    self.cut = max(self.finest, self.cut / 100)
                    self._sinkhorn_step()
                return damping / LESS if gained > GOOD else damping
            damping *= MORE
        self._sinkhorn_step()
        return self.error
