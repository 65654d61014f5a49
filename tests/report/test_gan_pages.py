"""Pages of trainings and of comparisons: whole, alone, escaped, and with the numbers that were found."""

from __future__ import annotations

import base64
import dataclasses
import html
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from otgan.errors import FileFormatError, InvalidShapeError
from otgan.gan import Frames, compare_runs, get_data, judge_run, open_run, read_frames, train_gan
from otgan.gan.snapshots import Snapshots
from otgan.quality import Extractor
from otgan.report import comparison_page, gan_write
from otgan.report.comparison import as_comparison
from otgan.report.comparison_page import as_comparison_html, write_comparison
from otgan.report.gan import gan_quantities
from otgan.report.gan_write import FILES, MOVIES, real_points, write_gan_report
from otgan.report.markdown import escape
from tests.report.pages import check_alone

HOSTILE = "<script>alert('x')</script> & \"quotes\" {{ 7*7 }}"
FOLDERS = ("<script>alert(1)<i>", "b&amp;")
SMALL = {"hidden": (4,), "steps": 7, "batch_size": 8, "n_samples": 20, "every": 1, "threads": 1, "net": "mlp"}


@pytest.fixture(scope="module")
def points():
    return dataclasses.replace(get_data("8gaussians"), name=HOSTILE)


@pytest.fixture(scope="module")
def runs(tmp_path_factory, points):
    folder = tmp_path_factory.mktemp("runs")
    for seed, name in enumerate(FOLDERS):
        (folder / name).mkdir()
        snapshots = Snapshots(folder / name / "snapshots.npz", every=3, n_samples=20)
        train_gan(points, **SMALL, seed=seed, folder=folder / name, callbacks=[snapshots])
    return [open_run(folder / name) for name in FOLDERS]


@pytest.fixture(scope="module")
def written(runs, points):
    """A training's report with all that there is, to be read and not to be changed."""
    judged, frames = judge_run(runs[0], points, n=40), read_frames(runs[0].folder / "snapshots.npz")
    content = write_gan_report(judged, points, frames=frames, command=HOSTILE)
    return judged, content, runs[0].folder


@pytest.fixture
def _undrawn(monkeypatch):
    """For tests of words, and not of what is in the pictures."""
    monkeypatch.setattr(gan_write, "save_png", lambda figure, path: Path(path).write_bytes(b"pixels"))
    for module in (gan_write, comparison_page):
        monkeypatch.setattr(module, "as_svg", lambda figure: b"<svg></svg>")


def of(page, name):
    """The bytes of the picture that stands in the figure of this name."""
    ids = [attrs.get("id") for attrs in page.all("figure")]
    return base64.b64decode(page.all("img")[ids.index(name)]["src"].split(",")[1], validate=True)


def test_a_training_leaves_a_page_that_needs_nothing_else(written):
    _, _, folder = written
    page = check_alone((folder / "report.html").read_text(encoding="utf-8"), pictures=3)
    assert of(page, "movie") == (folder / "movie.gif").read_bytes()
    with Image.open(io.BytesIO(of(page, "movie"))) as movie:
        assert movie.n_frames == len(read_frames(folder / "snapshots.npz").steps) == 3
    for name in ("samples", "curves"):
        assert b"<svg" in of(page, name)[:1000]
    assert {*FILES, *MOVIES} <= {path.name for path in folder.iterdir()}
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_the_numbers_of_the_page_are_those_of_the_json(written):
    judged, content, folder = written
    assert json.loads((folder / "report.json").read_text()) == content
    found = content["numbers"]
    assert found == judged.numbers
    text = (folder / "report.html").read_text(encoding="utf-8")
    page = check_alone(text, pictures=3)
    value, real, kind, meaning = page.row("Exact W1 to held-out points")
    assert (value, real, kind) == (f"{found['w1']:.4g}", f"{found['noise_floor']:.4g}", "proven")
    assert meaning.startswith(f"{found['w1_lower']:.17g} ≤ W1 ≤ {found['w1_upper']:.17g}, proven")
    for name, key in (("Sliced W1", "sliced_w1"), ("Mode KL", "mode_kl"), ("Precision", "precision")):
        expected = [f"{found[prefix + key]:.4g}" for prefix in ("", "real_")]
        assert page.row(name)[:3] == [*expected, "measured"]
    assert page.row("Modes covered")[0] == f"{found['modes_covered']:.0f} / 8"
    for name, value in {**content["settings"], **content["versions"]}.items():
        shown = value if isinstance(value, str) else json.dumps(value)
        assert page.row(name) == [shown]
        assert f"| {escape(name)} | {escape(shown)} |" in (folder / "report.md").read_text(encoding="utf-8")
    # The headline stands before any picture, the distance beside the floor, and below them the whole bracket.
    head = html.unescape(text[: text.index("<img")])
    assert f"are {found['w1']:.4g} apart; two real samples of this size are {found['noise_floor']:.4g} apart" in head
    assert f"<li>{meaning.split(';')[0]}.</li>" in head


