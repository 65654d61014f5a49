"""Reading the laws that have a density here: Gaussians and their mixtures."""

from __future__ import annotations

from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_real_array
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.measures.gaussian import Gaussian
from otgan.measures.mixture import GaussianMixture

Density = Gaussian | GaussianMixture

#: Means and variances beyond this, and variances below its inverse, overflow in the quotients of squares.
LARGEST = 1e90
#: A standard deviation below this part of the means is lost where points are rounded to float64.
RESOLVED = 2.0**-40


def as_gaussian(name: str, value: Any) -> Gaussian:
    """Read a Gaussian law, or a pair (mean, covariance) as it takes them.

    Raises:
        InvalidTypeError: If it is neither.
    """
    if isinstance(value, Gaussian):
        return value
    if isinstance(value, tuple) and len(value) == 2:
        return Gaussian(*value)
    raise InvalidTypeError(
        name, "be a Gaussian or a pair (mean, covariance)", type(value).__name__, "write ([0.0], 1.0) for N(0, 1)"
    )


def as_densities(source: Any, target: Any) -> tuple[Density, Density]:
    """Read two laws of one dimension that have a density each.

    Raises:
        InvalidTypeError: If one is no Gaussian, mixture of Gaussians, or pair (mean, covariance).
        InvalidShapeError: If they differ in dimension.
        InvalidValueError: If a covariance is singular, so that there is no density, or a law is beyond `LARGEST`.
    """
    one, other = (_as_density(name, value) for name, value in (("source", source), ("target", target)))
    if one.dim != other.dim:
        raise InvalidShapeError(
            "target",
            f"have the dimension of source, {one.dim}",
            f"dimension {other.dim}",
            "give laws in the same space",
        )
    return one, other


def check_resolved(one: Density, other: Density) -> None:
    """See whether points of float64 can show both laws, which a quadrature and draws go by.

    Raises:
        InvalidValueError: If a component is narrower along some axis than `RESOLVED` of the means there.
    """
    parts = [part for law in (one, other) for _, part in components(law)]
    largest = np.max([np.abs(part.mean) for part in parts], axis=0)
    for part in parts:
        variances, axes = np.linalg.eigh(part.cov)
        # Rounding of a coordinate is in proportion to it, and enters each axis by its share.
        wide, far = np.sqrt(np.maximum(variances, 0.0)), largest @ np.abs(axes)
        if (wide < RESOLVED * far).any():
            worst = int(np.argmax(far / np.maximum(wide, 1 / LARGEST)))
            raise InvalidValueError(
                "source and target", f"have standard deviations of at least {RESOLVED:.1g} of their means",
                f"{wide[worst]:g} at a mean of {far[worst]:g}",
                "move the origin between them, which changes no divergence; laws so far from each other have a JS of "
                "log 2",
            )  # fmt: skip


def components(law: Density) -> list[tuple[float, Gaussian]]:
    """The normal distributions of a law that have a share of it, each with its share."""
    if isinstance(law, Gaussian):
        return [(1.0, law)]
    return [(float(share), part) for share, part in zip(law.weights, law.components, strict=True) if share > 0]


def as_normal(name: str, value: Any) -> tuple[float, float]:
    """Read a normal distribution on the line as mean and standard deviation.

    Raises:
        InvalidTypeError: If it is no Gaussian and no pair (mean, variance).
        InvalidShapeError: If it is not on the line.
        InvalidValueError: If its variance is 0, or the law is beyond 1e100.
    """
    law = as_gaussian(name, value)
    if law.dim != 1:
        raise InvalidShapeError(
            name, "be a law on the line", f"dimension {law.dim}",
            "there is no closed form in more dimensions; wasserstein_geodesic has one",
        )  # fmt: skip
    if law.cov[0, 0] == 0:
        raise InvalidValueError(
            name, "have a positive variance", 0.0, "points are infinitely far from every law in this distance"
        )
    mean, std = float(law.mean[0]), float(np.sqrt(law.cov[0, 0]))
    if abs(mean) > 1e100 or not 0.99e-100 < std < 1.01e100:  # what lies between two laws overflows not far beyond
        raise InvalidValueError(
            name, "have a mean up to 1e100 and a deviation of 1e-100 to 1e100", f"{mean:g} and {std:g}",
            "change the unit of length, which changes no distance",
        )  # fmt: skip
    return mean, std


def as_times(name: str, values: Any) -> FloatArray:
    """Read times along a path, (k,), each in [0, 1].

    Raises:
        InvalidShapeError: If it is not one list of numbers.
        InvalidValueError: If one is outside [0, 1].
    """
    times = as_real_array(name, values)
    if times.ndim != 1:
        raise InvalidShapeError(name, "have shape (k,)", f"shape {times.shape}", "write [0.0, 0.5, 1.0]")
    if times.min() < 0 or times.max() > 1:
        worst = times[int(np.argmax(np.abs(times - 0.5)))]
        raise InvalidValueError(name, "lie in [0, 1]", worst, "0 is the source and 1 the target")
    return times


def _check_size(name: str, law: Gaussian) -> None:
    variances, far = np.linalg.eigvalsh(law.cov), float(np.abs(law.mean).max())
    if far > LARGEST or variances[-1] > LARGEST or variances[0] < 1 / LARGEST:
        raise InvalidValueError(
            name, f"have means up to {LARGEST:g} and variances of {1 / LARGEST:g} to {LARGEST:g}",
            f"a mean of {far:g} and variances of {variances[0]:g} to {variances[-1]:g}",
            "change the unit of length, which changes no divergence",
        )  # fmt: skip


def _as_density(name: str, value: Any) -> Density:
    law = value if isinstance(value, GaussianMixture) else as_gaussian(name, value)
    for _, part in components(law):
        part.log_density(part.mean[None])  # which says what is wrong where there is no density
        _check_size(name, part)
    return law
