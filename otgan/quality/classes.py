"""The score that a classifier gives to a sample: sure of each point, and of all classes alike."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import xlogy

from otgan.checks import FloatArray, as_count, as_real_array
from otgan.errors import InvalidShapeError, InvalidValueError

#: How far rows may be from summing to one: float32 softmaxes are off by some 1e-7 times the number of classes.
ROUNDING = 1e-3
#: Parts that the Inception score is the mean of, as its authors' code and torch-fidelity have it.
INCEPTION_SPLITS = 10


@dataclass(frozen=True)
class ClassScore:
    """What a classifier says of a sample.

    Attributes:
        value: exp of the mean KL(p(y|x) ‖ p(y)), from 1 up to the number of classes; the mean of that over the parts.
        classes: Number of classes c.
        classes_found: Classes that at least one point belongs to most likely.
        shares: Mean probability of each class, p(y), (c,).
        n: Number of points.
        splits: Number of parts.
    """

    value: float
    classes: int
    classes_found: int
    shares: tuple[float, ...]
    n: int
    splits: int = 1


def class_score(probabilities: Any, *, splits: int = 1) -> ClassScore:
    r"""The Inception-style score, $\exp \frac1n \sum_i \mathrm{KL}(p(\cdot|x_i) \| p)$ with p the mean of the rows.

    High where the classifier is sure of every point and the classes come in equal shares. It knows nothing of the real
    points: one perfect image of each class, repeated, has the highest value. It is the Inception score only for the
    Inception network's probabilities, and `INCEPTION_SPLITS` parts. Its logarithm is biased downwards, since the mean
    of n rows has less entropy, on average, than the mean of all.

    Args:
        probabilities: (n, c), rows of numbers ≥ 0 that sum to one.
        splits: Parts of the rows, one after the other and alike in size, each of which has a score of its own; their
            mean is given. Rows in any order but a random one must be shuffled before.

    Raises:
        InvalidShapeError: If they are no table.
        InvalidValueError: If a row is no distribution, or there are fewer rows than parts.

    Source: Salimans et al. (2016), Improved Techniques for Training GANs.

    >>> class_score([[1.0, 0.0], [0.0, 1.0]]).value
    2.0
    """
    rows = as_real_array("probabilities", probabilities)
    if rows.ndim != 2:
        raise InvalidShapeError(
            "probabilities", "have shape (n, c)", f"shape {rows.shape}", "give one row of class probabilities a point"
        )
    with np.errstate(over="ignore"):  # of numbers that are refused
        sums = rows.sum(1)
    wrong = np.flatnonzero((rows.min(1) < 0) | (abs(sums - 1) > ROUNDING))
    if len(wrong):
        raise InvalidValueError(
            "probabilities", "be numbers >= 0 that sum to one in each row",
            f"a smallest entry {rows[wrong[0]].min():g} and a sum {sums[wrong[0]]:g} in row {wrong[0]}",
            "apply a softmax to the classifier's output",
        )  # fmt: skip
    rows = rows / sums[:, None]
    n, splits = len(rows), as_count("splits", splits, high=len(rows))
    edges = [i * n // splits for i in range(splits + 1)]
    value = float(np.mean([_score(rows[start:stop]) for start, stop in pairwise(edges)]))
    found = len(np.unique(rows.argmax(1)))
    return ClassScore(value, rows.shape[1], found, tuple(rows.mean(0).tolist()), n, splits)


def _score(rows: FloatArray) -> float:
    marginal = rows.mean(0)
    # KL row by row is the entropy of the mean less the mean entropy, without a quotient that may be 0 / 0.
    information = float(xlogy(rows, rows).sum(1).mean() - xlogy(marginal, marginal).sum())
    return float(np.exp(max(0.0, information)))
