"""What can be learnt, read from names, arrays, files and folders; and refusals that say how to mend it."""

from __future__ import annotations

import builtins
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from otgan.errors import (
    FileFormatError,
    InvalidShapeError,
    InvalidTypeError,
    InvalidValueError,
    MemoryLimitError,
    MissingDependencyError,
)
from otgan.gan import images
from otgan.gan.data import TOYS, get_data
from otgan.gan.evaluate import evaluate
from otgan.measures import DiscreteMeasure, as_measure, empirical


@pytest.mark.parametrize("name", TOYS)
def test_toys_are_laws_in_the_plane(name):
    data = get_data(name)
    assert (data.name, data.shape, data.is_image) == (name, (2,), False)
    assert data.train.sample(3, np.random.default_rng(0)).shape == (3, 2)


def test_options_of_a_toy():
    assert get_data("25gaussians", std=0.02).modes.components[0].cov[0, 0] == pytest.approx(0.02**2)
    with pytest.raises(InvalidValueError, match=r"sdt must be left out for such data, got 0\.1"):
        get_data("8gaussians", sdt=0.1)


def test_digits_are_split_evenly_by_class():
    data = get_data("digits")
    train, held_out = data.train.points, data.held_out.points
    assert data.shape == (1, 8, 8)
    assert data.is_image
    assert len(train) + len(held_out) == 1797
    both = np.concatenate([train, held_out])
    assert (both.min(), both.max()) == (0, 1)
    assert len(np.unique(both, axis=0)) == 1797  # each image on one side
    by_class = [np.bincount(labels, minlength=10) for labels in data.labels]
    assert by_class[0].min() > 100
    np.testing.assert_allclose(by_class[1], (by_class[0] + by_class[1]) / 4, atol=0.5)


def test_labels_of_digits_belong_to_their_images():
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    data = get_data("digits", seed=5)
    for k in (0, 100, 400):
        row = np.flatnonzero((pixels / 16 == data.held_out.points[k]).all(1))
        assert labels[row] == data.labels[1][k]
    assert not np.array_equal(data.labels[1], get_data("digits", seed=6).labels[1])
    np.testing.assert_array_equal(data.held_out.points, get_data("digits", seed=5).held_out.points)


def _without(monkeypatch, name):
    real = builtins.__import__

    def refuse(module, *args, **kwargs):
        if module.split(".")[0] == name:
            raise ImportError(module)
        return real(module, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)


def test_missing_packages_are_named_with_the_command(monkeypatch, tmp_path):
    (tmp_path / "a.png").touch()
    _without(monkeypatch, "sklearn")
    with pytest.raises(MissingDependencyError, match=r"pip install 'otgan\[data\]'"):
        get_data("digits")
    monkeypatch.undo()
    _without(monkeypatch, "PIL")
    with pytest.raises(MissingDependencyError, match="pip install pillow"):
        get_data(tmp_path)


def test_points_from_files(tmp_path):
    table = tmp_path / "shop.csv"
    table.write_text("x,y,z\n" + "\n".join(f"{k},{2 * k},{k / 28}" for k in range(8)))
    data = get_data(str(table), columns=["x", "z"])
    assert (data.name, data.shape) == ("shop", (2,))
    both = np.concatenate([data.train.points, data.held_out.points])
    np.testing.assert_array_equal(both[both[:, 0].argsort()], [[k, k / 28] for k in range(8)])
    assert (len(data.train), len(data.held_out)) == (6, 2)
    weighted = get_data(table, weights="z")
    np.testing.assert_array_equal(weighted.train.raw_weights, weighted.train.points[:, 0] / 28)
    np.save(tmp_path / "points.npy", both)
    assert get_data(tmp_path / "points.npy").shape == (2,)
    with pytest.raises(InvalidValueError, match="std must be left out"):
        get_data(table, std=1)


def test_images_from_arrays_and_numpy_files(tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (8, 5, 4)).astype(np.uint8)
    np.save(tmp_path / "grey.npy", grey)
    np.savez(tmp_path / "more.npz", small=grey / 255, other=grey)
    for data in (get_data(tmp_path / "grey.npy"), get_data(str(tmp_path / "more.npz"), array="small")):
        assert data.shape == (1, 5, 4)
        both = np.concatenate([data.train.points, data.held_out.points])
        assert {row.tobytes() for row in both} == {row.tobytes() for row in (grey / 255).reshape(8, 20)}
    assert get_data(grey[:, None]).shape == (1, 5, 4)
    assert get_data(grey.reshape(8, 20) / 255, shape=(1, 5, 4)).is_image
    with pytest.raises(InvalidValueError, match=r"hold numbers in \[0, 1\], or unsigned bytes, got numbers in \[0, 2"):
        get_data(grey[:, None].astype(float))
    with pytest.raises(InvalidShapeError, match="shape must have a product of 20"):
        get_data(grey.reshape(8, 20) / 255, shape=(1, 5, 5))
    with pytest.raises(FileFormatError, match="hold one array of points, got small, other"):
        get_data(tmp_path / "more.npz")


