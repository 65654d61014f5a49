import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_wine

from otgan.errors import InvalidValueError, MissingDependencyError
from otgan.measures import DiscreteMeasure
from otgan.pairs import get_pair, pair_names

FINITE = {"digits": 64, "wine": 13}
DIMS = {**FINITE, "gaussians-1d": 1}


def test_names():
    assert pair_names()[:6] == ["8gaussians", "25gaussians", "swissroll-moons", "checkerboard", "digits", "wine"]
    assert pair_names()[6:] == pair_names(known=True)
    assert len(set(pair_names())) == len(pair_names())


@pytest.mark.parametrize("name", pair_names())
def test_both_sides_live_in_one_space(name):
    pair = get_pair(name)
    assert pair.name == name
    assert "\n" not in pair.description
    assert pair.source.dim == pair.target.dim == pair.dim == DIMS.get(name, 2)
    assert pair.finite == (name in FINITE)
    for side in (pair.source, pair.target):
        assert side.sample(10, np.random.default_rng(0)).shape == (10, pair.source.dim)


def test_25gaussians_match_in_mean_and_spread():
    pair = get_pair("25gaussians")
    centres = np.array([part.mean for part in pair.source.components])
    np.testing.assert_allclose(centres.T @ centres / 25, pair.target.cov, atol=1e-12)


def test_digits():
    pair = get_pair("digits")
    assert isinstance(pair.source, DiscreteMeasure)
    assert (len(pair.source), len(pair.target)) == (183, 174)
    for side in (pair.source, pair.target):
        assert side.points.min() == 0
        assert side.points.max() == 1
        np.testing.assert_array_equal(side.points * 16, np.rint(side.points * 16))


def test_wine_is_standardised_over_both_classes():
    pair = get_pair("wine")
    assert (len(pair.source), len(pair.target)) == (59, 71)
    both = np.concatenate([pair.source.points, pair.target.points])
    np.testing.assert_allclose(both.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(both.std(axis=0), 1)
    raw, labels = load_wine(return_X_y=True)
    for column in range(13):
        line = np.polyfit(raw[labels == 0, column], pair.source.points[:, column], 1)
        np.testing.assert_allclose(np.polyval(line, raw[labels == 1, column]), pair.target.points[:, column], atol=1e-9)


@pytest.mark.parametrize("name", ["8gausians", "", None, ["wine"]])
def test_unknown_name(name):
    with pytest.raises(InvalidValueError, match=r"pair must be one of 8gaussians, .*, wine, .*, product, got"):
        get_pair(name)


@pytest.mark.parametrize("name", ["digits", "wine"])
def test_without_sklearn(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'otgan\[data\]'"):
        get_pair(name)


def test_import_is_light():
    code = "import otgan.pairs, otgan.files, sys; print({'sklearn', 'pyarrow', 'torch', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
