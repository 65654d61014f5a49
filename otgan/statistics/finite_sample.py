r"""An interval for W1(P, Q) that holds for every n and m, without a rate of convergence.

Upper end. $W_1(P_n, Q_m) = \sup_f P_n f - Q_m f$ over 1-Lipschitz f, and a mean of suprema is at least the supremum
of means, so $E\,W_1(P_n, Q_m) \ge W_1(P, Q)$. As a function of a single $x_i$, all other points held fixed, W1 of the
samples is (1/n)-Lipschitz; hence the same is true of its conditional mean given $x_1, …, x_i$, and if P has the
sub-Gaussian constant s_P then each martingale difference V_i has $E[e^{λ V_i} | x_1 … x_{i-1}] \le e^{λ² s_P² / 2n²}$.
The product over the n + m points and Chernoff's bound give, with probability at least 1 − δ,

$$W_1(P, Q) \le E\,W_1(P_n, Q_m) \le W_1(P_n, Q_m) + \sqrt{2 (s_P²/n + s_Q²/m) \log(1/δ)}.$$

A support of diameter D has s = D / 2: f takes values in an interval of length D there (Hoeffding's lemma). The line
then is McDiarmid's inequality with differences D/n and D/m.

Lower end. A 1-Lipschitz f that was fixed before the held-out halves were seen has $P f - Q f \le W_1(P, Q)$. Its
held-out means are bounded by Hoeffding's inequality or, for small variance, by an empirical Bernstein bound. f is
clipped to the values that it takes on the half it was fitted on, which leaves it 1-Lipschitz and bounds its range by a
number that is known, whatever the law.

Sources: McDiarmid (1989), On the method of bounded differences; Kontorovich (2014), Concentration in
unbounded metric spaces and algorithmic stability, for martingale differences of sub-Gaussian size (his sub-Gaussian
diameter is an admissible s); Bobkov and Götze (1999), Exponential integrability and transportation cost related to
logarithmic Sobolev inequalities, for laws with this s; Maurer and Pontil (2009), Empirical Bernstein bounds and sample
variance penalization, Thm 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_number
from otgan.costs import point_costs
from otgan.dual.transform import BLOCK
from otgan.errors import InvalidShapeError, InvalidValueError
from otgan.exact import up
from otgan.solve import wasserstein

#: Fewest points a side: each half has four then, and two quarters to choose a function by.
LEAST = 8
#: A sample that a declared sub-Gaussian constant gives a smaller probability than this contradicts it.
INCREDIBLE = 1e-9
#: Share of the points' span that rounding may add to a function's increments: the bounds of `costs` and a few sums,
#: some 1e-15 each and in proportion to the dimension at worst, stay below it for dimensions up to a thousand.
ROUNDING = 1e-12

Function = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Law:
    """What is declared about one law.

    Attributes:
        proxy: s with E exp(λ (f(X) − E f(X))) ≤ exp(λ² s² / 2) for every 1-Lipschitz f, in units of length.
        diameter: Largest distance of two points of its support, +∞ where none is declared.
    """

    proxy: float
    diameter: float


def read_laws(x: FloatArray, y: FloatArray, diameter: Any, sub_gaussian: Any) -> tuple[Law, Law]:
    """Read the declaration and hold it against the samples.

    Raises:
        InvalidValueError: If nothing or both are declared, a value is out of range, or a sample contradicts it.
        InvalidShapeError: If a pair does not have two entries.
        InvalidTypeError: If a value is not a number.
    """
    if diameter is None and sub_gaussian is None:
        raise InvalidValueError(
            "diameter",
            "be declared for method='finite-sample' (it cannot be estimated: points that were never drawn may lie "
            "anywhere)",
            "None",
            "pass diameter=D where no two points of a law's support are further apart than D, or sub_gaussian=s",
        )
    if diameter is not None and sub_gaussian is not None:
        raise InvalidValueError("sub_gaussian", "be left out where diameter is declared", sub_gaussian, "drop one")
    if diameter is not None:
        bounds = _pair("diameter", diameter)
        for name, points, bound in (("x", x, bounds[0]), ("y", y, bounds[1])):
            _check_diameter(name, points, bound)
        return Law(bounds[0] / 2, bounds[0]), Law(bounds[1] / 2, bounds[1])
    proxies = _pair("sub_gaussian", sub_gaussian)
    for name, points, proxy in (("x", x, proxies[0]), ("y", y, proxies[1])):
        _check_proxy(name, points, proxy)
    return Law(proxies[0], math.inf), Law(proxies[1], math.inf)


def _pair(name: str, value: Any) -> tuple[float, float]:
    if not isinstance(value, tuple | list):
        number = as_number(name, value, low=0)
        return number, number
    if len(value) != 2:
        raise InvalidShapeError(name, "be a number or a pair", f"{len(value)} entries", "give (source, target)")
    return as_number(name, value[0], low=0), as_number(name, value[1], low=0)


def _check_diameter(name: str, points: FloatArray, diameter: float) -> None:
    costs = point_costs(points, points)
    if costs.scale <= diameter:  # the diagonal of a box around them
        return
    step = max(1, BLOCK // len(points))
    blocks = (costs.block(slice(start, start + step), slice(None)) for start in range(0, len(points), step))
    farthest = costs.scale if points.shape[1] == 1 else max(float(block.max()) for block in blocks)
    if farthest * (1 - costs.relative_error) > diameter:
        raise InvalidValueError(
            "diameter",
            f"be at least the distance of two points of {name}, {farthest:.6g}",
            f"{diameter:g}",
            "declare a bound for the whole support, not for a typical distance",
        )


def _check_proxy(name: str, points: FloatArray, proxy: float) -> None:
    # The difference of two draws in one coordinate is sub-Gaussian with s√2: |difference| > t has probability at most
    # 2 exp(−t² / 4s²), for each of d coordinates and less than n²/2 pairs.
    n, d = points.shape
    largest = 2 * proxy * math.sqrt(math.log(n * n * d / INCREDIBLE))
    seen = float(np.ptp(points, axis=0).max())
    if seen > largest:
        raise InvalidValueError(
            "sub_gaussian",
            f"allow for points of {name} that are {seen:.6g} apart",
            f"{proxy:g}",
            f"declare a larger constant: under this one, {largest:.6g} is exceeded with probability below "
            f"{INCREDIBLE:g}",
        )


def ends(
    x: FloatArray,
    y: FloatArray,
    laws: tuple[Law, Law],
    *,
    alpha: float,
    rng: np.random.Generator,
    max_memory: float,
) -> tuple[float, float]:
    """Lower and upper end of the interval, each wrong with probability at most alpha / 2.

    Args:
        x: Sample of P, (n, d).
        y: Sample of Q, (m, d).
        laws: What is declared about P and Q.
        alpha: Probability that the interval may miss W1(P, Q).
        rng: Source of the split into halves.
        max_memory: Bytes that the exact solver may take.
    """
    radius = hoeffding_radius((laws[0].proxy, laws[1].proxy), (len(x), len(y)), alpha / 2)
    upper = up((wasserstein(x, y, max_memory=max_memory).upper_bound + radius) * (1 + ROUNDING))
    fit_x, test_x = _halves(x, rng)
    fit_y, test_y = _halves(y, rng)
    function = choose_function(fit_x, fit_y, rng, max_memory)
    lower = held_out_lower((fit_x, fit_y), (test_x, test_y), function, laws, alpha / 2)
    return float(min(lower, upper)), float(
        upper
    )  # where they cross, one of them is wrong: an event that alpha already counts


def hoeffding_radius(proxies: tuple[float, float], sizes: tuple[int, int], delta: float) -> float:
    """What a sum of sub-Gaussian differences exceeds with probability at most δ, √(2 (s²/n + t²/m) log(1/δ))."""
    variance = proxies[0] ** 2 / sizes[0] + proxies[1] ** 2 / sizes[1]
    return math.sqrt(2 * variance * math.log(1 / delta))


def bernstein_radius(variance: float, spread: float, n: int, delta: float) -> float:
    """What the true mean exceeds the sample mean by with probability at most δ, for values in an interval.

    Args:
        variance: Sample variance, with n − 1 in the denominator.
        spread: Length of the interval.
        n: Number of values.
        delta: δ.

    Source: Maurer and Pontil (2009), Thm 4, scaled from [0, 1] to the interval.
    """
    log = math.log(2 / delta)
    return math.sqrt(2 * variance * log / n) + 7 * spread * log / (3 * (n - 1))


def held_out_lower(
    fit: tuple[FloatArray, FloatArray],
    test: tuple[FloatArray, FloatArray],
    function: Function,
    laws: tuple[Law, Law],
    delta: float,
) -> float:
    """A lower end of W1(P, Q) that is wrong with probability at most δ.

    Which inequality bounds the held-out means, Hoeffding's or Bernstein's, is settled by what each would give for the
    variances of the fitting half, so that the held-out half tests one statement only.

    Args:
        fit: The halves that the function was fitted on, (k, d) and (l, d).
        test: The other halves.
        function: 1-Lipschitz, up to rounding.
        laws: What is declared about P and Q.
        delta: δ.
    """
    fitted = [function(points) for points in fit]
    low, high = min(f.min() for f in fitted), max(f.max() for f in fitted)
    values = [np.clip(function(points), low, high) for points in test]
    sizes = len(values[0]), len(values[1])
    spreads = [min(law.diameter, high - low) for law in laws]
    proxies = min(laws[0].proxy, spreads[0] / 2), min(laws[1].proxy, spreads[1] / 2)
    radius = hoeffding_radius(proxies, sizes, delta)

    def bernstein(samples: list[FloatArray]) -> float:
        sides = zip(samples, spreads, sizes, strict=True)
        return sum(bernstein_radius(float(f.var(ddof=1)), spread, n, delta / 2) for f, spread, n in sides)

    if bernstein(fitted) < radius:
        radius = bernstein(values)
    span = max(float(np.ptp(np.concatenate([*fit, *test]), axis=0).max()), high - low)
    return max(0.0, float(values[0].mean() - values[1].mean()) - radius - ROUNDING * span)


def choose_function(x: FloatArray, y: FloatArray, rng: np.random.Generator, max_memory: float) -> Function:
    """A 1-Lipschitz function that separates P from Q, from fitting points alone.

    The exact potential fits any two samples, and in many dimensions it fits their noise; the slope along the
    difference of the means sees one direction only. Cross-validation within the fitting points decides.
    """
    first_x, second_x = _halves(x, rng)
    first_y, second_y = _halves(y, rng)
    parts = ((first_x, first_y), (second_x, second_y))

    def score(fit: Callable[[FloatArray, FloatArray], Function]) -> float:
        total = 0.0
        for fitted, tested in (parts, parts[::-1]):
            function = fit(*fitted)
            total += float(function(tested[0]).mean() - function(tested[1]).mean())
        return total

    def potential(x: FloatArray, y: FloatArray) -> Function:
        return wasserstein(x, y, max_memory=max_memory).potentials

    best = potential if x.shape[1] == 1 else max((potential, _slope), key=score)
    return best(x, y)


def _slope(x: FloatArray, y: FloatArray) -> Function:
    """The coordinate along the difference of the means."""
    centre = y.mean(axis=0)
    difference = x.mean(axis=0) - centre
    length = float(np.linalg.norm(difference))
    direction = difference / length if length else difference

    def function(points: FloatArray) -> FloatArray:
        return np.asarray((points - centre) @ direction)

    return function


def _halves(points: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    order = rng.permutation(len(points))
    half = len(points) // 2
    return points[order[:half]], points[order[half:]]
