"""KL and JS between densities against 40 digits of mpmath, closed forms and the laws that every divergence obeys."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from otgan.divergences import jensen_shannon, kullback_leibler
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.measures import Gaussian, GaussianMixture, Uniform

LOG2 = math.log(2)


def density(parts):
    """Of a mixture on the line, (weight, mean, standard deviation) each."""

    def at(x):
        return mpmath.fsum(w * mpmath.npdf(x, m, s) for w, m, s in parts)

    return at


def truth(p, q, integrand, ends):
    with mpmath.workdps(40):
        one, other = density(p), density(q)
        return float(mpmath.quad(lambda x: integrand(one(x), other(x)), ends))


def kl(a, b):
    return a * mpmath.log(a / b)


def js(a, b):
    m = (a + b) / 2
    return (a * mpmath.log(a / m) + b * mpmath.log(b / m)) / 2


P = [(0.3, -1.0, 0.5), (0.7, 2.0, 1.0)]
Q = [(0.6, 0.0, 1.5), (0.4, 3.0, 0.4)]
ENDS = [-20, -8, -4, -2, -1, 0, 1, 2, 3, 4, 6, 10, 20]


def mixture(parts):
    weights, means, stds = np.array(parts).T
    return GaussianMixture(means[:, None], stds**2, weights)


@pytest.mark.parametrize(("name", "formula", "p", "q"), [(kullback_leibler, kl, Q, P), (jensen_shannon, js, P, Q)])
def test_quadrature_holds_the_truth(name, formula, p, q):
    found = name(mixture(p), mixture(q))
    exact = truth(p, q, formula, ENDS)
    assert found.method == "quadrature"
    assert exact in found.interval
    assert found.interval.width < 1e-12
    assert found.value == pytest.approx(exact, rel=1e-12)


def test_a_kink_between_two_narrow_components_is_found():
    # the logarithm of the target is quadratic on each side of 0: E (|x| − 10)² / (2 s²) + log (2 s) − 1/2 for N(0, 1)
    s = 0.01
    target = GaussianMixture([[-10.0], [10.0]], s**2)
    exact = (101 - 20 * math.sqrt(2 / math.pi)) / (2 * s**2) + math.log(2 * s) - 0.5
    found = kullback_leibler(([0.0], 1.0), target)
    assert found.value == pytest.approx(exact, rel=1e-9)
    assert found.interval.width < 1e-9 * exact


@pytest.mark.parametrize("seed", range(4))
def test_the_closed_form_against_50_digits(seed):
    rng = np.random.default_rng(seed)
    d = 1 + seed
    roots = rng.normal(size=(2, d, d + 1))
    a, b = (root @ root.T for root in roots)
    way = rng.normal(size=d)
    found = kullback_leibler((way, a), (np.zeros(d), b))
    with mpmath.workdps(50):
        first, second, shift = mpmath.matrix(a.tolist()), mpmath.matrix(b.tolist()), mpmath.matrix(way.tolist())
        inverse = second**-1
        product = inverse * first
        trace = mpmath.fsum(product[k, k] for k in range(d))
        quadratic = (shift.T * inverse * shift)[0]
        exact = (trace - d + quadratic + mpmath.log(mpmath.det(second) / mpmath.det(first))) / 2
    assert found.method == "closed form"
    assert found.interval.lower <= exact <= found.interval.upper
    assert found.interval.width <= 1e-8 * (1 + found.value)


@pytest.mark.parametrize("variance", [1e-3, 1e-6, 1e-12, 1e-20, 1e-80])
def test_the_closed_form_where_the_source_is_much_narrower(variance):
    with mpmath.workdps(120):
        v = mpmath.mpf(variance)
        exact = (v - 1 - mpmath.log(v)) / 2
    for source, target in (((0.0, variance), (0.0, 1.0)), ((0.0, 1.0), (0.0, 1 / variance))):
        found = kullback_leibler(*(([mean], spread) for mean, spread in (source, target)))
        assert found.interval.lower <= exact <= found.interval.upper
        assert found.interval.width < 1e-11


def test_the_closed_form_and_the_quadrature_agree():
    one, other = ([0.5], 2.0), ([-1.0], 0.5)
    alone = GaussianMixture([[0.5]], 2.0)  # one component, so that it is no Gaussian
    found = kullback_leibler(alone, other)
    assert found.method == "quadrature"
    assert found.value == pytest.approx(kullback_leibler(one, other).value, rel=1e-13)


def test_draws_hold_what_products_reduce_to_the_line():
    # with the same second factor on both sides, the divergences in the plane are those on the line
    planes = []
    for parts in (P, Q):
        weights, means, stds = np.array(parts).T
        covs = [np.diag([s**2, 4.0]) for s in stds]
        planes.append(GaussianMixture(np.column_stack([means, 0 * means]), covs, weights))
    lines = mixture(P), mixture(Q)
    for name, kind in ((kullback_leibler, "asymptotic"), (jensen_shannon, "finite-sample")):
        found, exact = name(*planes, draws=20_000, seed=1), name(*lines).value
        assert found.method == "draws"
        assert found.interval.kind == f"statistical at level 0.95, {kind}"
        assert exact in found.interval
        # five standard errors: chance alone leaves them once in two million runs, and the seed is fixed
        assert abs(found.value - exact) < 5 * found.standard_error < 0.1


def test_js_is_symmetric_bounded_and_zero_at_itself():
    p, q = mixture(P), mixture(Q)
    there, back = jensen_shannon(p, q), jensen_shannon(q, p)
    assert there.value == pytest.approx(back.value, rel=1e-13)
    assert 0 < there.value < LOG2
    assert jensen_shannon(p, p).value == 0
    assert kullback_leibler(p, p).value == 0
    # half the KL to the mean law, twice
    mean = GaussianMixture([[m] for _, m, _ in P + Q], [s**2 for *_, s in P + Q], [w / 2 for w, *_ in P + Q])
    halves = (kullback_leibler(p, mean).value + kullback_leibler(q, mean).value) / 2
    assert there.value == pytest.approx(halves, rel=1e-11)


def test_js_of_laws_that_hardly_meet_is_log_2_at_every_distance():
    values = [jensen_shannon(([0.0], 1.0), ([way], 1.0)).value for way in (20.0, 100.0, 1e6)]
    assert values == pytest.approx([LOG2] * 3, rel=1e-13)
    near = jensen_shannon(([0.0], 1.0), ([1e-3], 1.0)).value
    assert near == pytest.approx(1e-6 / 8, rel=1e-6)  # an eighth of the Fisher information times the square


def test_far_from_the_origin_the_interval_knows_that_points_are_rounded():
    near = jensen_shannon(([0.0], 1e-6), ([1e-3], 4e-6))
    far = jensen_shannon(([1e6], 1e-6), ([1e6 + 1e-3], 4e-6))
    way = (1e6 + 1e-3) - 1e6  # which is rounded itself
    same = jensen_shannon(([0.0], 1e-6), ([way], 4e-6)).value
    assert same in far.interval
    assert 1e-13 < far.interval.width < 1e-4
    assert far.value == pytest.approx(near.value, rel=1e-5)


def test_draws_that_never_meet_have_log_2_at_the_most():
    found = jensen_shannon(([0.0, 0.0], 1.0), ([0.0, 0.0], 1e-20), draws=1000)
    assert found.value <= LOG2
    assert found.value in found.interval


def test_the_quadrature_holds_the_truth_in_every_unit_of_length():
    # E of a - b is dominated by b, so the rounding of exp(a), which grows with |log sigma|, is multiplied by b
    for variance in (1e-60, 1.0, 1e60):
        ratio = 1e9
        found = kullback_leibler(GaussianMixture([[0.0]], variance), ([0.0], variance / ratio))
        assert found.method == "quadrature"
        assert (ratio - 1 - math.log(ratio)) / 2 in found.interval


def test_laws_that_points_of_float64_cannot_show_are_refused():
    for law, other in ((([0.0], 1.0), ([1e100], 1.0)), (([0.0], 1.0), ([0.0], 1e-320))):
        with pytest.raises(InvalidValueError, match="change the unit of length, which changes no divergence"):
            jensen_shannon(law, other)
    for dim in (1, 2):  # one is twice as wide as the other, and points are rounded to more than both widths
        laws = [GaussianMixture([[1e18] * dim], variance) for variance in (1.0, 4.0)]
        for divergence in (jensen_shannon, kullback_leibler):
            with pytest.raises(InvalidValueError, match="move the origin between them"):
                divergence(*laws)
    thin = np.diag([1.0, 1e-14])  # far along the axis on which it is wide
    assert jensen_shannon(([1e6, 0.0], thin), ([1e6 + 1, 0.0], thin), draws=100).value > 0
    assert kullback_leibler(([1e18], 1.0), ([1e18], 4.0)).value == pytest.approx(math.log(2) - 3 / 8)  # a closed form


def test_draws_are_reproducible():
    laws = GaussianMixture([[0.0, 0.0], [1.0, 1.0]], 1.0), Gaussian([0.0, 0.0], 2.0)
    one, again, other = (jensen_shannon(*laws, draws=100, seed=seed).value for seed in (0, 0, 1))
    assert one == again
    assert one != other


def test_bad_input_is_refused():
    with pytest.raises(InvalidTypeError, match="source must be a Gaussian or a pair"):
        kullback_leibler(Uniform([0.0], [1.0]), ([0.0], 1.0))
    with pytest.raises(InvalidShapeError, match="target must have the dimension of source, 1"):
        jensen_shannon(([0.0], 1.0), ([0.0, 0.0], 1.0))
    with pytest.raises(InvalidValueError, match="cov must be positive definite for a density"):
        jensen_shannon(([0.0, 0.0], np.diag([1.0, 0.0])), ([0.0, 0.0], 1.0))
    with pytest.raises(InvalidValueError, match="draws must be at least 2"):
        jensen_shannon(([0.0], 1.0), ([0.0], 1.0), draws=1)
