from __future__ import annotations

import dataclasses
import io

import matplotlib
import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from otgan.errors import FileFormatError, InvalidShapeError, InvalidValueError
from otgan.gan import Frames, compare_runs, get_data, open_run, train_gan
from otgan.plots import (
    compared_curves_figure,
    compared_samples_figure,
    comparison_figure,
    gan_curves_figure,
    images_figure,
    samples_figure,
    save_movie,
    save_png,
    strip_figure,
)
from otgan.plots.compare import letter
from otgan.plots.samples import visible

RNG = np.random.default_rng(0)
POINTS, REAL = RNG.normal(size=(30, 2)), RNG.normal(size=(40, 2)) + 1


def texts(figure):
    return " | ".join(text.get_text() for text in figure.findobj(Text))


def lines(ax):
    return {line.get_label(): line.get_xydata() for line in ax.lines}


def drawn(figure):
    before = dict(matplotlib.rcParams)
    file = io.BytesIO()
    save_png(figure, file)
    assert dict(matplotlib.rcParams) == before
    return file.getvalue()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    small = {"hidden": (4,), "steps": 4, "batch_size": 8, "n_samples": 20, "every": 1, "threads": 1}
    for name, seed, monitor in (("a$_b$", 0, True), ("unwatched", 1, False)):
        train_gan("8gaussians", **small, seed=seed, monitor=monitor, folder=folder / name)
    return [open_run(folder / name) for name in ("a$_b$", "unwatched")]


def test_points_lie_where_they_are_and_what_is_far_away_at_the_edge():
    far = np.concatenate([POINTS, [[1e6, -1e6]]])
    figure = samples_figure(far, REAL, modes=np.array([[1.0, 1.0]]))
    shown = lines(figure.axes[0])
    assert np.array_equal(shown["real"], REAL)
    inside = (np.abs(POINTS - REAL.mean(0)) < 1).all(1)
    assert np.array_equal(shown["generated"][:-1][inside], POINTS[inside])
    (low, high), (bottom, top) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
    assert low < REAL[:, 0].min() < REAL[:, 0].max() < shown["generated"][-1, 0] < high < 10
    assert bottom < shown["generated"][-1, 1] < REAL[:, 1].min() < top
    assert np.array_equal(shown["modes"], [[1.0, 1.0]])
    assert drawn(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("d", [1, 3])
def test_the_line_and_more_coordinates(d):
    figure = samples_figure(RNG.normal(size=(20, d)), RNG.normal(size=(20, d)))
    assert drawn(figure).startswith(b"\x89PNG")
    assert ("coordinate 2" in texts(figure)) == (d == 3)
    with pytest.raises(InvalidShapeError, match=r"points must be \(n, D\) with the D of the real points"):
        samples_figure(RNG.normal(size=(20, d)), REAL)


def test_one_place_is_drawn():
    assert drawn(samples_figure(np.zeros((3, 2)), np.zeros((2, 2))))
    assert drawn(samples_figure(np.zeros((3, 1)), np.zeros((2, 1))))


@pytest.mark.parametrize("channels", [1, 3])
def test_images_keep_their_pixels(channels):
    images = RNG.uniform(size=(10, channels, 4, 5))
    (ax,) = images_figure(images).axes
    sheet = np.asarray(ax.images[0].get_array())
    assert sheet.shape == (2 * 5 + 1, 8 * 6 + 1, 3)
    ninth = np.moveaxis(images[8], 0, -1)
    assert np.allclose(sheet[6:10, 1:6], np.broadcast_to(ninth, (4, 5, 3)))
    with pytest.raises(InvalidShapeError, match="images must have shape"):
        images_figure(np.zeros((3, 2, 4, 5)))


def test_curves_are_those_of_the_log(runs):
    figure = gan_curves_figure(runs[0])
    exact, own = figure.axes
    assert np.array_equal(exact.lines[0].get_xydata().T, runs[0].series("w1"))
    assert np.array_equal(own.lines[0].get_xydata().T, runs[0].series("own"))
    assert "noise floor" in texts(figure)
    assert runs[0].learnt.system.own in texts(figure)
    assert drawn(figure)
    assert "no look at the exact distance" in texts(gan_curves_figure(runs[1]))


def test_the_name_of_the_noise_floor_stands_clear_of_a_curve_that_comes_down_to_it(runs):
    log = [{"step": k, "w1": 0.1 + 0.5 * np.exp(-k / 5), "noise_floor": 0.105} for k in range(1, 41)]
    figure = gan_curves_figure(dataclasses.replace(runs[0], log=tuple(log)))
    figure.canvas.draw()
    exact = figure.axes[0]
    (name,) = (text for text in exact.texts if "noise floor" in text.get_text())
    curve = exact.transData.transform(exact.lines[0].get_xydata())
    assert not name.get_window_extent().count_contains(curve)


def test_a_comparison_names_runs_by_letters(runs):
    compared = compare_runs(runs, get_data("8gaussians"), n=30)
    figure = comparison_figure(compared, REAL)
    assert "A: wgan-gp, seed 0" in texts(figure)
    assert "B: wgan-gp, seed 1" in texts(figure)
    assert "$" not in texts(figure)
    assert drawn(figure)
    # The halves alone show what they show together.
    upper, curves = compared_samples_figure(compared, REAL), compared_curves_figure(compared)
    for one, other in zip([*upper.axes, *curves.axes], figure.axes, strict=True):
        assert one.get_title(loc="left") == other.get_title(loc="left")
        assert len(one.lines) == len(other.lines) > 0
        for line, same in zip(one.lines, other.lines, strict=True):
            assert np.array_equal(line.get_xydata(), same.get_xydata())
    assert [letter(k) for k in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_a_strip_and_a_movie(tmp_path):
    frames = Frames(tuple(range(10, 510, 10)), RNG.normal(size=(50, 20, 2)))
    strip = strip_figure(frames, REAL)
    titles = [ax.get_title(loc="left") for ax in strip.axes]
    assert (len(titles), titles[0], titles[-1]) == (6, "step 10", "step 500")
    assert drawn(strip)
    save_movie(Frames(frames.steps[:5], frames.points[:5]), REAL, tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as movie:
        assert (movie.format, movie.n_frames) == ("GIF", 5)
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]
    with pytest.raises(InvalidShapeError, match="frames must be of points in the plane, got 3 coordinates"):
        save_movie(Frames((1,), np.zeros((1, 4, 3))), np.zeros((4, 3)), tmp_path / "b.gif")
    with pytest.raises(InvalidValueError, match="frames must hold a snapshot"):
        strip_figure(Frames((), np.zeros((0, 4, 2))), REAL)
    with pytest.raises(FileFormatError, match="cannot be written"):
        save_movie(Frames((1,), np.zeros((1, 4, 2))), REAL, tmp_path / "absent" / "b.gif")


def test_a_long_movie_is_thinned_out(tmp_path, monkeypatch):
    monkeypatch.setattr("otgan.plots.movie.LONGEST", 3)
    save_movie(Frames(tuple(range(1, 8)), RNG.normal(size=(7, 20, 2))), REAL, tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as movie:
        assert movie.n_frames == 3


def test_images_of_any_number_of_channels_can_be_shown():
    images = np.random.default_rng(0).random((5, 2, 4, 4))
    np.testing.assert_allclose(visible(images)[:, 0], (images[:, 0] + images[:, 1]) / 2)
    assert images_figure(visible(images)).axes
    assert visible(images[:, :1]).shape == (5, 1, 4, 4)
