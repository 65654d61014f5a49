r"""An interval for the W_p^p between a law P and atoms with masses b, from n fresh draws.

Both ends are means of independent terms, whatever g is, so long as the draws are fresh: g must not have seen them.

Lower end. For a fixed g let $f(x) = \min_j c(x, y_j) - g_j$. Weak duality says $P f + \langle b, g \rangle \le W_p^p$,
and P f is the mean of the law of f(X). So the mean of f over the draws, plus ⟨b, g⟩, less a radius for its error.

Upper end. Let (f*, g*) be optimal for P itself. It is feasible for the draws too, whose empirical law is P_n, so

$$W_p^p(P_n, b) \ge P_n f^* + \langle b, g^* \rangle, \qquad E[P_n f^* + \langle b, g^* \rangle] = W_p^p(P, b).$$

Hence $W_p^p(P, b) \le W_p^p(P_n, b) + (P f^* - P_n f^*)$: a proven upper bound of the draws' own W_p^p, and a radius
for the error of a mean over n draws, of a function that need not be known. $E\, W_p^p(P_n, b)$ lies above
W_p^p(P, b); this makes the interval wider, and not wrong.

Radius. Where the support has a declared diameter D, each such f has a range of at most R: the cost to one atom changes
by at most $R = M^p - (M - D)^p$ between two places of the support, M ≥ D a bound of the distance to any atom (for p = 1
that is D), and minima of functions change by no more than the functions. Hoeffding's inequality then holds for every
n: R √(log(1/δ) / 2n). Elsewhere the central limit theorem gives the radius z s / √n, with s the standard deviation of f
over the draws; for f* that of the optimal potential of the draws, which tends to f* (up to a constant) where the
optimal potential is unique, such as on a connected support. The two ends have half of 1 − level each.

Source: Hoeffding (1963), Probability inequalities for sums of bounded random variables, Thm 2; Villani (2003),
Topics in Optimal Transportation, Prop. 1.5 and Thm 1.3, for weak and strong duality.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from otgan.checks import FloatArray
from otgan.costs import PointCosts
from otgan.dual.potentials import Potentials
from otgan.dual.transform import transform_to_rows
from otgan.errors import InvalidValueError
from otgan.exact import down, up
from otgan.interval import Interval
from otgan.semidiscrete.cells import cell_of
from otgan.solve import wasserstein

#: Fewest fresh draws: below, the normal quantile is no longer near that of Student's t.
LEAST = 100
#: Share of the largest cost that the rounding of costs, minima and means may add: some 1e-15 each.
ROUNDING = 1e-13
#: Relative amount by which rounding may make two points look further apart than they are.
SLACK = 1e-12


@dataclass(frozen=True)
class Bracket:
    """What fresh draws say about a potential.

    Attributes:
        cost: Interval of W_p^p.
        dual_cost: Mean of f over the draws, plus ⟨b, g⟩.
        potentials: f at the draws, and g.
        masses: Share of the draws in each cell, (k,).
    """

    cost: Interval
    dual_cost: float
    potentials: Potentials
    masses: FloatArray


def bracket(
    draws: PointCosts,
    b: FloatArray,
    g: FloatArray,
    *,
    level: float,
    diameter: float | None,
    max_seconds: float,
) -> Bracket:
    """Bracket W_p^p between the law that was drawn from and the atoms.

    Args:
        draws: Costs from fresh draws, (n, d), to the atoms.
        b: Masses of the atoms, (k,), summing to one.
        g: Potential at the atoms, (k,), chosen before the draws were made.
        level: Probability with which the interval holds W_p^p.
        diameter: Bound of the distance of two points of the law's support; None for none.
        max_seconds: Seconds for the exact solver, whose bracket holds also where it stops early.

    Raises:
        InvalidValueError: If two draws are further apart than the diameter.
    """
    f = transform_to_rows(draws, g)
    own = wasserstein(draws.x, draws.y, None, b, p=draws.p, metric=draws.metric.name, max_seconds=max_seconds)
    delta, n = (1 - level) / 2, len(f)
    if diameter is None:
        kind = f"statistical at level {level:g}, asymptotic"
        quantile = -float(ndtri(delta))
        below, above = (quantile * _deviation(part) / math.sqrt(n) for part in (f, own.potentials.f))
    else:
        kind = f"statistical at level {level:g}, finite-sample"
        below = above = _range(draws, diameter) * math.sqrt(math.log(1 / delta) / (2 * n))
    value = float(f.mean() + b @ g)
    rounding = ROUNDING * draws.scale
    lower = max(0.0, down(value - below - rounding))
    upper = own.certificate.cost.upper + above + rounding
    upper = up(upper) if upper else 0.0
    masses = np.bincount(cell_of(draws, g), minlength=len(b)) / n
    # Where the ends cross, one of them is wrong: an event that the level already counts.
    return Bracket(Interval(min(lower, upper), upper, kind), value, Potentials(f, g, draws), masses)


def _deviation(values: FloatArray) -> float:
    """Standard deviation; in whatever unit, no square leaves float64."""
    span = float(np.ptp(values))
    return span * float(((values - values[0]) / span).std(ddof=1)) if span else 0.0


def _range(draws: PointCosts, diameter: float) -> float:
    """Largest difference of a c-transform between two places of the support, in units of the cost."""
    one = np.broadcast_to(draws.x[:1], draws.x.shape)
    apart = float(draws.metric.paired(draws.x, one).max())
    if apart * (1 - SLACK) > diameter:
        raise InvalidValueError(
            "diameter",
            f"be at least the distance of two draws from the source, {apart:.6g}",
            f"{diameter:g}",
            "declare a bound for the whole support, or None for an asymptotic interval",
        )
    if draws.p == 1:
        return diameter
    # From any one place of the support, the first draw say, every other one is at most a diameter away.
    far = float(draws.metric.pairwise(draws.x[:1], draws.y).max()) + diameter
    return (far**draws.p - max(far - diameter, 0.0) ** draws.p) * (1 + SLACK)