def test_all_that_is_measured_in_features_says_whose(written):
    judged, _, _ = written
    features = ("precision", "recall", "density", "coverage", "frechet", "class_score", "classes_found")
    numbers = {**judged.numbers, **dict.fromkeys([*features, *(f"real_{key}" for key in features)], 0.5)}
    seen = dataclasses.replace(judged, numbers=numbers, extractor=Extractor("a network"))
    told = {q.name for q in gan_quantities(seen) if q.meaning.endswith("Looked at through a network.")}
    assert told == {
        "Precision", "Recall", "Density", "Coverage", "Fréchet distance of features", "Class score", "Classes found",
    }  # fmt: skip
    assert not [q for q in gan_quantities(judged) if "Looked at" in q.meaning]


def test_long_settings_and_many_runs_fit_the_page(written):
    """A hash of 64 letters breaks, and columns of numbers leave room for what they mean."""
    text = (written[2] / "report.html").read_text(encoding="utf-8")
    assert (
        max(len(word) for word in " ".join(cell for row in check_alone(text, pictures=3).rows for cell in row).split())
        >= 64
    )
    assert re.search(r"^\.settings td \{ overflow-wrap: anywhere; \}$", text, re.M)
    assert re.search(r"^table\.numbers td:last-child \{ min-width: 16rem; \}$", text, re.M)


@pytest.mark.usefixtures("_undrawn")
def test_what_was_typed_is_escaped_and_shown_as_it_was_typed(written, runs, points):
    text = (written[2] / "report.html").read_text(encoding="utf-8")
    # Title, heading, data, caption and command.
    assert text.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &#34;quotes&#34; {{ 7*7 }}") >= 5
    compared = compare_runs(runs, points, n=30)
    text = as_comparison_html(compared, points, real_points(points, 30, 0), command=HOSTILE)
    page = check_alone(text, pictures=2)
    assert page.row("folder") == [str(run.folder) for run in runs]
    assert "&lt;script&gt;alert(1)&lt;i&gt;" in text


@pytest.mark.usefixtures("_undrawn")
def test_a_page_without_a_movie_a_command_and_modes(tmp_path):
    data = get_data(np.random.default_rng(0).normal(size=(40, 3)))
    train_gan(data, **SMALL, monitor=False, folder=tmp_path)
    write_gan_report(judge_run(open_run(tmp_path), data, n=10), data)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = check_alone(text, pictures=2)
    assert not [row for row in page.rows if row[0].startswith("Modes")]
    assert "Again" not in text
    assert not any((tmp_path / name).exists() for name in MOVIES)


