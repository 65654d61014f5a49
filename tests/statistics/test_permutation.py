import itertools
import math

import numpy as np
import pytest

from otgan import wasserstein
from otgan.errors import InvalidShapeError, InvalidValueError
from otgan.statistics import permutation_test


@pytest.mark.parametrize("d", [1, 3])
def test_the_statistic_is_the_exact_distance(d):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(9, d)), rng.normal(size=(7, d))
    result = permutation_test(x, y, n_permutations=3)
    assert result.statistic == pytest.approx(wasserstein(x, y).distance, rel=1e-12)
    assert (result.name, result.n_permutations) == ("w1", 3)


@pytest.mark.parametrize("d", [1, 2])
def test_p_values_agree_with_all_permutations(d):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(4, d)), rng.normal(size=(4, d)) + 0.7
    pooled = np.concatenate([x, y])
    observed = wasserstein(x, y).distance
    larger = []
    for chosen in itertools.combinations(range(8), 4):
        rest = [k for k in range(8) if k not in chosen]
        larger.append(wasserstein(pooled[list(chosen)], pooled[rest]).distance >= observed * (1 - 1e-9))
    exact = np.mean(larger)
    n = 1999 if d == 1 else 399
    p = permutation_test(x, y, n_permutations=n).p_value
    assert abs(p - exact) < 4 * math.sqrt(exact * (1 - exact) / n) + 1 / n


@pytest.mark.parametrize("statistic", ["w1", "sliced"])
@pytest.mark.parametrize("d", [1, 2])
def test_level_is_kept_for_equal_laws(statistic, d):
    if statistic == "w1" and d == 2:
        trials, n, draws = 60, 6, 19
    else:
        trials, n, draws = 300, 15, 19
    rng = np.random.default_rng(d)
    p = np.array(
        [
            permutation_test(
                rng.normal(size=(n, d)), rng.normal(size=(n + 2, d)), statistic=statistic, n_permutations=draws, seed=k
            ).p_value
            for k in range(trials)
        ]
    )
    for level in (0.05, 0.2, 0.5):
        assert (p <= level).mean() <= level + 3 * math.sqrt(level * (1 - level) / trials)
    # Without ties the p-values are uniform on {1/20, …, 1}: the test is not merely never wrong.
    assert abs(p.mean() - 0.525) < 4 * math.sqrt(1 / 12 / trials)


@pytest.mark.parametrize("statistic", ["w1", "sliced"])
def test_different_laws_are_told_apart_and_p_is_never_0(statistic):
    rng = np.random.default_rng(0)
    result = permutation_test(
        rng.normal(size=(20, 2)), rng.normal(size=(20, 2)) + 3, statistic=statistic, n_permutations=99
    )
    assert result.p_value == 1 / 100


def test_ties_count_against_a_difference():
    x = np.ones(5)
    assert permutation_test(x, x).p_value == 1
    rng = np.random.default_rng(0)
    # On a lattice many permutations give the same value up to the order of summation.
    lattice = rng.integers(0, 2, size=(8, 2)) * 0.1
    assert permutation_test(lattice, lattice[::-1], n_permutations=49).p_value == 1


def test_the_sliced_statistic_is_at_most_the_distance_and_fixed_by_the_seed():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 3)), rng.normal(size=(30, 3))
    first = permutation_test(x, y, statistic="sliced", n_permutations=49, seed=1)
    assert first == permutation_test(x, y, statistic="sliced", n_permutations=49, seed=1)
    assert 0 < first.statistic < wasserstein(x, y).distance


def test_bad_input_is_refused():
    with pytest.raises(InvalidShapeError, match="x must have at least 2 points, got 1"):
        permutation_test([0.0], [1.0, 2.0])
    with pytest.raises(InvalidValueError, match="statistic must be one of w1, sliced, got 'w2'"):
        permutation_test([0.0, 1.0], [1.0, 2.0], statistic="w2")
    with pytest.raises(InvalidValueError, match="n_permutations must be at least 1, got 0"):
        permutation_test([0.0, 1.0], [1.0, 2.0], n_permutations=0)
    with pytest.raises(InvalidShapeError, match="y must have the dimension of x, 1"):
        permutation_test([0.0, 1.0], [[1.0, 2.0], [1.0, 2.0]])
