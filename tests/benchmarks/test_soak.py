"""The soak: it finds nothing wrong with right answers, and finds what is wrong with wrong ones."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import otgan
from benchmarks.__main__ import main
from benchmarks.soak.check import check
from benchmarks.soak.problems import KINDS, draw
from benchmarks.soak.truth import between, distances, pot_cost
from otgan.solution import OTSolution


@pytest.mark.parametrize("most", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_problems_are_right(most, capsys):
    assert main(["soak", "--most", str(most)]) == 0
    assert f"{most} problems, 0 failures" in capsys.readouterr().out


def test_problems_are_of_all_kinds_and_repeat():
    problems = [draw(seed) for seed in range(200)]
    assert {problem.kind for problem in problems} == set(KINDS)
    assert {problem.settings["metric"] for problem in problems} == set(otgan.metrics.METRICS)
    assert np.array_equal(draw(7).x, problems[7].x)
    assert draw(7).settings == problems[7].settings


def test_distances_are_those_of_the_package():
    for seed in range(40):
        problem = draw(seed)
        costs = otgan.costs.point_costs(problem.x, problem.y, metric=problem.settings["metric"], p=1)
        apart, exponent = distances(problem)
        ours = np.ldexp(costs.block(slice(None), slice(None)), -exponent)
        assert np.allclose(ours, apart.astype(float), rtol=1e-14, atol=1e-13 * float(apart.max()))


@pytest.mark.filterwarnings("ignore::otgan.errors.WeightsWarning")
def test_duality_and_pot_agree():
    problem = draw(1)
    solution = otgan.wasserstein(problem.x, problem.y, problem.a, problem.b, **problem.settings)
    apart, exponent = distances(problem)
    costs = apart ** problem.settings["p"]
    low, high = between(problem, solution, costs, exponent)
    value, _ = pot_cost(problem, costs)
    assert low <= high * (1 + 1e-15)
    assert value == pytest.approx(high, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "said"),
    [("lower_bound", "not in the bracket"), ("distance", "not in order"), ("relative_gap", "at a relative gap")],
)
def test_wrong_solutions_are_found(monkeypatch, name, said):
    problem = next(p for p in map(draw, range(100)) if p.kind == "normal" and not p.stopped and len(p.x) > 5)
    right = getattr(OTSolution, name).fget
    monkeypatch.setattr(OTSolution, name, property(lambda solution: right(solution) * (1 + 1e-9) + 1e-9))
    if name == "lower_bound":  # and the distance with it, so that the order is kept
        monkeypatch.setattr(OTSolution, "upper_bound", OTSolution.lower_bound)
        monkeypatch.setattr(OTSolution, "distance", OTSolution.lower_bound)
    assert any(said in failure for failure in check(problem).failures)


def test_one_that_hangs_is_killed(monkeypatch, capsys):
    from benchmarks.soak import workers

    class Hanging(workers.Worker):
        def hangs(self):
            self._until = 0.0
            return super().hangs()

        def hear(self):
            return None if self.seed >= 0 else super().hear()

    monkeypatch.setattr(workers, "Worker", Hanging)
    monkeypatch.setattr(workers, "wait", lambda lines, timeout: [])
    assert main(["soak", "--most", "1", "--seed", "5"]) == 1
    out = capsys.readouterr().out
    assert "hangs: more than 60 s" in out
    assert "python -m benchmarks soak --only 5" in out


def test_an_error_is_a_failure(monkeypatch):
    def broken(*arguments, **settings):
        raise ValueError("broken")

    monkeypatch.setattr(otgan, "wasserstein", broken)
    assert check(draw(3), SimpleNamespace(append=list).append).failures == ["ValueError: broken"]
