from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from otgan.errors import FileFormatError, InvalidShapeError, InvalidValueError
from otgan.gan import Frames
from otgan.plots import image_strip_figure, save_image_movie, save_png
from otgan.plots.image_movie import HEAD

RNG = np.random.default_rng(0)
#: As snapshots keep them: in 8 bits.
GREY = Frames((2, 4, 5), RNG.integers(0, 256, (3, 9, 8 * 6)) / 255)
COLOUR = Frames((1, 2), RNG.integers(0, 256, (2, 4, 3 * 5 * 4)) / 255)


def cells(picture, side, h, w):
    """The images of a sheet by plain slicing, (side², h, w, …); between them is a line of one pixel."""
    return np.stack(
        [
            picture[row * (h + 1) + 1 : (row + 1) * (h + 1), column * (w + 1) + 1 : (column + 1) * (w + 1)]
            for row in range(side)
            for column in range(side)
        ]
    )


def test_a_strip_has_the_pixels_of_the_images():
    figure = image_strip_figure(GREY, (1, 8, 6))
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["step 2", "step 4", "step 5"]
    for ax, points in zip(figure.axes, GREY.points, strict=True):
        (shown,) = ax.images
        assert shown.get_interpolation() == "nearest"
        found = cells(np.asarray(shown.get_array()), 3, 8, 6)
        assert np.array_equal(found, np.repeat(points.reshape(9, 8, 6, 1), 3, axis=3))
    file = io.BytesIO()
    save_png(figure, file)
    assert file.getvalue().startswith(b"\x89PNG")


def test_a_movie_has_the_very_greys_of_the_images_each_enlarged_to_a_square(tmp_path):
    save_image_movie(GREY, (1, 8, 6), tmp_path / "a.gif")
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]
    with Image.open(tmp_path / "a.gif") as movie:
        assert (movie.format, movie.n_frames) == ("GIF", 3)
        scale = movie.width // 22
        assert movie.size == (22 * scale, 28 * scale + HEAD)
        assert scale == 8  # the first that brings the longer side, 28 pixels, to 200 or more
        for k, points in enumerate(GREY.points):
            movie.seek(k)
            picture = np.asarray(movie.convert("L"))[HEAD:]
            small = picture[::scale, ::scale]
            assert np.array_equal(picture, np.kron(small, np.ones((scale, scale), dtype=np.uint8)))
            assert np.array_equal(cells(small, 3, 8, 6), np.round(255 * points.reshape(9, 8, 6)))


def test_the_colours_of_a_movie_come_near(tmp_path):
    save_image_movie(COLOUR, (3, 5, 4), tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as movie:
        assert movie.n_frames == 2
        movie.seek(1)
        scale = movie.width // 11
        found = cells(np.asarray(movie.convert("RGB"))[HEAD::scale, ::scale], 2, 5, 4)
    expected = 255 * np.moveaxis(COLOUR.points[1].reshape(4, 3, 5, 4), 1, -1)
    assert np.abs(found - expected).max() <= 8


def test_other_channels_are_shown_in_grey(tmp_path):
    frames = Frames((1,), np.repeat([[[0.0], [1.0]]], 2, axis=2).reshape(1, 1, 4))  # black in one channel, white in one
    save_image_movie(frames, (2, 1, 2), tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as movie:
        assert movie.convert("L").getpixel((movie.width // 2, movie.height - movie.height // 3)) in (127, 128)


def test_sizes_are_bounded(tmp_path, monkeypatch):
    noise = Frames(tuple(range(1, 41)), RNG.integers(0, 256, (40, 64, 64)) / 255)
    save_image_movie(noise, (1, 8, 8), tmp_path / "digits.gif")
    with Image.open(tmp_path / "digits.gif") as movie:
        assert movie.n_frames == 40
    assert (tmp_path / "digits.gif").stat().st_size <= 10**6  # of noise, which nothing packs
    monkeypatch.setattr("otgan.plots.image_movie.MOST_PIXELS", 10 * 73 * 73)
    save_image_movie(noise, (1, 8, 8), tmp_path / "few.gif")
    monkeypatch.setattr("otgan.plots.image_movie.MOST_PIXELS", 0)
    save_image_movie(noise, (1, 8, 8), tmp_path / "two.gif")
    for name, n in (("few", 10), ("two", 2)):
        with Image.open(tmp_path / f"{name}.gif") as movie:
            assert movie.n_frames == n


def test_what_is_no_image_is_refused(tmp_path):
    for draw in (lambda frames, shape: save_image_movie(frames, shape, tmp_path / "a.gif"), image_strip_figure):
        with pytest.raises(
            InvalidShapeError, match=r"shape must be \(c, h, w\) of images of 48 numbers, got \(1, 8, 8"
        ):
            draw(GREY, (1, 8, 8))
        with pytest.raises(InvalidShapeError, match="shape must be"):
            draw(GREY, (48,))
        with pytest.raises(InvalidValueError, match="frames must hold a snapshot"):
            draw(Frames((), np.zeros((0, 4, 48))), (1, 8, 6))
    with pytest.raises(FileFormatError, match="cannot be written"):
        save_image_movie(GREY, (1, 8, 6), tmp_path / "absent" / "a.gif")
    assert not list(tmp_path.iterdir())
