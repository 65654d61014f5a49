"""Strategies for points, weights and measures, simple numbers first: what fails shrinks to something readable."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from otgan.checks import FloatArray, as_count, as_number
from otgan.errors import InvalidTypeError, InvalidValueError
from otgan.measures import DiscreteMeasure, GaussianMixture
from otgan.testing.extra import DrawFn, SearchStrategy, st

#: Coordinates before they are scaled, from simple to arbitrary: a small lattice makes duplicates and shared points.
LATTICE = st.integers(-2, 2).map(float)
QUARTERS = st.integers(-16, 16).map(lambda k: k / 4)
ANY = st.floats(-8, 8, allow_subnormal=False)

SCALES = (1.0, 1e-3, 1e3, 1e-6, 1e6)


def point_clouds(
    dims: int | Sequence[int] = (1, 2, 3),
    *,
    min_points: int = 1,
    max_points: int = 6,
    scales: Sequence[float] = SCALES,
    exact: bool = False,
) -> SearchStrategy[FloatArray]:
    """Clouds of points, (n, d), float64, in units of length; they shrink to the single point 0.

    Many have duplicates, and two clouds of one dimension often share points.

    Args:
        dims: Dimension d, or those to choose from.
        min_points: Smallest n.
        max_points: Largest n.
        scales: What all coordinates, at most 8 in size, are multiplied by.
        exact: Whether coordinates, before they are scaled, are multiples of 1/4, so that sums of them do not round.

    Raises:
        InvalidTypeError, InvalidValueError: If a size is no positive integer, or a scale no positive number.
        MissingDependencyError: If Hypothesis is not installed, as for every strategy.
    """
    ds = read_dims(dims)
    low = as_count("min_points", min_points)
    high = as_count("max_points", max_points, low=low)
    factors = [as_number("scales", scale, low=0, open_low=True) for scale in scales]
    if not factors:
        raise InvalidValueError("scales", "hold a number", scales, "write (1.0,) for clouds that are not scaled")
    return _cloud(ds, low, high, factors, exact)


@st.composite
def _cloud(draw: DrawFn, dims: list[int], low: int, high: int, scales: list[float], exact: bool) -> FloatArray:
    d, scale = draw(st.sampled_from(dims)), draw(st.sampled_from(scales))
    n = draw(st.integers(low, high))
    numbers = draw(st.sampled_from([LATTICE, QUARTERS] if exact else [LATTICE, QUARTERS, ANY]))
    rows = draw(st.lists(st.lists(numbers, min_size=d, max_size=d), min_size=n, max_size=n))
    points = np.array(rows)
    if n > 1 and draw(st.booleans()):
        points[-1] = points[0]
    return scale * points + 0.0  # no -0.0, which reads badly


def weights(n: int) -> SearchStrategy[FloatArray]:
    """Weights that sum to one up to rounding, (n,), float64; they shrink to equal ones.

    Some are zero, and some span twelve orders of magnitude.

    Args:
        n: Number of points.

    Raises:
        InvalidTypeError, InvalidValueError: If n is no positive integer.
    """
    size = as_count("n", n)
    equal = st.just([1.0] * size)
    small = st.lists(st.integers(0, 3).map(float), min_size=size, max_size=size)
    wide = st.lists(st.integers(0, 12).map(lambda k: 10.0**-k), min_size=size, max_size=size)
    return (equal | small.filter(any) | wide).map(lambda w: np.array(w) / sum(w))


def discrete_measures(
    dims: int | Sequence[int] = (1, 2, 3), *, max_points: int = 6, scales: Sequence[float] = SCALES
) -> SearchStrategy[DiscreteMeasure]:
    """Measures on finitely many points, some without mass, printed as the call that makes them.

    Args:
        dims: Dimension d, or those to choose from.
        max_points: Largest number of points.
        scales: See `point_clouds`.

    Raises:
        InvalidTypeError, InvalidValueError: See `point_clouds`.
    """
    return _measure(point_clouds(dims, max_points=max_points, scales=scales))


@st.composite
def _measure(draw: DrawFn, clouds: SearchStrategy[FloatArray]) -> DiscreteMeasure:
    points = draw(clouds)
    w = draw(weights(len(points)))
    return DiscreteMeasure(points, w).named(f"DiscreteMeasure({points.tolist()}, {w.tolist()})")


def gaussian_mixtures(
    dims: int | Sequence[int] = (1, 2), *, max_components: int = 3, scales: Sequence[float] = (1.0, 1e-3, 1e3)
) -> SearchStrategy[GaussianMixture]:
    """Mixtures of normal laws, some with singular covariances or shares of 0, printed as the call that makes them.

    Args:
        dims: Dimension d, or those to choose from.
        max_components: Largest number of components.
        scales: See `point_clouds`.

    Raises:
        InvalidTypeError, InvalidValueError: See `point_clouds`.
    """
    return point_clouds(dims, max_points=as_count("max_components", max_components), scales=scales).flatmap(_mixture)


@st.composite
def _mixture(draw: DrawFn, means: FloatArray) -> GaussianMixture:
    k, d = means.shape
    size = float(np.abs(means).max()) or 1.0
    shares = draw(weights(k))
    if draw(st.booleans()):  # L L' of a small integer matrix, singular ones among them
        entries = st.lists(st.integers(-2, 2), min_size=k * d * d, max_size=k * d * d)
        factors = np.array(draw(entries), dtype=float).reshape(k, d, d)
        covs = factors @ factors.transpose(0, 2, 1) * size**2
    else:
        covs = np.array(draw(st.lists(st.sampled_from([1.0, 0.25, 4.0]), min_size=k, max_size=k))) * size**2
    name = f"GaussianMixture({means.tolist()}, {covs.tolist()}, {shares.tolist()})"
    return GaussianMixture(means, covs, shares).named(name)


def read_dims(dims: int | Sequence[int]) -> list[int]:
    """Dimensions to choose from, at least one."""
    if isinstance(dims, int | np.integer):
        return [as_count("dims", dims)]
    if not isinstance(dims, Sequence) or isinstance(dims, str) or not dims:
        raise InvalidTypeError("dims", "be a dimension or several", repr(dims), "write 2, or (1, 2, 3)")
    return [as_count("dims", d) for d in dims]
