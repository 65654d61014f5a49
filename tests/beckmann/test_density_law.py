"""Laws that a user describes, against laws of our own; and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtr

import otgan
from otgan.errors import InvalidInputError, InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.measures import Gaussian

BOX = [-5.0, -5.0], [5.0, 5.0]
#: ∫ |∂ρ/∂x| + |∂ρ/∂y| of N(0, I), and a bound of its first moment outside a disc of radius 5.
VARIATION, OUTSIDE = 2 * math.sqrt(2 / math.pi), 2e-5


def normal_masses(x, y, mean=(0.0, 0.0)):
    return np.outer(np.diff(ndtr(x - mean[0])), np.diff(ndtr(y - mean[1])))


def normal_density(points):
    return np.exp(-(points**2).sum(axis=1) / 2) / (2 * math.pi)


def uniform_masses(x, y):
    return np.outer(*(np.diff(np.clip(edges, 0, 1)) for edges in (x, y)))


def law(masses=normal_masses, **changes):
    low, high = BOX
    given = {"low": low, "high": high, "cell_masses": masses, "variation": VARIATION, "outside": OUTSIDE}
    return otgan.DensityLaw(**{**given, **changes})


def test_masses_of_ones_own():
    bracket = otgan.population_w1(law(), Gaussian([0, 0], 4.0), rtol=0.02)
    assert bracket.lower_bound <= math.sqrt(math.pi / 2) <= bracket.upper_bound
    assert bracket.converged
    assert bracket.interval.kind == "proven if the law's own bounds hold"
    rough = otgan.population_w1(law(variation=None), Gaussian([0, 0], 4.0), rtol=0.02, max_memory=2**22)
    assert rough.lower_bound <= math.sqrt(math.pi / 2) <= rough.upper_bound
    assert rough.gap > 6 * bracket.gap  # without a bound of its variation it pays for the worst


@pytest.mark.parametrize("unit", [1.0, 1e6])
def test_two_laws_of_ones_own(unit):
    # uniform on squares half a side apart
    def at(place):
        return otgan.DensityLaw(
            low=[place * unit, 0.0],
            high=[(place + 1) * unit, unit],
            cell_masses=lambda x, y: uniform_masses(x / unit - place, y / unit),
            variation=4.0 / unit,
        )

    bracket = otgan.population_w1(at(0.0), at(0.5), rtol=0.02)
    assert bracket.lower_bound <= 0.5 * unit <= bracket.upper_bound
    assert bracket.converged


def test_a_density_proves_nothing_and_says_so():
    guess = law(None, density=normal_density, variation=None)
    moved = law(lambda x, y: normal_masses(x, y, (0.6, 0.8)), low=[-4.4, -4.2], high=[5.6, 5.8])
    bracket = otgan.population_w1(guess, moved, rtol=0.03)
    assert bracket.interval.kind == "numerical"
    assert bracket.lower_bound <= 1 <= bracket.upper_bound
    assert bracket.converged


def test_what_breaks_its_own_bounds_is_refused():
    other = Gaussian.standard(2)
    cases = [
        (
            law(lambda x, y: 0.9 * normal_masses(x, y)),
            InvalidValueError,
            r"source.cell_masses must give mass one",
        ),
        (law(lambda x, y: 0 * normal_masses(x, y), outside=1e9), InvalidValueError, "got a total of 0; normalise it"),
        (law(lambda x, y: -normal_masses(x, y)), InvalidValueError, r"source.cell_masses\(x, y\) must not be negative"),
        (
            law(lambda x, y: np.nan * normal_masses(x, y)),
            InvalidValueError,
            r"cell_masses\(x, y\) must be finite",
        ),
        (law(lambda x, y: normal_masses(x, y).T[1:]), InvalidShapeError, r"cell_masses\(x, y\) must return shape \("),
        (law(lambda x, y: "none"), InvalidTypeError, r"cell_masses\(x, y\) must hold real numbers"),
        (law(None, density=lambda z: 2 * normal_density(z)), InvalidValueError, "source.density must give mass one"),
        (law(None, density=lambda z: -normal_density(z)), InvalidValueError, "must not be negative"),
        (law(None, density=lambda z: z), InvalidShapeError, r"source.density\(points\) must return shape"),
    ]
    for bad, error, message in cases:
        with pytest.raises(error, match=message):
            otgan.population_w1(bad, other)
    with pytest.raises(InvalidShapeError, match="target must be a measure on the line or in the plane, like the other"):
        otgan.population_w1(law(), Gaussian.standard(1))


def test_what_is_no_description_is_refused():
    cases = [
        ({"low": [0.0]}, InvalidShapeError, r"low must have shape \(2,\), got shape \(1,\)"),
        ({"high": [5.0, np.inf]}, InvalidValueError, "high must be finite"),
        ({"high": [5.0, -9.0]}, InvalidValueError, "high must be above low"),
        ({"density": normal_density}, InvalidInputError, "cell_masses must be given or density, one of the two"),
        ({"masses": None}, InvalidInputError, "cell_masses must be given or density, one of the two"),
        ({"masses": 3}, InvalidTypeError, "cell_masses must be a function, got 3"),
        ({"variation": -1.0}, InvalidValueError, "variation must be in"),
        ({"outside": math.nan}, InvalidValueError, "outside must be in"),
    ]
    for changes, error, message in cases:
        with pytest.raises(error, match=message):
            law(**changes)
