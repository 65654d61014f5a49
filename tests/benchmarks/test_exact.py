"""The comparison with the peers: it measures, goes on where it stopped, and says what is not exact."""

from __future__ import annotations

import json

import pytest

from benchmarks.__main__ import main
from benchmarks.exact import tables
from benchmarks.exact.cases import CASES, plan
from benchmarks.exact.child import Child
from benchmarks.exact.methods import LAZY, OURS, POT, SCIPY


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    file = tmp_path_factory.mktemp("exact") / "exact.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.exact.study.TURN", 0.01)  # calls need not be many for their times to be in order
        assert main(["exact", "--quick", "--out", str(file)]) == 0
    return file


def read(file):
    return json.loads(file.read_text(encoding="utf-8"))


def test_all_methods_are_exact_and_timed(file):
    results = read(file)
    assert {record["method"] for record in results["records"]} > {OURS, POT, LAZY, SCIPY}
    assert all(record["state"] == "done" for record in results["records"])
    assert all(record["fastest"] <= record["seconds"] <= record["slowest"] for record in results["records"])
    assert all(record["peak"] > 5e7 for record in results["records"])
    (ratios,) = [ratio for key, ratio in results["ratios"].items() if key.endswith("n = 1000")]
    assert ratios.keys() == {POT, LAZY, SCIPY}
    assert results["growth"]["eight"][OURS]["to"] == 1200


def test_a_second_run_measures_nothing(file, monkeypatch, capsys):
    before = read(file)
    monkeypatch.setattr("benchmarks.exact.study.Child", None)
    assert main(["exact", "--quick", "--out", str(file)]) == 0
    assert read(file) == before
    assert "8 Gaussians → Gaussian, n = 1000" not in capsys.readouterr().out


def test_the_page_comes_from_the_file(file, tmp_path):
    assert main(["exact", "--out", str(file), "--docs", str(tmp_path)]) == 0
    page = (tmp_path / "benchmarks" / "exact.md").read_text(encoding="utf-8")
    assert tables.peers_table(read(file)) in page
    assert "../images/exact-time.png" in page
    assert "/home" not in page
    assert 10_000 < (tmp_path / "images" / "exact-time.png").stat().st_size <= 150_000


def test_a_wrong_answer_is_told(file, tmp_path, capsys):
    results = read(file)
    next(record for record in results["records"] if record["method"] == POT)["value"] *= 1 + 1e-8
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(results), encoding="utf-8")
    assert main(["exact", "--quick", "--out", str(wrong)]) == 1
    assert "NOT EXACT: 8 Gaussians → Gaussian, n = 1000, POT emd2" in capsys.readouterr().out


def test_a_cap_stops_a_method_and_spares_it_larger_problems(file, tmp_path, monkeypatch):
    """The records of a method that was too slow at n = 500: skipped until the cap is raised."""
    results = read(file)
    results["records"] = [record for record in results["records"] if record["method"] != SCIPY]
    results["records"].append({"case": "eight", "n": 500, "method": SCIPY, "state": "over cap", "cap": 7.0, "date": ""})
    capped = tmp_path / "capped.json"
    capped.write_text(json.dumps(results), encoding="utf-8")
    monkeypatch.setattr("benchmarks.exact.study.Child", None)
    assert main(["exact", "--quick", "--cap", "7", "--out", str(capped)]) == 0
    assert tables.found(read(capped), "eight", 1000, SCIPY)["state"] == "skipped"
    assert "| > 7 (> " in tables.peers_table(read(capped))
    with pytest.raises(TypeError, match="NoneType"):  # it would be measured now
        main(["exact", "--quick", "--cap", "8", "--out", str(capped)])


def test_a_process_can_be_stopped_and_its_errors_are_told():
    child = Child("eight", 10, SCIPY)
    assert child.ready() == {"state": "ready"}
    assert child.ask(1, 0.0) == {"state": "over cap", "cap": 0.0}
    child = Child("eight-weighted", 10, POT + " that is none")
    assert child.ready() == {"state": "failed", "why": "ValueError: POT emd2 that is none is no method"}
    child.end()


def test_the_plan_has_what_it_should():
    tasks = list(plan(quick=False))
    assert {task.case for task in tasks} == set(CASES)
    assert all(SCIPY not in task.methods for task in tasks if not CASES[task.case].square)
    assert len({(task.case, task.n) for task in tasks}) == len(tasks)
    assert len(CASES["eight-uneven"].draw(100).y) == 75
