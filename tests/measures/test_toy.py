import math
import pickle

import numpy as np
import pytest

from otgan.errors import InvalidTypeError, InvalidValueError
from otgan.measures import (
    checkerboard,
    circles,
    eight_gaussians,
    parallel_line,
    swiss_roll,
    twenty_five_gaussians,
    two_moons,
)

TOYS = [eight_gaussians, twenty_five_gaussians, swiss_roll, two_moons, circles, checkerboard, parallel_line]
N = 100_000


def rng(seed=0):
    return np.random.default_rng(seed)


def draw(measure):
    return measure.sample(N, rng())


def assert_share(hits, share):
    assert abs(hits.mean() - share) <= 5 * math.sqrt(share * (1 - share) / len(hits))


def assert_moments(points, mean, cov):
    """Mean and covariance within five standard errors, estimated from the sample itself."""
    centred = points - mean
    assert (np.abs(points.mean(axis=0) - mean) <= 5 * points.std(axis=0) / math.sqrt(N)).all()
    products = centred[:, :, None] * centred[:, None, :]
    assert (np.abs(products.mean(axis=0) - cov) <= 5 * products.std(axis=0) / math.sqrt(N) + 1e-12).all()


@pytest.mark.parametrize("toy", TOYS)
def test_every_toy(toy):
    measure = toy()
    assert measure.dim == 2
    assert repr(measure).startswith(f"{toy.__name__}(")
    points = measure.sample(100, rng(1))
    assert points.shape == (100, 2)
    assert points.dtype == np.float64
    np.testing.assert_array_equal(points, toy().sample(100, rng(1)))
    assert (points != measure.sample(100, rng(2))).any()
    np.testing.assert_array_equal(points, pickle.loads(pickle.dumps(measure)).sample(100, rng(1)))


def test_eight_gaussians():
    measure = eight_gaussians(radius=3.0, std=0.1)
    centres = np.array([part.mean for part in measure.components])
    distances = np.linalg.norm(centres[:, None] - centres, axis=2) + 9 * np.eye(8)
    # Neighbours on a regular octagon are 2 r sin(π/8) apart: eight distinct modes, none counted twice.
    np.testing.assert_allclose(distances.min(axis=1), 6 * math.sin(math.pi / 8))
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 3.0)
    np.testing.assert_allclose(centres[0], [3.0, 0.0])
    points = draw(measure)
    modes = np.linalg.norm(points[:, None] - centres, axis=2).argmin(axis=1)
    for k in range(8):
        assert_share(modes == k, 1 / 8)
    assert_moments(points, 0, (9 / 2 + 0.01) * np.eye(2))
    assert repr(measure) == "eight_gaussians(radius=3, std=0.1)"


def test_twenty_five_gaussians():
    measure = twenty_five_gaussians(spacing=1.5, std=0.05)
    cells = {tuple(part.mean / 1.5) for part in measure.components}
    assert cells == {(i, j) for i in range(-2, 3) for j in range(-2, 3)}
    points = draw(measure)
    nearest = np.rint(points / 1.5)
    assert_share((nearest == [2, -1]).all(axis=1), 1 / 25)
    assert_moments(points, 0, (2 * 1.5**2 + 0.05**2) * np.eye(2))
    residual = points - 1.5 * nearest
    assert abs(residual.std() - 0.05) <= 5 * 0.05 / math.sqrt(4 * N)


def test_swiss_roll_lies_on_the_spiral():
    points = draw(swiss_roll(radius=2.0, noise=0.0))
    r = np.linalg.norm(points, axis=1)
    t = r / 2 * 4.5 * math.pi
    np.testing.assert_allclose(points, r[:, None] * np.column_stack([np.cos(t), np.sin(t)]), atol=1e-12)
    assert 2 / 3 <= r.min() <= r.max() <= 2
    # The radius is uniform on [2/3, 2].
    assert abs(r.mean() - 4 / 3) <= 5 * (4 / 3) / math.sqrt(12 * N)


