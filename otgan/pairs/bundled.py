"""Measures made of the data sets that scikit-learn carries with it, so that nothing is downloaded."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray
from otgan.errors import MissingDependencyError
from otgan.measures import DiscreteMeasure, empirical


def digit(label: int) -> DiscreteMeasure:
    """Handwritten digits of one class, pixels divided by 16 so that they lie in [0, 1].

    Args:
        label: The digit, 0 … 9.

    Returns:
        Its 174 to 183 images as points, (n, 64), equally weighted.

    Raises:
        MissingDependencyError: If scikit-learn is not installed.

    Source: Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning Repository,
    as in `sklearn.datasets.load_digits`.
    """
    pixels, labels = digits()
    return empirical(pixels[labels == label]).named(f"digit {label}")


def digits() -> tuple[FloatArray, NDArray[np.int64]]:
    """All handwritten digits, pixels divided by 16 so that they lie in [0, 1].

    Returns:
        The 1,797 images as points, (n, 64), 8 rows of 8 pixels each, and which digit each shows, (n,).

    Raises:
        MissingDependencyError: If scikit-learn is not installed.

    Source: Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning Repository,
    as in `sklearn.datasets.load_digits`.
    """
    pixels, labels = _datasets().load_digits(return_X_y=True)
    return pixels / 16, labels.astype(np.int64)


def wine(first: int, second: int) -> tuple[DiscreteMeasure, DiscreteMeasure]:
    """Two wine cultivars, each of the 13 columns standardised over both of them together.

    One column (proline) reaches beyond a thousand while others stay below one: unscaled, it alone would be the
    distance. Scaling each class by itself would take the difference of their means away.

    Args:
        first: Cultivar of the first measure, 0, 1 or 2.
        second: Cultivar of the second measure.

    Returns:
        The two measures, (n, 13) points each, equally weighted, in units of pooled standard deviations.

    Raises:
        MissingDependencyError: If scikit-learn is not installed.

    Source: Aeberhard and Forina (1991), Wine, UCI Machine Learning Repository, as in `sklearn.datasets.load_wine`.
    """
    values, labels = _datasets().load_wine(return_X_y=True)
    both = values[(labels == first) | (labels == second)]
    scaled = (values - both.mean(axis=0)) / both.std(axis=0)
    return (
        empirical(scaled[labels == first]).named(f"wine cultivar {first}"),
        empirical(scaled[labels == second]).named(f"wine cultivar {second}"),
    )


def _datasets() -> ModuleType:
    try:
        from sklearn import datasets
    except ImportError as error:
        raise MissingDependencyError(
            "these data come with scikit-learn, which is not installed; run pip install 'otgan[data]'"
        ) from error
    return datasets
