"""The entropic study: one checker for all, runs that take turns, and a file that it goes on from."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.entropic import study
from benchmarks.entropic.checker import marginal_error
from benchmarks.entropic.child import Child
from benchmarks.entropic.peers import GPU, METHODS, OURS, Problem
from benchmarks.entropic.plan import EPSILONS, TRIED, wanted
from benchmarks.entropic.study import _in_turns
from benchmarks.entropic.tables import fastest, shortcomings

POT = "POT sinkhorn"


@pytest.fixture
def only_pot(monkeypatch):
    """As if nothing else were installed, and without asking interpreters."""
    monkeypatch.setattr(study, "available", lambda python, modules: ({"ot"} & set(modules), {"POT": "0"}))


def test_a_run_is_kept_and_not_repeated_and_the_page_comes_from_it(only_pot, tmp_path, monkeypatch, capsys):
    file = tmp_path / "entropic.json"
    options = ["entropic", "--n", "40", "--epsilon", "0.05", "--method", POT, "--out", str(file)]
    assert main(options) == 0
    results = json.loads(file.read_text(encoding="utf-8"))
    (record,) = results["records"]
    assert record["state"] == "done"
    assert record["reached"]
    assert 0 < record["error"] <= 1e-5
    assert len(record["runs"]) == 3
    monkeypatch.setattr(study, "Child", None)
    assert main(options) == 0
    assert json.loads(file.read_text(encoding="utf-8")) == results
    assert "not installed, at least in part: GeomLoss, OTT-JAX, otgan" in capsys.readouterr().out
    assert main(["entropic", "--out", str(file), "--docs", str(tmp_path)]) == 0
    page = (tmp_path / "benchmarks" / "entropic.md").read_text(encoding="utf-8")
    assert "pip install numpy scipy torch POT jax ott-jax geomloss" in page
    assert f"| 40 | 0.05 | {POT} |" in page
    assert "Not measured" in page
    assert (tmp_path / "images" / "entropic-time.png").stat().st_size <= 60_000
    monkeypatch.setattr(study, "machine", lambda *packages: {"cpu": "another"})
    with pytest.raises(SystemExit, match="choose another --out"):
        main(options)


def test_the_checker_agrees_with_a_plan_written_out(monkeypatch):
    monkeypatch.setattr("benchmarks.entropic.checker.BLOCK", 15)  # three rows at a time, of seven
    rng = np.random.default_rng(0)
    x, y, f, g = rng.normal(size=(7, 2)), rng.normal(size=(5, 2)), rng.normal(size=7), rng.normal(size=5)
    a, b = rng.dirichlet(np.ones(7)), rng.dirichlet(np.ones(5))
    plan = [[a[i] * b[j] * math.exp((f[i] + g[j] - math.dist(x[i], y[j])) / 0.5) for j in range(5)] for i in range(7)]
    error = sum(abs(sum(row) - a[i]) for i, row in enumerate(plan))
    error += sum(abs(sum(row[j] for row in plan) - b[j]) for j in range(5))
    assert marginal_error(x, y, a, b, f, g, 0.5) == pytest.approx(error, rel=1e-12)
    assert marginal_error(x, y, a, b, f + np.inf, g, 0.5) == math.inf


def test_the_checker_finds_nothing_wrong_with_an_exact_plan():
    """One point on each side: the potentials with f + g = c give the plan; f + g = c + ε log 2 twice as much."""
    one, points = np.ones(1), (np.zeros((1, 2)), np.array([[3.0, 4.0]]))
    assert marginal_error(*points, one, one, np.array([2.0]), np.array([3.0]), 0.1) == 0
    twice = np.array([2.0 + 0.1 * math.log(2)])
    assert marginal_error(*points, one, one, twice, np.array([3.0]), 0.1) == pytest.approx(2)


class Scripted:
    """Stands for a process: replies that were written down."""

    def __init__(self, *replies):
        self._replies = iter(replies)

    def ready(self):
        return {"state": "ready"}

    def ask(self, cap):
        return next(self._replies)


def ran(*seconds, error=1e-6):
    return Scripted(*({"state": "done", "seconds": s, "error": error, "peak": 1, "said": {}} for s in seconds))


def test_ratios_are_to_the_two_runs_of_ours_beside_a_run():
    record = _in_turns(ran(4.0, 12.0, 25.0), ran(1.0, 3.0, 1.0, 1.0), cap=300)
    assert record["ratio"] == 6  # of 4 / 2, 12 / 2 and 25 / 1
    assert record["seconds"] == 12
    assert record["ours"]["seconds"] == 1
    slow = _in_turns(ran(31.0), ran(1.0, 1.0), cap=300)
    assert slow["runs"] == [31.0]
    capped = _in_turns(Scripted({"state": "over cap", "cap": 300}), ran(2.0, 4.0), cap=300)
    assert capped["ratio"] == 100
    assert not _in_turns(ran(1.0, 1.0, 1.0, error=2e-5), cap=300)["reached"]


def test_what_ours_misses_and_who_is_fastest_is_told():
    good, poor = (
        {"n": 40, "epsilon": 0.05, "method": name} | _in_turns(ran(*times, error=error), ran(*[1.0] * 4), cap=300)
        for name, times, error in ((POT, [8.0] * 3, 1e-6), ("OTT-JAX", [2.0] * 3, 1e-4))
    )
    results = {"records": [good, poor], "large": []}
    assert fastest(results, 40, 0.05) == good
    assert shortcomings(results) == []
    good["ours"] = _in_turns(ran(1.0, 1.0, 1.0, error=0.5), cap=300)
    results["large"] = [{"n": 50_000, "epsilon": 0.05, "reached": True, "state": "done", "peak": 1.5e9}]
    first, second = shortcomings(results)
    assert first == f"n = 40, ε = 0.05, beside {POT}: error 5e-1, not 1e-5, after 1.00 s"
    assert second == "n = 50,000, ε = 0.05: 1.50 GB of memory, not 1.00 GB"


def test_the_best_of_each_peer_goes_on_to_the_larger_size():
    assert set(wanted([], 10_000, 0.05)) == set(TRIED[0.05])
    key = {"n": 2_000, "epsilon": 0.05}
    past = [
        key | {"method": POT, "state": "done", "reached": True, "seconds": 2.0, "error": 1e-6},
        key | {"method": "POT sinkhorn_log", "state": "done", "reached": True, "seconds": 3.0, "error": 1e-6},
        key | {"method": "OTT-JAX", "state": "over cap", "cap": 300.0},
        key | {"method": "OTT-JAX, momentum 1.5", "state": "done", "reached": True, "seconds": 9.0, "error": 1e-6},
        key | {"method": "GeomLoss, scaling .9", "state": "done", "reached": False, "seconds": 1.0, "error": 0.04},
        key | {"method": "GeomLoss, scaling .99", "state": "done", "reached": False, "seconds": 9.0, "error": 0.004},
    ]
    assert wanted(past, 10_000, 0.05) == [POT, "OTT-JAX, momentum 1.5", "GeomLoss, scaling .99"]


def test_every_setting_that_is_tried_exists_and_every_one_that_exists_is_tried():
    assert set(TRIED) == set(EPSILONS)
    assert {name for names in TRIED.values() for name in names} == set(METHODS) - {OURS, GPU}


def test_a_process_that_is_too_slow_is_stopped_and_then_gone(monkeypatch):
    monkeypatch.setattr("benchmarks.entropic.child.WARM_CAP", 0.0)
    points = np.zeros((3, 2))
    child = Child(POT, Problem(points, points, 0.05, 1e-5))
    try:
        assert child.ready() == {"state": "over cap", "cap": 0.0}
        assert child.ask(60.0) == {"state": "failed", "why": "its process ended with exit code -9"}
    finally:
        child.end()
