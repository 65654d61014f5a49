"""Small reports, made once by judging closed-form critics; they are frozen, and tests alter copies."""

import dataclasses
from functools import cache

import numpy as np

from otgan.validation import ValidationReport, validate

HISTORY = [
    {"step": step, "estimate": 0.2 * step, "gradient_norm": 1.0 + 1 / step, "penalty": 1 / step} for step in range(1, 9)
]
#: Degenerate reports that `tests/report/test_write.py` writes whole, as pixels and as lines.
WRITTEN = ("one point each", "one place", "far too small")


def first(z):
    return z[:, 0]


def steep(z):
    return 3 * z[:, 0] ** 2


def zero(z):
    return 0 * z[:, 0]


@cache
def report(d: int = 2, critic=first, n: int = 60, name: str = "first coordinate") -> ValidationReport:
    rng = np.random.default_rng(d)
    shift = np.eye(d)[0] * 2
    return validate(critic, rng.standard_normal((n, d)) + shift, rng.standard_normal((n - 10, d)), name=name)


def certified(upper: float) -> ValidationReport:
    """As if a bound of the slope were proven."""
    plain = report()
    return dataclasses.replace(
        plain,
        slopes=dataclasses.replace(plain.slopes, upper=upper, method="by hand", reason=""),
        lower_bounds=dataclasses.replace(plain.lower_bounds, by_lipschitz=plain.estimate.value / upper),
    )


@cache
def degenerate() -> dict[str, ValidationReport]:
    """What breaks figures: one point, one place, a constant, a number off the scale."""
    points = np.arange(6.0).reshape(3, 2)
    return {
        "one point each": validate(first, np.zeros((1, 2)), np.ones((1, 2))),
        "one point each on the line": validate(first, np.zeros((1, 1)), np.ones((1, 1))),
        "one point each in space": validate(first, np.zeros((1, 3)), np.ones((1, 3))),
        "one place": validate(zero, np.full((4, 2), 3.0), np.full((4, 2), 3.0)),
        "one place, another number": validate(lambda z: np.arange(len(z)) * 0 + z[:, 0], points, points),
        "constant": report(critic=zero),
        "steep": report(critic=steep),
        "far too large": report(critic=lambda z: 1e6 * z[:, 0]),
        "far too small": report(critic=lambda z: -1e6 * z[:, 0]),
        "on one line": validate(first, np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([[2.0, 1.0], [4.0, 1.0]])),
    }
