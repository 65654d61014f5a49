"""Every example runs by itself, says what its docstring promises, and leaves nothing behind."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).parents[1] / "examples"

#: A part of what each prints that holds on every machine.
SAYS = {
    "clock_times.py": "on the circle: 2.00",
    "critics_by_construction.py": "wgan (by clipping): says 0.0",
    "truth_of_two_laws.py": "W1 of the laws lies in [0.143",
    "even_paths.py": "path lengths vary by",
    "flow_and_path_energy.py": "pairs of optimal transport take less energy: True",
    "distance_on_the_globe.py": "great-circle W1 = 2148.793 km",
    "digits_side_by_side.py": "of 450 held-out digits",
    "how_steep_is_the_critic.py": "the constant is known to a factor of 1.000000",
    "is_a_penalty_a_guarantee.py": "proven to have slope 1 at most: groupsort",
    "is_the_critic_right.py": "50 steps: wrong",
    "judge_your_own_critic.py": "perfect: accurate",
    "learning_from_100_digits.py": "flow-matching, 1347 images",
    "manifold_hypothesis.py": "log 2 is 0.6931",
    "many_points.py": "every bracket contains the distance: True",
    "many_samples.py": "nearest to each: [1, 0, 3, 2, 5, 4]",
    "mean_of_shapes.py": "no mean is nearer than 0.372605",
    "mixtures_of_gaussians.py": "so W2 is at most 2.60",
    "monitor_your_own_loop.py": "exact W1 of the held-out samples: 2.990",
    "outliers_left_behind.py": "outliers moved at 95%: 0.000 of 0.05",
    "own_cost_matrix.py": "cheapest cost per unit: 3.5,",
    "parallel_lines.py": "JS at theta = 0.5 is log 2 exactly: True",
    "points_that_flow.py": "each step leaves two thirds of the way: 0.666667",
    "potential_off_the_sample.py": "(never above 1)",
    "same_shape.py": "turned and mirrored: at most 0.000000",
    "sample_size_and_bias.py": "d = 10",
    "shares_of_a_square.py": "the exact value is inside: True",
    "slope_scales_the_estimate.py": "divided by what was audited, none is above W1: True",
    "slices_of_two_samples.py": "proven from slices alone: W1 is at least",
    "test_your_own_critic.py": "norm per sample: passes",
    "two_geometries.py": "measured by Fisher-Rao: the W2 path is 5.6311 long, the Fisher-Rao path 4.1222",
    "vanishing_gradient.py": "apart: 3 from each other",
    "what_smoothing_costs.py": "every bracket contains W1: True",
    "why_w1_not_w2.py": "W1: at one and the same point f and -g are up to 0.0000 apart",
    "w1_between_samples.py": "status: optimal",
    "which_metric_sees_collapse.py": "perfect: seen by none",
}


#: What is smaller here than where a reader runs it; the slow tests run each as it is.
SMALLER = {
    "even_paths.py": ["--steps", "4"],
    "flow_and_path_energy.py": ["--steps", "150"],
    "digits_side_by_side.py": ["--steps", "2", "--flow-steps", "2", "--samples", "20"],
    "learning_from_100_digits.py": ["--steps", "1", "--flow-steps", "1", "--samples", "10"],
    "is_a_penalty_a_guarantee.py": ["--steps", "20"],
    "manifold_hypothesis.py": ["--steps", "30"],
    "many_points.py": ["--points", "2000"],
    "slope_scales_the_estimate.py": ["--steps", "20"],
    "vanishing_gradient.py": ["--steps", "100"],
    "which_metric_sees_collapse.py": ["--points", "400"],
}


@pytest.fixture
def _as_found():
    """Threads and PyTorch's generator are a script's own to set: put back what it changed."""
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(threads)


def run(name, folder, *arguments):
    return subprocess.run(
        [sys.executable, str(FOLDER / name), *arguments], cwd=folder, capture_output=True, text=True, timeout=60
    )


def test_each_example_is_listed():
    assert sorted(path.name for path in FOLDER.glob("*.py")) == sorted(SAYS)


@pytest.mark.usefixtures("_as_found")
@pytest.mark.parametrize("name", SAYS)
def test_example_answers_its_question(name, tmp_path, monkeypatch, capfd):
    """As a script, in names of its own, but in this process, which has loaded PyTorch; warnings are errors here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [name, *SMALLER.get(name, [])])
    runpy.run_path(str(FOLDER / name), run_name="__main__")
    said, complained = capfd.readouterr()
    assert SAYS[name] in said
    assert not complained
    assert not list(tmp_path.iterdir())  # a figure only where one is asked for


@pytest.mark.slow
@pytest.mark.parametrize("name", SAYS)
def test_example_runs_by_itself(name, tmp_path):
    done = run(name, tmp_path)
    assert done.returncode == 0, done.stderr
    assert SAYS[name] in done.stdout
    assert not done.stderr
    assert not list(tmp_path.iterdir())


def test_figure_is_saved_where_asked(tmp_path):
    done = run("potential_off_the_sample.py", tmp_path, "--figure", "potential.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "potential.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", SAYS)
def test_example_states_its_question(name):
    question = ast.get_docstring(ast.parse((FOLDER / name).read_text(encoding="utf-8"))).splitlines()[0]
    assert question.endswith("?")
