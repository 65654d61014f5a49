"""W_2 between Gaussians against 60 digits, closed forms and POT; the mixture distance against linear programs."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.special import ndtr, ndtri

import otgan
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, NotProvidedError
from otgan.gaussians import gaussian_wasserstein, mixture_wasserstein
from otgan.measures import Gaussian, GaussianMixture


def truth(source, target):
    (mean, cov), (to, cov_too) = source, target
    with mpmath.workdps(60):
        one, other = mpmath.matrix(cov.tolist()), mpmath.matrix(cov_too.tolist())
        values, vectors = mpmath.eigsy(one)
        half = vectors * mpmath.diag([mpmath.sqrt(max(value, 0)) for value in values]) * vectors.T
        inner = mpmath.eigsy(half * other * half, eigvals_only=True)
        traces = mpmath.fsum([one[i, i] + other[i, i] for i in range(one.rows)])
        apart = mpmath.fsum([(mpmath.mpf(s) - mpmath.mpf(t)) ** 2 for s, t in zip(mean, to, strict=True)])
        return mpmath.sqrt(traces + apart - 2 * mpmath.fsum([mpmath.sqrt(max(value, 0)) for value in inner]))


def covariance(rng, d, rank):
    root = rng.normal(size=(d, rank))
    cov = root @ root.T
    return (cov + cov.T) / 2


@pytest.mark.parametrize("seed", range(12))
def test_the_bracket_holds_what_60_digits_give(seed):
    rng = np.random.default_rng(seed)
    d = 1 + seed % 4
    here, there = covariance(rng, d, max(1, d - seed % 2)), covariance(rng, d, max(1, d - seed % 3))
    if seed % 4 == 3:
        there = here + 1e-6 * covariance(rng, d, d)
    mean = rng.normal(size=d)
    to = mean if seed % 5 == 0 else rng.normal(size=d)
    solution = gaussian_wasserstein((mean, here), (to, there))
    exact = truth((mean.tolist(), here), (to.tolist(), there))
    assert solution.lower_bound <= exact <= solution.upper_bound
    size = math.sqrt(np.trace(here) + np.trace(there))
    assert abs(solution.distance - float(exact)) <= 1e-8 * size
    assert solution.gap <= 3e-6 * size
    if seed % 6 == 0:  # neither is singular
        assert solution.relative_gap <= 1e-11


def test_commuting_covariances_have_a_closed_form():
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    s, t = rng.uniform(0.5, 2, 5), rng.uniform(0.5, 2, 5)
    laws = [Gaussian(mean, turn @ np.diag(std**2) @ turn.T) for mean, std in ((np.zeros(5), s), (np.ones(5), t))]
    solution = gaussian_wasserstein(*laws)
    assert solution.distance == pytest.approx(math.sqrt(5 + ((s - t) ** 2).sum()), rel=1e-13)
    assert solution.cost == pytest.approx(5 + ((s - t) ** 2).sum(), rel=1e-13)
    assert gaussian_wasserstein(*laws[::-1]).distance == pytest.approx(solution.distance, rel=1e-14)


def test_near_laws_keep_their_digits():
    # the formula of Bures loses all of them: (1e-9)² is below the rounding of the traces
    solution = gaussian_wasserstein(([0.0, 0.0], np.diag([1.0, 4.0])), ([0.0, 0.0], np.diag([1.0, (2 + 1e-9) ** 2])))
    assert solution.distance == pytest.approx(1e-9, rel=1e-6)


def test_pot_gives_the_same_distance_and_map():
    import ot

    rng = np.random.default_rng(1)
    source, target = Gaussian(rng.normal(size=4), covariance(rng, 4, 6)), Gaussian(np.ones(4), covariance(rng, 4, 6))
    solution = gaussian_wasserstein(source, target)
    peer = ot.gaussian.bures_wasserstein_distance(source.mean, target.mean, source.cov, target.cov)
    assert solution.distance == pytest.approx(float(peer), rel=1e-10)
    matrix, shift = ot.gaussian.bures_wasserstein_mapping(source.mean, target.mean, source.cov, target.cov)
    x = source.sample(5, rng)
    np.testing.assert_allclose(solution.transport_map(x), x @ matrix + shift, rtol=1e-8, atol=1e-9)


def test_plan_and_map_are_optimal_ones():
    rng = np.random.default_rng(2)
    here, there = covariance(rng, 3, 3), covariance(rng, 3, 2)
    solution = gaussian_wasserstein(([1.0, 2.0, 3.0], here), ([0.0, 0.0, 1.0], there))
    joint = solution.plan
    np.testing.assert_allclose(joint.cov[:3, :3], here, atol=1e-12)
    np.testing.assert_allclose(joint.cov[3:, 3:], there, atol=1e-12)
    moved = np.hstack([np.eye(3), -np.eye(3)])
    cost = np.trace(moved @ joint.cov @ moved.T) + ((moved @ joint.mean) ** 2).sum()
    assert cost == pytest.approx(solution.cost, rel=1e-12)
    matrix = solution.barycentric_matrix
    np.testing.assert_allclose(matrix @ here @ matrix.T, there, atol=1e-10)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-8)
    assert np.linalg.eigvalsh(matrix)[0] > -1e-10  # the gradient of a convex function
    np.testing.assert_allclose(solution.transport_map([[1.0, 2.0, 3.0]]), [[0.0, 0.0, 1.0]])


def test_no_map_from_a_line_to_the_plane():
    line, plane = ([0.0, 0.0], np.diag([1.0, 0.0])), ([0.0, 0.0], np.eye(2))
    solution = gaussian_wasserstein(line, plane)
    assert solution.distance == pytest.approx(1, rel=1e-12)
    with pytest.raises(NotProvidedError, match="exchange source and target"):
        solution.transport_map([[1.0, 0.0]])
    np.testing.assert_allclose(solution.barycentric_map([[2.0, 0.0]]), [[2.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(gaussian_wasserstein(plane, line).transport_map([[2.0, 5.0]]), [[2.0, 0.0]], atol=1e-12)
    with pytest.raises(NotProvidedError, match="transport_map"):
        _ = solution.potentials


def test_points_are_gaussians_too():
    dirac = [0.0, 3.0], np.zeros((2, 2))
    solution = gaussian_wasserstein(dirac, ([4.0, 0.0], np.zeros((2, 2))))
    assert (solution.lower_bound, solution.upper_bound) == pytest.approx((5, 5), rel=1e-14)
    assert gaussian_wasserstein(dirac, dirac).upper_bound == 0


def test_the_mixture_distance_is_a_linear_program():
    rng = np.random.default_rng(3)
    source = GaussianMixture(rng.normal(size=(3, 2)), [covariance(rng, 2, 3) for _ in range(3)], [0.2, 0.3, 0.5])
    target = GaussianMixture(rng.normal(size=(2, 2)), [covariance(rng, 2, 3) for _ in range(2)], [0.6, 0.4])
    costs = [
        [
            float(truth((one.mean.tolist(), one.cov), (other.mean.tolist(), other.cov))) ** 2
            for other in target.components
        ]
        for one in source.components
    ]
    rows = np.concatenate([np.kron(np.eye(3), np.ones(2)), np.kron(np.ones(3), np.eye(2))])
    found = linprog(np.ravel(costs), A_eq=rows, b_eq=[0.2, 0.3, 0.5, 0.6, 0.4], method="highs").fun
    solution = mixture_wasserstein(source, target)
    assert solution.lower_bound**2 <= found * (1 + 1e-9)
    assert found * (1 - 1e-9) <= solution.upper_bound**2
    assert solution.cost == pytest.approx(found, rel=1e-9)
    assert solution.converged
    assert solution.relative_gap < 1e-10
    np.testing.assert_allclose(solution.plan.toarray().sum(axis=1), [0.2, 0.3, 0.5], atol=1e-15)
    with pytest.raises(NotProvidedError, match=r"components\.potentials"):
        _ = solution.potentials


def test_the_mixture_distance_is_no_w2():
    # MW_2 between N(0, 1) and the mixture of N(±1/2, 1) is 1/2; W_2 comes from the quantiles
    one, two = Gaussian([0.0], 1.0), GaussianMixture([[-0.5], [0.5]], 1.0)
    solution = mixture_wasserstein(one, two)
    assert solution.distance == pytest.approx(0.5, rel=1e-12)
    levels = (np.arange(20_000) + 0.5) / 20_000
    grid = np.linspace(-7, 7, 200_001)
    cdf = (ndtr(grid + 0.5) + ndtr(grid - 0.5)) / 2
    w2 = otgan.wasserstein(ndtri(levels), np.interp(levels, cdf, grid), p=2).distance
    assert w2 < 0.2 < solution.lower_bound


def test_single_gaussians_are_mixtures():
    pair = ([0.0, 1.0], np.diag([1.0, 2.0])), ([3.0, 1.0], np.diag([4.0, 2.0]))
    assert mixture_wasserstein(*pair).distance == pytest.approx(gaussian_wasserstein(*pair).distance, rel=1e-14)
    mixture = GaussianMixture([[0.0], [5.0], [9.0]], 1.0)
    assert mixture_wasserstein(mixture, mixture).distance == 0


def test_bad_input_is_refused():
    with pytest.raises(InvalidTypeError, match="source must be a Gaussian or a pair"):
        gaussian_wasserstein(np.zeros((3, 2)), ([0.0], 1.0))
    with pytest.raises(InvalidShapeError, match="target must have the dimension of source, 1"):
        gaussian_wasserstein(([0.0], 1.0), ([0.0, 0.0], 1.0))
    with pytest.raises(InvalidValueError, match="target must have a mean below 1e\\+100"):
        gaussian_wasserstein(([0.0], 1.0), ([0.0], 1e-200))
    with pytest.raises(InvalidShapeError, match="target must have the dimension of source, 2"):
        mixture_wasserstein(GaussianMixture([[0.0, 1.0]], 1.0), ([0.0], 1.0))
    with pytest.raises(InvalidShapeError, match="points must have shape"):
        gaussian_wasserstein(([0.0], 1.0), ([1.0], 1.0)).transport_map([[0.0, 1.0]])