@pytest.mark.usefixtures("_undrawn")
def test_a_training_of_images_shows_them(tmp_path):
    images = np.random.default_rng(0).random((40, 3, 4, 5))
    data = get_data(images)
    train_gan(data, **SMALL, monitor=False, folder=tmp_path, callbacks=[Snapshots(tmp_path / "s.npz", n_samples=4)])
    judged, frames = judge_run(open_run(tmp_path), data, n=10), read_frames(tmp_path / "s.npz")
    write_gan_report(judged, data, frames=frames)
    page = check_alone((tmp_path / "report.html").read_text(encoding="utf-8"), pictures=3)
    assert of(page, "movie") == (tmp_path / "movie.gif").read_bytes()
    assert page.all("img")[2]["class"] == "movie pixels"
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InvalidShapeError, match=r"shape must be \(c, h, w\) of images of 59 numbers"):
        write_gan_report(judged, data, frames=Frames((1,), np.zeros((1, 4, 59))))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.usefixtures("_undrawn")
@pytest.mark.parametrize("where", ["as_gan_html", "as_gan_markdown", "save_png", "_draw_movies"])
def test_an_interruption_leaves_an_earlier_report_as_it_was(written, points, monkeypatch, where):
    judged, _, folder = written
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    if where != "_draw_movies":
        monkeypatch.setattr(gan_write, "save_movie", lambda frames, real, path: Path(path).write_bytes(b"GIF89a"))
    monkeypatch.setattr(gan_write, where, interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_gan_report(judged, points, seed=1, frames=read_frames(folder / "snapshots.npz"))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_comparison_has_the_numbers_of_the_json_side_by_side(runs, points, tmp_path):
    compared = compare_runs(runs, points, n=30, seed=2)
    path = write_comparison(compared, points, tmp_path / "both.png", seed=2, n=30, command="otgan compare a b")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["both.html", "both.png"]
    assert path == tmp_path / "both.html"
    assert (tmp_path / "both.png").read_bytes().startswith(b"\x89PNG")
    text = path.read_text(encoding="utf-8")
    page = check_alone(text, pictures=2)
    rows = as_comparison(compared, points, seed=2)["runs"]
    numbers = [row["numbers"] for row in rows]
    assert page.row("Number")[:3] == ["A: wgan-gp, seed 0", "B: wgan-gp, seed 1", "Real again"]
    *values, floor, kind, _ = page.row("Exact W1 to held-out points")
    brackets = [f"{of_run['w1_lower']:.17g} … {of_run['w1_upper']:.17g}" for of_run in numbers]
    assert values == [f"{of_run['w1']:.4g}{bracket}" for of_run, bracket in zip(numbers, brackets, strict=True)]
    assert (floor, kind) == (f"{numbers[0]['noise_floor']:.4g}", "proven")
    for name, key in (("Sliced W1", "sliced_w1"), ("Recall", "recall")):
        expected = [f"{of_run[key]:.4g}" for of_run in numbers] + [f"{numbers[0]['real_' + key]:.4g}"]
        assert page.row(name)[:3] == expected
    correlations = [f"{row['rank_correlation']:+.2f}".replace("-", "−") for row in rows]
    assert page.row("Own loss ranks with W1")[:2] == correlations
    nearest = min(rows, key=lambda row: row["numbers"]["w1"])
    assert f"{nearest['letter']}: wgan-gp is nearest, {nearest['numbers']['w1']:.4g} from" in html.unescape(text)
    assert page.row("penalty_weight") == ["null", "null"]
    assert "<code>otgan compare a b</code>" in text


@pytest.mark.usefixtures("_undrawn")
def test_runs_of_different_methods_stand_side_by_side(runs, points, tmp_path):
    train_gan(points, **SMALL, method="flow-matching", monitor=False, folder=tmp_path / "flow")
    compared = compare_runs([runs[0], open_run(tmp_path / "flow")], points, n=20)
    page = check_alone(as_comparison_html(compared, points, real_points(points, 20, 0)), pictures=2)
    assert page.row("solver") == ["–", "midpoint"]
    assert page.row("Own loss ranks with W1")[1] == "–"  # nobody looked at the distance


@pytest.mark.usefixtures("_undrawn")
def test_a_comparison_that_cannot_be_written_is_one_line(runs, points, tmp_path):
    compared = compare_runs(runs, points, n=20)
    with pytest.raises(FileFormatError, match=r"absent/a\.png: cannot be written"):
        write_comparison(compared, points, tmp_path / "absent" / "a.png", n=20)
