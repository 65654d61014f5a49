"""Modes against counts by hand and the laws of the normal distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest

from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.measures import Gaussian, GaussianMixture, eight_gaussians, twenty_five_gaussians
from otgan.quality import mode_coverage


@pytest.mark.parametrize("law", [eight_gaussians(), twenty_five_gaussians()], ids=["8", "25"])
def test_the_law_itself_is_perfect_up_to_chance(law):
    n, k = 20_000, len(law.components)
    found = mode_coverage(law.sample(n, np.random.default_rng(0)), law)
    truth = 1 - math.exp(-4.5)  # P(|z| <= 3) in the plane
    assert found.perfect == pytest.approx(truth, rel=1e-12)
    assert abs(found.high_quality - truth) < 4 * math.sqrt(truth * (1 - truth) / n)
    assert found.covered == found.well_covered == found.n_modes == k
    assert 0 < found.kl < (k - 1 + 6 * math.sqrt(2 * (k - 1))) / (2 * n)  # 2 n KL is about χ² with k - 1 degrees
    assert found.kl_of_chance == pytest.approx((k - 1) / (2 * n))


def test_counts_and_kl_by_hand():
    law = GaussianMixture([[0.0], [10.0], [20.0], [30.0]], 1.0, [0.5, 0.25, 0.125, 0.125])
    # nearest modes 0, 0, 0, 0, 0, 0, 1, 2; the 3.5 and the 14 are nobody's, within 3σ
    found = mode_coverage([0.0, 1.0, -2.0, 2.9, -2.9, 3.5, 14.0, 20.0], law)
    assert (found.covered, found.n_modes) == (2, 4)
    assert found.well_covered == 2
    assert found.high_quality == 6 / 8
    assert found.shares == (0.75, 0.125, 0.125, 0.0)
    by_hand = 0.75 * math.log(0.75 / 0.5) + 0.125 * math.log(0.125 / 0.25) + 0.125 * math.log(1.0)
    assert found.kl == pytest.approx(by_hand, rel=1e-12)


def test_a_mode_with_less_than_a_third_of_its_share_is_covered_but_not_well():
    law = GaussianMixture([[0.0], [100.0]], 1.0)
    few, enough = ([0.0] * (60 - k) + [100.0] * k for k in (9, 10))  # a third of the share is 60 / 2 / 3 = 10
    assert [mode_coverage(few, law).covered, mode_coverage(few, law).well_covered] == [2, 1]
    assert mode_coverage(enough, law).well_covered == 2


def test_a_collapse_onto_one_mode_has_the_kl_log_k():
    law = eight_gaussians()
    found = mode_coverage(law.components[3].sample(500, np.random.default_rng(0)), law)
    assert found.covered == found.well_covered == 1
    assert found.kl == pytest.approx(math.log(8), rel=1e-12)
    assert found.high_quality > 0.97  # quality alone does not see it


def test_distances_are_in_units_of_each_modes_own_sigma():
    law = GaussianMixture([[0.0, 0.0], [10.0, 0.0]], [np.diag([9.0, 0.01]), np.eye(2)])
    assert mode_coverage([[8.9, 0.0]], law).high_quality == 1  # 2.97 σ along the long axis
    assert mode_coverage([[0.0, 0.31]], law).high_quality == 0  # 3.1 σ across it
    assert mode_coverage([[6.0, 0.0]], law).shares == (1.0, 0.0)  # 2 σ from one, 4 from the other that is nearer


def test_a_mode_without_weight_is_not_missed():
    law = GaussianMixture([[0.0], [50.0]], 1.0, [1.0, 0.0])
    found = mode_coverage([0.0, 0.1], law)
    assert (found.n_modes, found.covered, found.well_covered, found.kl) == (1, 1, 1, 0.0)
    assert mode_coverage([0.0, 50.0], law).kl == math.inf


def test_refusals():
    with pytest.raises(InvalidTypeError, match="mixture must be a GaussianMixture, got Gaussian"):
        mode_coverage([[0.0, 0.0]], Gaussian([0.0, 0.0], 1.0))
    with pytest.raises(InvalidShapeError, match=r"have shape \(n, 2\)"):
        mode_coverage([[0.0]], eight_gaussians())
    with pytest.raises(InvalidValueError, match="points must have a largest coordinate between 0 and 1e"):
        mode_coverage([[1e200, 0.0]], eight_gaussians())
    with pytest.raises(InvalidValueError, match="positive definite"):
        mode_coverage([[0.0, 0.0]], GaussianMixture([[0.0, 0.0]], [np.diag([1.0, 0.0])]))