def _save(path, values):
    Image.fromarray(values.astype(np.uint8)).save(path)


def test_a_folder_of_images(tmp_path):
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (6, 3, 5, 3))
    for k, image in enumerate(pixels):
        _save(tmp_path / f"{k}.png", image)
    (tmp_path / "notes.txt").write_text("not an image")
    data = get_data(str(tmp_path))
    assert (data.name, data.shape) == (tmp_path.name, (3, 3, 5))
    both = np.concatenate([data.train.points, data.held_out.points])
    truth = (pixels / 255).transpose(0, 3, 1, 2).reshape(6, -1)
    assert {row.tobytes() for row in both} == {row.tobytes() for row in truth}


def test_grey_jpegs(tmp_path):
    for k in range(4):
        _save(tmp_path / f"{k}.JPG", np.full((8, 8), 60 * k))
    data = get_data(tmp_path)
    assert data.shape == (1, 8, 8)
    both = np.sort(np.concatenate([data.train.points, data.held_out.points]).mean(1))
    np.testing.assert_allclose(both, np.arange(4) * 60 / 255, atol=2 / 255)


def test_images_that_are_not_alike(tmp_path):
    _save(tmp_path / "a.png", np.zeros((4, 4)))
    _save(tmp_path / "b.png", np.zeros((4, 6)))
    with pytest.raises(
        FileFormatError, match=r"b\.png must have the shape of a\.png, 4 × 4 in grey, got 6 × 4 in grey"
    ):
        get_data(tmp_path)
    _save(tmp_path / "b.png", np.zeros((4, 4, 3)))
    with pytest.raises(FileFormatError, match="got 4 × 4 in RGB; bring all images to one size and one kind"):
        get_data(tmp_path)
    _save(tmp_path / "b.png", np.zeros((4, 4, 4)))
    with pytest.raises(FileFormatError, match="be an image in grey or RGB of 8 bits, got mode RGBA"):
        get_data(tmp_path)