def test_two_moons():
    points = draw(two_moons(noise=0.0))
    upper = np.isclose(np.linalg.norm(points, axis=1), 1) & (points[:, 1] >= 0)
    lower = np.isclose(np.linalg.norm(points - [1.0, 0.5], axis=1), 1) & (points[:, 1] <= 0.5)
    assert (upper | lower).all()
    assert_share(upper, 0.5)
    assert (np.abs(points.mean(axis=0) - [0.5, 0.25]) <= 5 * points.std(axis=0) / math.sqrt(N)).all()


def test_circles():
    r = np.linalg.norm(draw(circles(outer=2.0, inner=0.5, noise=0.0)), axis=1)
    assert (np.isclose(r, 2) | np.isclose(r, 0.5)).all()
    assert_share(r > 1, 0.5)
    assert_moments(draw(circles(outer=2.0, inner=0.5, noise=0.3)), 0, (4.25 / 4 + 0.09) * np.eye(2))


@pytest.mark.parametrize("toy", [swiss_roll, two_moons, circles])
def test_noise_has_its_standard_deviation(toy):
    residual = draw(toy(noise=0.2)) - draw(toy(noise=0.0))  # the same seed draws the same curve
    assert (np.abs(residual.std(axis=0) - 0.2) <= 5 * 0.2 / math.sqrt(2 * N)).all()


@pytest.mark.parametrize(("squares", "side"), [(4, 1.0), (4, 2.0), (3, 0.5), (1, 4.0)])
def test_checkerboard(squares, side):
    points = draw(checkerboard(squares, side))
    cells = np.floor(points / side + squares / 2).astype(int)
    assert cells.min() == 0
    assert cells.max() == squares - 1
    assert (cells.sum(axis=1) % 2 == 0).all()
    assert_share((cells == 0).all(axis=1), 1 / math.ceil(squares**2 / 2))
    inside = points / side + squares / 2 - cells
    assert (np.abs(inside.mean(axis=0) - 0.5) <= 5 / math.sqrt(12 * N)).all()


def test_parallel_line():
    points = draw(parallel_line(-1.5))
    assert (points[:, 0] == -1.5).all()
    assert 0 <= points[:, 1].min() <= points[:, 1].max() <= 1
    assert abs(points[:, 1].mean() - 0.5) <= 5 / math.sqrt(12 * N)


@pytest.mark.parametrize(
    ("toy", "arguments", "message"),
    [
        (eight_gaussians, {"radius": 0}, r"radius must be in \(0, inf\)"),
        (eight_gaussians, {"std": 0}, r"std must be in \(0, inf\)"),
        (twenty_five_gaussians, {"spacing": -1}, r"spacing must be in \(0, inf\)"),
        (twenty_five_gaussians, {"std": -1}, r"std must be in \(0, inf\)"),
        (swiss_roll, {"radius": 0}, r"radius must be in \(0, inf\)"),
        (swiss_roll, {"noise": -0.1}, r"noise must be in \[0, inf\)"),
        (two_moons, {"noise": math.nan}, r"noise must be in \[0, inf\)"),
        (circles, {"outer": math.inf}, r"outer must be in \(0, inf\)"),
        (circles, {"inner": 3.0}, r"inner must be in \(0, 2\], got 3"),
        (circles, {"noise": -1}, r"noise must be in \[0, inf\)"),
        (checkerboard, {"squares": 0}, "squares must be at least 1"),
        (checkerboard, {"side": 0}, r"side must be in \(0, inf\)"),
        (parallel_line, {"theta": math.inf}, r"theta must be in \(-inf, inf\), got inf"),
    ],
)
def test_values_out_of_range(toy, arguments, message):
    with pytest.raises(InvalidValueError, match=message):
        toy(**arguments)


@pytest.mark.parametrize(
    ("toy", "argument"),
    [
        (eight_gaussians, "std"),
        (twenty_five_gaussians, "std"),
        (swiss_roll, "noise"),
        (two_moons, "noise"),
        (circles, "inner"),
        (checkerboard, "squares"),
        (parallel_line, "theta"),
    ],
)
def test_values_of_a_wrong_type(toy, argument):
    with pytest.raises(InvalidTypeError, match=f"{argument} must be"):
        toy(**{argument: "1"})
