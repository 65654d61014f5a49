"""`otgan compare`: runs of the same data side by side, others refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from otgan.cli.data import Source, note_source
from otgan.cli.main import main
from otgan.gan import evaluate, get_data, open_run, train_gan
from tests.report.pages import check_alone

SMALL = {"hidden": (4,), "steps": 5, "batch_size": 8, "n_samples": 20, "every": 1, "threads": 1}
RUNS = {"a": ("8gaussians", 0), "b": ("8gaussians", 1), "moons": ("moons", 0)}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name, (data, seed) in RUNS.items():
        train_gan(data, **SMALL, seed=seed, folder=folder / name)
        note_source(folder / name, Source(data))
    return folder


@pytest.fixture
def run(capsys, tmp_path, monkeypatch, trained):
    monkeypatch.chdir(tmp_path)
    for name in RUNS:
        shutil.copytree(trained / name, name)

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["compare", *map(str, arguments)])
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return call


def test_a_table_and_a_picture(run):
    code, out, err = run("a", "b", "--samples", 40)
    assert (code, err) == (0, "")
    for words in (
        "A: wgan-gp  ",
        "A: a, seed 0, step 5\n",
        "B: b, seed 1, step 5\n",
        "real again",
        "exact W1",
        "ranks",
        "/8",
    ):
        assert words in out
    assert max(map(len, out.splitlines())) <= 80
    assert Path("compare.png").read_bytes().startswith(b"\x89PNG")
    assert "Page: compare.html, picture: compare.png\n" in out
    check_alone(Path("compare.html").read_text(), pictures=2)
    assert "<code>otgan compare a b --samples 40</code>" in Path("compare.html").read_text()


def test_json_has_the_numbers_of_the_library(run, monkeypatch):
    monkeypatch.setattr("otgan.report.comparison_page.save_png", lambda figure, file: None)
    monkeypatch.setattr("otgan.report.comparison_page.as_svg", lambda figure: b"<svg></svg>")
    code, out, _ = run("b", "a", "--samples", 40, "--seed", 5, "--json")
    content = json.loads(out)
    assert code == 0
    assert [(row["letter"], row["folder"], row["seed"]) for row in content["runs"]] == [("A", "b", 1), ("B", "a", 0)]
    for row in content["runs"]:
        known = evaluate(open_run(row["folder"]).learnt, get_data("8gaussians"), n=40, seed=5)
        assert row["numbers"] == known.numbers
        assert -1 <= row["rank_correlation"] <= 1


OTHER = "runs must be of the same data"
BAD = [
    (["a", "moons"], f"{OTHER}, 8gaussians, got moons, which was trained on other data (moons)"),
    (["a", "b", "--data", "moons"], f"{OTHER}, moons, got a, which was trained on other data (8gaussians)"),
    (["a", "b", "--data", "8gaussians", "--std", "0.05"], f"{OTHER}, 8gaussians-std0.05"),
    (["a"], "RUN must be two or more folders, got 1"),
    (["a", "absent"], "absent must be the folder of a training"),
    (["a", "b", "--std", "0.05"], "--std and --columns must come with --data"),
    (["a", "b", "--samples", "1"], "--samples must be at least 2"),
    (["a", "b", "--samples", "40", "--figure", "nowhere/a.png"], "nowhere/a.png"),
    (["a", "b", "--figure", "a.html"], "--figure must name a picture, which the page stands beside, got 'a.html'"),
    (["a", "b", "--figure", "."], "--figure must name a picture"),
    (["a", "b", "--samples", "5"], "n must be more than k = 5 points, got 5"),
    ([], "Missing argument"),
]


@pytest.mark.parametrize("figure", ["nowhere/a.png", "folder.png", "beside.png"])
def test_where_nothing_can_be_written_nothing_is_judged(run, monkeypatch, figure):
    monkeypatch.setattr("otgan.gan.compare_runs", lambda *args, **kwargs: pytest.fail("judged"))
    for name in ("folder.png", "beside.html"):
        Path(name).mkdir()
    before = sorted(Path().iterdir())
    code, out, err = run("a", "b", "--figure", figure)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "cannot be written" in err
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "message"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_bad_input_is_one_line_and_code_2(run, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err


NOTES = {
    "missing": (None, "does not say which data it was trained on; pass --data"),
    "text": (b"no JSON", "data.json"),
    "another kind": (b'{"data": 3, "std": null, "columns": null}', "data.json"),
    "more": (b'{"data": "a", "std": null, "columns": null, "evil": 1}', "data.json"),
    "large": (b" " * 2**17, "data.json"),
    "other data": (b'{"data": "moons", "std": null, "columns": null}', "runs must be of the same data, moons"),
    "a null byte": (b'{"data": "a\\u0000.npy", "std": null, "columns": null}', "data.json"),
    "half a character": (b'{"data": "\\ud800.npy", "std": null, "columns": null}', "data.json"),
    "what has moved": (b'{"data": "/absent/points.csv", "std": null, "columns": null}', "/absent/points.csv"),
}


@pytest.mark.parametrize(("note", "message"), NOTES.values(), ids=NOTES.keys())
def test_hostile_notes_of_the_data(run, note, message):
    Path("a/data.json").unlink()
    if note is not None:
        Path("a/data.json").write_bytes(note)
    code, out, err = run("a", "b", "--samples", "40")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err