def _chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(width, height):
    """A PNG whose header promises so many pixels, and which holds none of them."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b"")) + _chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [3000, 12_000, 60_000])
def test_bombs_are_refused_by_their_header(side, tmp_path):
    (tmp_path / "bomb.png").write_bytes(_png(side, side))  # Pillow itself warns of the second and refuses the third
    with pytest.raises(FileFormatError, match=r"bomb\.png must have at most 4194304 pixels"):
        get_data(tmp_path)


def test_too_many_images_are_refused_before_any_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MAX_NUMBERS", 40)
    for k in range(3):
        (tmp_path / f"{k}.png").write_bytes(_png(4, 4))
    with pytest.raises(MemoryLimitError, match="at most 40 numbers together, got 48"):
        get_data(tmp_path)


def test_damaged_and_disguised_files(tmp_path):
    (tmp_path / "a.png").write_bytes(_png(4, 4))
    with pytest.raises(FileFormatError, match=r"a\.png must be a sound PNG or JPEG file"):
        get_data(tmp_path)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png", format="GIF")
    with pytest.raises(FileFormatError, match="sound PNG or JPEG file, got UnidentifiedImageError"):
        get_data(tmp_path)


def test_rgb_of_16_bits_is_not_cut_to_8(tmp_path):
    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    body = zlib.compress(b"\0" + struct.pack(">3H", 1, 2, 3))
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")
    )
    with pytest.raises(FileFormatError, match="grey or RGB of 8 bits, got mode RGB of 16 bits"):
        get_data(tmp_path)


def test_what_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    _save(tmp_path / "a.png", np.zeros((4, 4)))

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(FileFormatError, match=r"a\.png must be readable, got Permission denied; check the path"):
        get_data(tmp_path)
    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)
    with pytest.raises(FileFormatError, match="must be readable, got Permission denied"):
        get_data(tmp_path)


def test_names_of_files_cannot_write_to_a_terminal(tmp_path):
    (tmp_path / "a\n\x1b[31m.png").write_bytes(b"no image")
    with pytest.raises(FileFormatError) as caught:
        get_data(tmp_path)
    assert str(caught.value).isprintable()


def test_unsigned_bytes_wherever_they_come_from(tmp_path):
    grey = np.random.default_rng(2).integers(0, 256, (8, 20)).astype(np.uint8)
    np.save(tmp_path / "flat.npy", grey)
    images = torch.from_numpy(grey).reshape(8, 1, 5, 4)
    truth = get_data(grey, shape=(1, 5, 4)).train.points
    for values, shape in ((tmp_path / "flat.npy", (1, 5, 4)), (torch.from_numpy(grey), (1, 5, 4)), (images, None)):
        np.testing.assert_array_equal(get_data(values, shape=shape).train.points, truth)
    assert get_data(tmp_path / "flat.npy").train.points.max() > 1  # points, in a unit of their own
    ones = get_data(torch.from_numpy(grey.reshape(8, 1, 5, 4) // 128))  # bytes, though they lie in [0, 1]
    assert ones.train.points.max() == 1 / 255


def test_shapes_that_fit_nothing():
    flat = np.zeros((8, 20))
    for shape in ((5, 4), 20, "1x5x4"):
        with pytest.raises(InvalidShapeError, match=r"shape must be \(d,\) or \(c, h, w\)"):
            get_data(flat, shape=shape)
    for known in ("moons", "digits", get_data("moons")):
        with pytest.raises(InvalidValueError, match="shape must be left out for such data"):
            get_data(known, shape=(1, 1, 2))
    with pytest.raises(InvalidShapeError, match=r"which ends in the channels; put the channels before"):
        get_data(np.zeros((8, 5, 4, 3)))
    with pytest.raises(InvalidShapeError, match=r"data must have at least 3 points, .* got 2; give more"):
        get_data([[0.0, 1.0], [2.0, 3.0]])
    with pytest.raises(InvalidValueError, match=r"data must have points with mass to train on, .* got too few of 4;"):
        get_data(DiscreteMeasure([[0.0], [1.0], [2.0], [3.0]], [1.0, 0.0, 0.0, 0.0]))


def test_what_is_not_there(tmp_path):
    with pytest.raises(InvalidValueError, match=r"data must be one of 8gaussians, .*digits, a file or a folder"):
        get_data("9gaussians")
    with pytest.raises(InvalidValueError, match="a file or a folder, got 'aaa"):
        get_data("a" * 300)
    with pytest.raises(FileFormatError, match=r"must be .*(File name too long|no such file)"):
        get_data("a" * 300 + ".csv")
    with pytest.raises(FileFormatError, match=r"no such file|embedded null"):
        get_data("a\0.npy")
    (tmp_path / "loop.npy").symlink_to(tmp_path / "loop.npy")
    with pytest.raises(FileFormatError, match="no such file"):
        get_data(tmp_path / "loop.npy")
    with pytest.raises(FileFormatError, match="be a file, got no such file"):
        get_data(str(tmp_path / "gone.csv"))
    with pytest.raises(FileFormatError, match=r"hold files that end in \.png, \.jpg, \.jpeg, got none"):
        get_data(tmp_path)


class Halves:
    """A classifier of two classes, by the ink in the upper half."""

    def features(self, points):
        return points[:, ::8]

    def probabilities(self, points):
        upper = (points[:, :32].sum(1) / points.sum(1))[:, None]
        return np.concatenate([upper, 1 - upper], axis=1)


def test_evaluate_compares_with_points_held_out():
    data = get_data("digits")
    copied = evaluate(data.train, data, classifier=Halves(), n=60, diameter=8.0)
    assert copied.n == 60
    assert copied.nearest.ratio == 0  # a generator that has learnt its training points by heart
    assert copied.nearest.share_close == 1
    assert copied.generated.frechet.dim == 8
    assert copied.generated.classes.classes == 2
    assert copied.population.upper > copied.w1
    fresh = evaluate(data.held_out, data, n=60)
    assert fresh.nearest.ratio > 0.8
    with pytest.raises(InvalidTypeError, match="data must be a Data, got str; call get_data first"):
        evaluate(data.train, "digits")
    with pytest.raises(InvalidTypeError, match=r"classifier must have a method features\(points\), got int"):
        evaluate(data.train, data, classifier=3, n=20)


def test_evaluate_of_a_law():
    data = get_data("8gaussians")
    found = evaluate(data.train, data, n=100)
    assert found.generated.modes.n_modes == 8
    assert found.nearest is None


def test_points_with_weights_are_judged_as_the_law_that_they_stand_for():
    """Uniform points weighted by x² stand for the law of density 3 x², whose draws are the cube roots of u."""
    rng = np.random.default_rng(1)
    points = rng.random((3000, 2))
    weights = np.where(points[:, 1] < 0.9, points[:, 0] ** 2, 0.0)
    data = get_data(DiscreteMeasure(points, weights / weights.sum()))

    def law(n, rng):
        u = rng.random((n, 2))
        return np.stack([np.cbrt(u[:, 0]), 0.9 * u[:, 1]], axis=1)

    right, wrong = evaluate(as_measure("right", law), data), evaluate(empirical(points), data)
    assert right.p_value > 0.1
    assert right.w1 < wrong.w1
    assert wrong.p_value == 0.005  # the smallest that there is
    # A share E[w] / max w = 0.9 / 3 of 750 held-out points stays, up to the standard error of its binomial number.
    assert abs(right.n - 0.3 * 750) < 4 * np.sqrt(750 * 0.3 * 0.7)
    assert right.nearest.sizes[1] < 2250  # points without mass were not trained on
    assert evaluate(as_measure("right", law), data) == right


def test_points_of_equal_weight_are_all_judged_on():
    points = np.random.default_rng(0).random((80, 2))
    with_weights = get_data(DiscreteMeasure(points, np.full(80, 1 / 80)))
    assert evaluate(empirical(points), with_weights) == evaluate(empirical(points), get_data(points))
    assert evaluate(empirical(points), with_weights).n == 20
