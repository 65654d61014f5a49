r"""W1 on the line, $\int |F - G|$, with a proof: where F − G has one sign, its integral is known in closed form.

With $D(t) = \int_{-\infty}^t (F - G)$ and any places $t_1 < … < t_k$,

$$ \sum_i |D(t_{i+1}) - D(t_i)| \le \int |F - G|, $$

and the two are equal if F − G does not change its sign between neighbours. The sum, over the places where it seems to
change, is the lower bound. For the upper one the line is cut into cells; in a cell [s, t] where F − G should be
positive the sum misses at most $2 (t - s) \sup (F - G)^-$, and likewise with signs exchanged. The suprema are bounded
in two ways: F and G being monotone, by F(t−) − G(s) and G(t−) − F(s); and by linear interpolation, whose error is at
most $(t - s)^2 / 8 \cdot \sup |F'' - G''|$, where the middle and a bound of the third derivatives bound the second.
Cells that matter are halved until the rest is small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from otgan.checks import FloatArray
from otgan.exact import down, up
from otgan.interval import Interval
from otgan.line_laws.laws import ACCURACY, REACH, LineLaw, cancelled

#: What undecided cells may add, relative to the length looked at; W1 is asked for to 1e-10.
GOAL = 2e-13
#: No more cells than this; a bracket that has not come as far is wider and just as true.
MOST_CELLS = 2**20


@dataclass(frozen=True, eq=False)
class LinePotential:
    """A piecewise linear function on the line with slopes −1, 0 and 1.

    Attributes:
        kinks: Where the slope changes, (k,), sorted.
        slopes: Slopes left of the first kink, between neighbours, and right of the last, (k + 1,).
    """

    kinks: FloatArray
    slopes: FloatArray

    def __call__(self, t: FloatArray) -> FloatArray:
        """f(t), (n,)."""
        if not len(self.kinks):
            return self.slopes[0] * t
        heights = np.concatenate([[0.0], np.cumsum(self.slopes[1:-1] * np.diff(self.kinks))])
        k = np.searchsorted(self.kinks, t, side="right")
        anchor = np.maximum(k - 1, 0)
        return heights[anchor] + self.slopes[k] * (t - self.kinks[anchor])

    def slope(self, t: FloatArray) -> FloatArray:
        """f'(t), (n,); at a kink the slope on its right."""
        return self.slopes[np.searchsorted(self.kinks, t, side="right")]


@dataclass(frozen=True)
class _Cells:
    """Cells between neighbouring nodes; all (n,).

    Attributes:
        lo: Lower ends.
        hi: Upper ends.
        first: F − G at the lower end, seen from inside.
        last: F − G at the upper end, likewise.
        doubt: Bound of the rounding errors of both.
        above: Upper bound of (F − G)⁺.
        below: Upper bound of (F − G)⁻.
    """

    lo: FloatArray
    hi: FloatArray
    first: FloatArray
    last: FloatArray
    doubt: FloatArray
    above: FloatArray
    below: FloatArray

    @property
    def excess(self) -> FloatArray:
        """What cells may add while their sign is open: twice the smaller part."""
        return 2 * (self.hi - self.lo) * np.minimum(self.above, self.below)


def line_w1(source: LineLaw, target: LineLaw) -> tuple[Interval, LinePotential]:
    """The bracket of W1, and a potential that attains it, falling along the transport.

    Source: Santambrogio (2015), Optimal Transport for Applied Mathematicians, Prop. 2.17.
    """
    f, g = cancelled(source, target)
    if not f.components or not g.components:
        return Interval(0.0, 0.0), LinePotential(np.empty(0), np.zeros(1))
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # extreme scales leave some bounds infinite
        cells = _refined(f, g)
        kinks, signs = _sign_changes(f, g, cells)
        return _bracket(f, g, cells, kinks, signs), LinePotential(kinks, -signs)


def _difference(f: LineLaw, g: LineLaw, t: FloatArray, *, left: bool = False) -> tuple[FloatArray, FloatArray]:
    """F − G, and a bound of its rounding error: from the tails where those are the smaller numbers."""
    lower = f.cdf(t, left=left), g.cdf(t, left=left)
    upper = f.tail(t, left=left), g.tail(t, left=left)
    # What is left of two laws after cancellation has the same mass on both sides, up to rounding.
    use = lower[0] + lower[1] <= upper[0] + upper[1]
    value = np.where(use, lower[0] - lower[1], upper[1] - upper[0])
    sums = _sum_rounding(f, g)
    error = (ACCURACY + sums) * np.where(use, lower[0] + lower[1], upper[0] + upper[1]) + ACCURACY**2
    return value, error


def _sum_rounding(f: LineLaw, g: LineLaw) -> float:
    return (f.smooth + g.smooth) * 2.0**-52


def _cells(f: LineLaw, g: LineLaw, lo: FloatArray, hi: FloatArray) -> _Cells:
    first, first_error = _difference(f, g, lo)
    last, last_error = _difference(f, g, hi, left=True)
    error = np.maximum(first_error, last_error)
    width = hi - lo
    # The rise of F and of G across the cell bounds how far F − G can leave its values at the ends.
    rise_f, rise_g = _rise(f, lo, hi), _rise(g, lo, hi)
    bend = _bend(f, g, lo, hi) * width**2 / 8
    above = np.fmin(np.minimum(first + rise_f, last + rise_g), np.maximum(first, last) + bend)
    below = np.fmin(np.minimum(rise_g - first, rise_f - last), bend - np.minimum(first, last))
    return _Cells(lo, hi, first, last, error, np.maximum(above + error, 0.0), np.maximum(below + error, 0.0))


