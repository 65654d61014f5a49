"""Rank correlations by hand, and an interval that covers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.quality import rank_correlation


def test_by_hand():
    # Ranks 1 2 3 4 against 1 3 2 4: 1 - 6 * 2 / 60 = .8; five of six pairs agree, (5 - 1) / 6.
    run = ([1.0, 2.0, 3.0, 4.0], [0.1, 10.0, 5.0, 70.0])
    assert rank_correlation([run]).mean == pytest.approx(0.8)
    assert rank_correlation([run], kind="kendall").mean == pytest.approx(2 / 3)
    assert rank_correlation([run]).interval is None
    assert str(rank_correlation([run])) == "spearman +0.800 one run, no interval"


def test_a_growing_function_changes_nothing():
    rng = np.random.default_rng(0)
    loss, w1 = rng.normal(size=(2, 30))
    plain = rank_correlation([(loss, w1)]).by_run
    assert rank_correlation([(np.exp(loss), w1**3)]).by_run == pytest.approx(plain)
    assert rank_correlation([(-loss, w1)]).by_run == pytest.approx([-plain[0]])


def test_a_constant_orders_nothing():
    assert rank_correlation([([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])]).by_run == (0.0,)
    assert rank_correlation([([-1e308, 0.0, 1e308], [1.0, 2.0, 3.0])]).by_run == (1.0,)


def test_the_interval_is_students_over_the_runs():
    runs = [([1.0, 2.0, 3.0], w1) for w1 in ([1.0, 2.0, 3.0], [1.0, 3.0, 2.0], [1.0, 3.0, 2.0])]  # 1, .5, .5
    found = rank_correlation(runs, level=0.5)
    radius = 0.816497 * np.std([1, 0.5, 0.5], ddof=1) / np.sqrt(3)  # t of two degrees at .75, from tables
    assert found.mean == pytest.approx(2 / 3)
    assert found.interval.lower == pytest.approx(2 / 3 - radius, rel=1e-6)
    assert found.interval.upper == pytest.approx(2 / 3 + radius, rel=1e-6)
    assert found.interval.kind == "statistical at level 0.5 if normal, Student's t over 3 seeds"
    assert rank_correlation(runs, level=0.99).interval.upper == 1  # cut


def test_runs_that_agree_have_no_interval():
    # With three looks a run, two runs that know nothing agree one time in four: an interval without width would miss 0.
    found = rank_correlation([([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])] * 2)
    assert found.interval is None
    assert str(found) == "spearman +1.000 2 runs alike, no interval"


def test_the_interval_covers_at_its_level_though_iterates_are_dependent():
    # Random walks: one run's pairs are far from independent, and their correlation is near ±1 by accident.
    rng, trials, inside, naive = np.random.default_rng(1), 150, 0, 0
    for _ in range(trials):
        walks = rng.normal(size=(6, 2, 40)).cumsum(axis=2)
        found = rank_correlation([tuple(walk) for walk in walks])
        inside += 0.0 in found.interval  # independent walks: the mean correlation is 0 by symmetry
        naive += stats.spearmanr(*walks[0]).pvalue > 0.05
    assert inside > 0.95 * trials - 4 * np.sqrt(0.95 * 0.05 * trials)
    assert naive < 0.6 * trials  # what one run's p-value makes of it


def test_refusals():
    with pytest.raises(InvalidShapeError, match="runs must hold at least one run"):
        rank_correlation([])
    with pytest.raises(InvalidShapeError, match=r"runs\[0\] must hold two sequences of one length"):
        rank_correlation([([1.0, 2.0], [1.0])])
    with pytest.raises(InvalidTypeError, match=r"runs\[0\] must be a pair"):
        rank_correlation([1.0])
    with pytest.raises(InvalidValueError, match=r"runs\[0\]\[0\] must be finite"):
        rank_correlation([([1.0, np.nan], [1.0, 2.0])])
    with pytest.raises(InvalidValueError, match="kind must be one of spearman, kendall"):
        rank_correlation([([1.0, 2.0], [1.0, 2.0])], kind="pearson")
