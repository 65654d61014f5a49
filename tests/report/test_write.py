import dataclasses
import errno
import html
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from otgan.errors import FileFormatError
from otgan.plots import bounds_figure
from otgan.report import check_folder, write, write_report
from tests.plots.reports import HISTORY, WRITTEN, degenerate, report, zero
from tests.report.pages import Page, check_alone

HOSTILE = "<script>alert('x')</script> & \"quotes\" | $x$ {{ 7*7 }} \udcff"


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def strict(path: Path):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


@pytest.fixture
def one_figure(monkeypatch):
    """For tests that are not about figures, most of whose time would go into drawing them."""
    monkeypatch.setattr(write, "validation_figures", lambda found, history: {"bounds": bounds_figure(found)})


@pytest.fixture
def undrawn(monkeypatch):
    """For tests of which files there are, and not of what is in them."""
    monkeypatch.setattr(write, "save_png", lambda figure, path: Path(path).write_bytes(b"pixels"))
    monkeypatch.setattr(write, "as_svg", lambda figure: b"<svg></svg>")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The page of a report with all of its figures, to be read and not to be changed."""
    folder = tmp_path_factory.mktemp("whole") / "new" / "folder"
    return write_report(report(), folder, history=HISTORY, settings={"seed": 0})


def test_all_files_are_written_and_nothing_else(whole):
    page = whole
    assert page.parts[-3:] == ("new", "folder", "report.html")
    figures = ("bounds", "landscape", "transport", "alignment", "slopes", "training")
    assert set(listing(page.parent)) == {
        "report.html",
        "report.md",
        "report.json",
        *(f"figures/{name}.png" for name in figures),
    }
    assert sorted(path.name for path in page.parent.iterdir()) == ["figures", "report.html", "report.json", "report.md"]


def test_the_same_report_gives_the_same_files(whole, tmp_path):
    write_report(report(), tmp_path, history=HISTORY, settings={"seed": 0})
    assert listing(tmp_path) == listing(whole.parent)


@pytest.mark.usefixtures("one_figure")
def test_json_is_strict_and_holds_the_same_numbers(tmp_path):
    found = report(critic=zero)
    settings = {
        "seed": 3,
        "betas": (0.5, 0.9),
        "rate": np.float64(0.25),
        "limit": math.inf,
        "path": Path("a/b"),
        "none": None,
    }
    write_report(found, tmp_path, history=HISTORY, settings=settings)
    content = strict(tmp_path / "report.json")
    expected = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert {key: content[key] for key in expected} == expected
    assert content["truth"]["distance"] == found.truth.distance
    assert content["slopes"]["upper"] is None
    assert content["settings"] == {
        "seed": 3,
        "betas": [0.5, 0.9],
        "rate": 0.25,
        "limit": None,
        "path": "a/b",
        "none": None,
    }
    assert content["history"] == {"recorded": 8, "first": HISTORY[0], "last": HISTORY[-1]}
    assert set(content["versions"]) >= {"otgan", "python", "numpy", "torch"}


def test_the_page_needs_nothing_else(whole):
    page = check_alone(whole.read_text(encoding="utf-8"), pictures=6)
    assert all(image["src"].startswith("data:image/svg+xml;base64,") for image in page.all("img"))


def test_the_page_says_the_verdict_first_and_every_number(whole):
    found = report()
    text = html.unescape(whole.read_text(encoding="utf-8"))
    assert text.index(found.verdict.headline) < text.index("<img")
    assert all(reason in text for reason in found.verdict.reasons)
    for value in (
        found.estimate.value,
        found.truth.distance,
        found.lower_bounds.by_c_transform,
        found.noise_floor.source,
        found.noise_floor.target,
        found.slopes.lower,
        found.alignment.mean,
    ):
        assert f"{value:.4g}" in text
    assert f'<section class="verdict {found.verdict.level}"' in text
    scopes = [attrs.get("scope") for attrs in Page(text).all("th")]
    assert set(scopes) == {"col", "row"}


@pytest.mark.usefixtures("one_figure")
@pytest.mark.parametrize("level", ["accurate", "rough", "wrong", "undecided"])
def test_each_level_is_told_by_a_word(tmp_path, level):
    found = report()
    found = dataclasses.replace(found, verdict=dataclasses.replace(found.verdict, level=level))
    text = write_report(found, tmp_path).read_text(encoding="utf-8")
    assert re.search(rf"</span> {level.capitalize()}</p>", text)


@pytest.mark.usefixtures("one_figure")
def test_what_was_typed_is_escaped_everywhere(tmp_path):
    found = dataclasses.replace(report(name=HOSTILE), source=HOSTILE, target=HOSTILE)
    path = write_report(found, tmp_path, settings={HOSTILE: HOSTILE}, title=HOSTILE)
    text = path.read_text(encoding="utf-8")
    assert not Page(text).all("script")
    assert "&lt;script&gt;" in text
    assert "{{ 7*7 }}" in text
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "<script>" not in markdown
    rows = [line for line in markdown.splitlines() if "7" in line and line.startswith("|")]
    assert rows
    assert all(len(re.findall(r"(?<!\\)\|", row)) in (3, 6) for row in rows)
    assert strict(tmp_path / "report.json")["critic"] == HOSTILE


@pytest.mark.usefixtures("undrawn")
def test_markdown_links_the_figures_that_exist(tmp_path):
    found = report(3)
    write_report(found, tmp_path)
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\((figures/\w+\.png)\)", markdown)
    assert sorted(links) == sorted(name for name in listing(tmp_path) if name.startswith("figures/"))
    assert f"{found.truth.distance:.4g}" in markdown


@pytest.mark.parametrize("name", WRITTEN)
def test_degenerate_reports_are_written(tmp_path, name):
    found = degenerate()[name]
    text = write_report(found, tmp_path).read_text(encoding="utf-8")
    assert found.verdict.headline in html.unescape(text)
    strict(tmp_path / "report.json")
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"data:[^\"]*", "", text))


@pytest.mark.usefixtures("one_figure")
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("where", ["save_png", "as_markdown", "as_html", "plain"])
def test_an_interruption_leaves_an_earlier_report_as_it_was(tmp_path, monkeypatch, error, where):
    write_report(report(), tmp_path)
    before = listing(tmp_path)

    def interrupt(*args, **kwargs):
        raise error

    monkeypatch.setattr(write, where, interrupt)
    with pytest.raises(error):
        write_report(report(3), tmp_path)
    assert listing(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figures", "report.html", "report.json", "report.md"]


def test_an_interruption_in_an_empty_folder_leaves_it_empty(tmp_path, monkeypatch):
    calls = []

    def second_call_fails(figure, path):
        calls.append(path)
        Path(path).write_bytes(b"half")
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(write, "save_png", second_call_fails)
    with pytest.raises(KeyboardInterrupt):
        write_report(report(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("one_figure")
def test_the_page_is_moved_last(tmp_path, monkeypatch):
    moved = []
    replace = write.os.replace
    monkeypatch.setattr(write.os, "replace", lambda old, new: (moved.append(Path(new).name), replace(old, new)))
    write_report(report(), tmp_path)
    assert moved[-3:] == ["report.json", "report.md", "report.html"]


@pytest.mark.usefixtures("undrawn")
def test_figures_of_an_earlier_report_go_and_other_files_stay(tmp_path):
    write_report(report(2), tmp_path, history=HISTORY)
    (tmp_path / "figures" / "mine.png").write_bytes(b"mine")
    write_report(report(3), tmp_path)
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == {"bounds.png", "transport.png", "alignment.png", "slopes.png", "mine.png"}


def test_check_folder_makes_the_folder_and_leaves_it_empty(tmp_path):
    assert check_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(FileFormatError, match=r"file.*: no report can be written there \(.*\); choose a folder"):
            check_folder(path)
        with pytest.raises(FileFormatError):
            write_report(report(), path)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", ["report.html", "report.json", "report.md"])
def test_a_folder_where_a_file_should_be(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(FileFormatError, match="is a folder where a file must be; choose another folder"):
        check_folder(tmp_path)


def test_a_file_where_the_figures_should_be(tmp_path):
    (tmp_path / "figures").write_text("mine")
    with pytest.raises(FileFormatError, match="is a file where a folder must be; choose another folder"):
        check_folder(tmp_path)


def test_a_folder_that_may_not_be_written(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(write.tempfile, "TemporaryFile", refuse)
    with pytest.raises(FileFormatError, match=r"\(Permission denied\); choose a folder of your own") as caught:
        check_folder(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("one_figure")
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(write, "save_png", full)
    with pytest.raises(FileFormatError, match="No space left on device"):
        write_report(report(), tmp_path)
    assert list(tmp_path.iterdir()) == []
