import json

import pytest

from benchmarks.critics import main, runs
from benchmarks.critics.tables import interval


def test_a_study_is_kept_resumed_and_written_up(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "HELD_OUT", 100)
    monkeypatch.setattr(runs, "laws", lambda pair: {"lower": 0.89, "upper": 0.90, "kind": "proven"})
    file = tmp_path / "critics.json"
    options = ["--only", "wgan-gp", "--pair", "8gaussians", "--seconds", "0.2", "--jobs", "1", "--out", str(file)]
    assert main([*options, "--seeds", "1"]) == 0
    (record,) = json.loads(file.read_text())["runs"]
    assert record["seen"] <= record["proven"]
    assert record["repaired"] <= record["truth"] * (1 + 1e-9)
    assert main([*options, "--seeds", "2"]) == 0
    assert json.loads(file.read_text())["runs"][0] == record
    assert [run["seed"] for run in json.loads(file.read_text())["runs"]] == [0, 1]
    assert main(["--docs", str(tmp_path), "--out", str(file)]) == 0
    page = (tmp_path / "benchmarks" / "critics.md").read_text()
    assert "| `wgan-gp` | by a penalty |" in page
    with pytest.raises(SystemExit, match="other settings"):
        main([*options, "--seconds", "9"])


def test_intervals_are_students():
    # Mean 2, standard error 1 / sqrt(3), and 4.303 of them to each side.
    assert interval([1.0, 2.0, 3.0], 3) == "2.000 ± 2.484"
    assert interval([1.5], 1, signed=True) == "+1.5"
