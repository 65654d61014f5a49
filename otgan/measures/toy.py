"""The toy distributions of the GAN literature, in the plane.

All are drawn independently: a label is random for each point, where some libraries deal fixed halves.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from otgan.checks import FloatArray, as_count, as_number
from otgan.measures.base import Measure
from otgan.measures.mixture import GaussianMixture
from otgan.measures.shapes import Block, ShapeMeasure, Spiral


def eight_gaussians(radius: float = 2.0, std: float = 0.1) -> GaussianMixture:
    """Eight normal distributions of equal weight on a ring around 0, in the plane.

    Args:
        radius: Distance of the modes from 0, > 0; mode k lies at the angle 2πk/8.
        std: Standard deviation of each mode in each coordinate, > 0.

    Returns:
        The mixture: mean 0, covariance (radius²/2 + std²) I, support all of R².

    Raises:
        InvalidTypeError, InvalidValueError: If an argument is not a number in its range.

    Source: Metz et al. (2017), Unrolled Generative Adversarial Networks (radius 2, std 0.02); Gulrajani et al.
    (2017), Improved Training of Wasserstein GANs, Sec. 3.1.
    """
    r = as_number("radius", radius, low=0.0, open_low=True)
    sigma = as_number("std", std, low=0.0, open_low=True)
    angles = 2 * np.pi * np.arange(8) / 8
    centres = r * np.column_stack([np.cos(angles), np.sin(angles)])
    # A product, since a power that overflows raises an error of its own.
    return GaussianMixture(centres, sigma * sigma).named(f"eight_gaussians(radius={r:g}, std={sigma:g})")


def twenty_five_gaussians(spacing: float = 2.0, std: float = 0.05) -> GaussianMixture:
    """Twenty-five normal distributions of equal weight on a 5 × 5 grid around 0, in the plane.

    Args:
        spacing: Distance of neighbouring modes, > 0; the grid reaches 2 spacing to each side.
        std: Standard deviation of each mode in each coordinate, > 0.

    Returns:
        The mixture: mean 0, covariance (2 spacing² + std²) I, support all of R².

    Raises:
        InvalidTypeError, InvalidValueError: If an argument is not a number in its range.

    Source: Gulrajani et al. (2017), Improved Training of Wasserstein GANs, Sec. 3.1, without their rescaling.
    """
    step = as_number("spacing", spacing, low=0.0, open_low=True)
    sigma = as_number("std", std, low=0.0, open_low=True)
    ticks = step * np.arange(-2, 3)
    centres = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(25, 2)
    return GaussianMixture(centres, sigma * sigma).named(f"twenty_five_gaussians(spacing={step:g}, std={sigma:g})")


def swiss_roll(radius: float = 2.0, noise: float = 0.05) -> Measure:
    """A spiral of one and a half turns around 0, with normal noise, in the plane.

    The curve is radius (t / t₁) (cos t, sin t), t uniform in [t₁ / 3, t₁], t₁ = 9π/2.

    Args:
        radius: Distance of the outer end from 0, > 0; the inner end lies at a third of it.
        noise: Standard deviation of the noise in each coordinate, ≥ 0.

    Returns:
        The measure; without noise its support is the curve.

    Raises:
        InvalidTypeError, InvalidValueError: If an argument is not a number in its range.

    Source: Gulrajani et al. (2017), Improved Training of Wasserstein GANs, Sec. 3.1; the curve is the section of
    `sklearn.datasets.make_swiss_roll` across its axis.
    """
    r = as_number("radius", radius, low=0.0, open_low=True)
    sigma = as_number("noise", noise, low=0.0)
    end = 4.5 * math.pi
    curve = Spiral((0.0, 0.0), 0.0, r / end, end / 3, end)
    return ShapeMeasure(partial(_draw_roll, radius=r, noise=sigma), (curve,), sigma).named(
        f"swiss_roll(radius={r:g}, noise={sigma:g})"
    )


def two_moons(noise: float = 0.05) -> Measure:
    """Two interleaved half circles of radius 1 and equal weight, with normal noise, in the plane.

    The upper one is (cos t, sin t), the lower one (1 − cos t, 1/2 − sin t), t uniform in [0, π].

    Args:
        noise: Standard deviation of the noise in each coordinate, ≥ 0.

    Returns:
        The measure, of mean (1/2, 1/4); without noise it lies in [−1, 2] × [−1/2, 1].

    Raises:
        InvalidTypeError, InvalidValueError: If noise is not a number ≥ 0.

    Source: `sklearn.datasets.make_moons`.
    """
    sigma = as_number("noise", noise, low=0.0)
    moons = Spiral((0.0, 0.0), 1.0, 0.0, 0.0, math.pi), Spiral((1.0, 0.5), 1.0, 0.0, math.pi, 2 * math.pi)
    return ShapeMeasure(partial(_draw_moons, noise=sigma), moons, sigma).named(f"two_moons(noise={sigma:g})")


def circles(outer: float = 2.0, inner: float = 1.0, noise: float = 0.05) -> Measure:
    """Two circles around 0, uniform along each and of equal weight, with normal noise, in the plane.

    Args:
        outer: Radius of the outer circle, > 0.
        inner: Radius of the inner circle, > 0 and at most that of the outer one.
        noise: Standard deviation of the noise in each coordinate, ≥ 0.

    Returns:
        The measure: mean 0, covariance ((outer² + inner²)/4 + noise²) I.

    Raises:
        InvalidTypeError, InvalidValueError: If an argument is not a number in its range.

    Source: `sklearn.datasets.make_circles`.
    """
    large = as_number("outer", outer, low=0.0, open_low=True)
    small = as_number("inner", inner, low=0.0, high=large, open_low=True)
    sigma = as_number("noise", noise, low=0.0)
    rings = tuple(Spiral((0.0, 0.0), radius, 0.0, 0.0, 2 * math.pi) for radius in (large, small))
    return ShapeMeasure(partial(_draw_circles, radii=np.array([large, small]), noise=sigma), rings, sigma).named(
        f"circles(outer={large:g}, inner={small:g}, noise={sigma:g})"
    )


def checkerboard(squares: int = 4, side: float = 1.0) -> Measure:
    """Uniform on the black squares of a board around 0, in the plane.

    Args:
        squares: Squares along each edge of the board, ≥ 1; the one in the lower left corner is black, and with a
            single square the law is uniform on it.
        side: Side of a square, > 0; the board is [−squares · side / 2, squares · side / 2]².

    Returns:
        The measure, supported on the black squares.

    Raises:
        InvalidTypeError, InvalidValueError: If an argument is not a number in its range.

    Source: Grathwohl et al. (2019), FFJORD, toy data in the plane (there on [−4, 4]², four squares to an edge).
    """
    k = as_count("squares", squares)
    edge = as_number("side", side, low=0.0, open_low=True)
    corners = edge * (_black(k) - k / 2)
    blocks = tuple(Block((a, b), (a + edge, b + edge)) for a, b in corners.tolist())
    return ShapeMeasure(partial(_draw_board, squares=k, side=edge), blocks).named(
        f"checkerboard(squares={k}, side={edge:g})"
    )


def parallel_line(theta: float = 0.0) -> Measure:
    """The vertical segment (theta, Z), Z uniform in [0, 1], in the plane.

    Two of them are |theta − theta'| apart in W_p for every p ≥ 1; their Jensen–Shannon divergence is log 2 as soon as
    they differ at all.

    Args:
        theta: First coordinate.

    Returns:
        The measure, uniform on {theta} × [0, 1].

    Raises:
        InvalidTypeError, InvalidValueError: If theta is not a finite number.

    Source: Arjovsky, Chintala, Bottou (2017), Wasserstein GAN, Example 1.
    """
    x = as_number("theta", theta)
    segment = Block((x, 0.0), (x, 1.0))
    return ShapeMeasure(partial(_draw_line, theta=x), (segment,)).named(f"parallel_line(theta={x:g})")


# Samplers are module-level functions under functools.partial, and no closures, so that the measures can be pickled.


def _draw_roll(n: int, rng: np.random.Generator, *, radius: float, noise: float) -> FloatArray:
    end = 4.5 * math.pi
    t = rng.uniform(end / 3, end, n)
    curve = (radius * t / end)[:, None] * np.column_stack([np.cos(t), np.sin(t)])
    return curve + noise * rng.standard_normal((n, 2))


def _draw_moons(n: int, rng: np.random.Generator, *, noise: float) -> FloatArray:
    t = rng.uniform(0.0, math.pi, n)
    upper = np.column_stack([np.cos(t), np.sin(t)])
    lower = np.array([1.0, 0.5]) - upper
    return np.where(rng.random((n, 1)) < 0.5, upper, lower) + noise * rng.standard_normal((n, 2))


def _draw_circles(n: int, rng: np.random.Generator, *, radii: FloatArray, noise: float) -> FloatArray:
    t = rng.uniform(0.0, 2 * math.pi, n)
    curve = rng.choice(radii, size=(n, 1)) * np.column_stack([np.cos(t), np.sin(t)])
    return curve + noise * rng.standard_normal((n, 2))


def _draw_board(n: int, rng: np.random.Generator, *, squares: int, side: float) -> FloatArray:
    corners = rng.choice(_black(squares), size=n)
    return side * (corners + rng.random((n, 2)) - squares / 2)


def _black(squares: int) -> NDArray[np.intp]:
    """Column and row of each black square, (k, 2)."""
    return np.argwhere(np.indices((squares, squares)).sum(axis=0) % 2 == 0)


def _draw_line(n: int, rng: np.random.Generator, *, theta: float) -> FloatArray:
    return np.column_stack([np.full(n, theta), rng.random(n)])