def _bend(f: LineLaw, g: LineLaw, lo: FloatArray, hi: FloatArray) -> FloatArray:
    """Upper bound of |F'' − G''| in cells."""
    (of_f, error_f), (of_g, error_g) = (law.curvature(lo + (hi - lo) / 2) for law in (f, g))
    jerk = (f.most_jerk(lo, hi) + g.most_jerk(lo, hi)) * (hi - lo) / 2
    return np.abs(of_f - of_g) + error_f + error_g + jerk


def _rise(law: LineLaw, lo: FloatArray, hi: FloatArray) -> FloatArray:
    by_cdf = law.cdf(hi, left=True) - law.cdf(lo)
    by_tail = law.tail(lo) - law.tail(hi, left=True)
    low_half = law.cdf(lo) < 0.5
    return np.maximum(np.where(low_half, by_cdf, by_tail), 0.0)


def _refined(f: LineLaw, g: LineLaw) -> _Cells:
    nodes = np.union1d(f.nodes(), g.nodes())
    if len(nodes) == 1:  # one point on both sides cancels; only rounding of masses leaves it
        nodes = np.array([nodes[0], math.nextafter(nodes[0], math.inf)])
    cells = _cells(f, g, nodes[:-1], nodes[1:])
    goal = GOAL * (nodes[-1] - nodes[0])
    while True:
        # Halving cells that hold less than their share of the goal would not help to reach it.
        share = cells.excess > goal / (2 * len(cells.lo))
        middle = cells.lo + (cells.hi - cells.lo) / 2
        split = share & (middle > cells.lo) & (middle < cells.hi)
        # Where rounding is what is in doubt, narrower cells know no more.
        split &= cells.excess > 8 * (cells.hi - cells.lo) * cells.doubt
        if cells.excess.sum() <= goal or not split.any() or len(cells.lo) + split.sum() > MOST_CELLS:
            return cells
        halves = _cells(
            f, g, np.concatenate([cells.lo[split], middle[split]]), np.concatenate([middle[split], cells.hi[split]])
        )
        joined = [np.concatenate([getattr(cells, n)[~split], getattr(halves, n)]) for n in _Cells.__dataclass_fields__]
        order = np.argsort(joined[0], kind="stable")
        cells = _Cells(*(part[order] for part in joined))


def _sign_changes(f: LineLaw, g: LineLaw, cells: _Cells) -> tuple[FloatArray, FloatArray]:
    """Where F − G changes sign, (k,), and its signs between these places, (k + 1,)."""
    places = np.column_stack([cells.lo, cells.hi]).ravel()
    values = np.column_stack([cells.first, cells.last]).ravel()
    certain = np.abs(values) > np.repeat(cells.doubt, 2)  # elsewhere the sign before goes on
    places, signs = places[certain], np.sign(values[certain])
    if not len(signs):
        return np.empty(0), np.zeros(1)
    turns = np.flatnonzero(np.diff(signs))
    lo, hi = places[turns].copy(), places[turns + 1].copy()
    while True:  # a jump has lo = hi already
        middle = lo + (hi - lo) / 2
        open_ = (middle > lo) & (middle < hi)
        if not open_.any():
            return hi, np.concatenate([signs[:1], signs[turns + 1]])
        same = np.sign(_difference(f, g, middle)[0]) == signs[turns]
        lo, hi = np.where(open_ & same, middle, lo), np.where(open_ & ~same, middle, hi)


def _missed(f: LineLaw, g: LineLaw, cells: _Cells, kinks: FloatArray, signs: FloatArray) -> float:
    """Upper bound of what the sum over sign changes misses: what has the other sign than its surroundings, twice."""
    nodes = np.union1d(np.append(cells.lo, cells.hi[-1]), kinks)
    if len(nodes) > len(cells.lo) + 1:
        cells = _cells(f, g, nodes[:-1], nodes[1:])
    sign = signs[np.searchsorted(kinks, cells.lo, side="right")]
    wrong = np.where(sign > 0, cells.below, np.where(sign < 0, cells.above, np.maximum(cells.above, cells.below)))
    return 2 * float((wrong * (cells.hi - cells.lo)).sum()) * (1 + ACCURACY)


def _bracket(f: LineLaw, g: LineLaw, cells: _Cells, kinks: FloatArray, signs: FloatArray) -> Interval:
    heights, errors = np.empty(len(kinks)), np.empty(len(kinks))
    if len(kinks):
        (of_f, error_f), (of_g, error_g) = f.integral(kinks), g.integral(kinks)
        heights, errors = of_f - of_g, error_f + error_g
    # D(∞) = E Y − E X; both are measured from one place, so that far from 0 no digits are lost.
    centre = float(cells.lo[0])
    (mean_f, error_f_mean), (mean_g, error_g_mean) = f.mean(centre), g.mean(centre)
    heights = np.concatenate([[0.0], heights, [mean_g - mean_f]])
    errors = np.concatenate([[0.0], errors, [error_f_mean + error_g_mean]])
    total = math.fsum(np.abs(np.diff(heights)))
    rounding = 2 * math.fsum(errors) + ACCURACY * total
    beyond = sum(float(law.normal_masses @ law.stds) for law in (f, g)) * math.exp(-(REACH**2) / 2)
    lower, upper = total - rounding, total + rounding + 2 * beyond + _missed(f, g, cells, kinks, signs)
    return Interval(max(0.0, down(lower, 4)), up(upper, 4))
