"""The command line: numbers, one-line errors, exit codes, and nothing half-written."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest

import otgan
import otgan.validation
from otgan.cli.main import main
from otgan.critics import train
from otgan.plots import bounds_figure
from otgan.solvers.limits import Limits

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 2)), RNG.normal(size=(30, 2)) + 1
OTGAN = [sys.executable, "-m", "otgan"]


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, points in (("a", X), ("b", Y)):
        np.savetxt(f"{name}.csv", points, delimiter=",", header="u,v", comments="", fmt="%.17g")
        np.save(f"{name}.npy", points)


@pytest.fixture
def run(capsys):
    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return call


@pytest.fixture
def _small_critics(monkeypatch):
    """Networks of 8 units, whose pieces are all audited at once: nothing here depends on the default's width.

    Then no report depends on the time that an audit had. The default network is trained and judged by
    `test_the_default_critic_of_the_default_pair`.
    """
    monkeypatch.setattr("otgan.critics.train", partial(train, hidden=(8,)))


@pytest.fixture
def _brief_audits(monkeypatch):
    """Slopes are looked at for a tenth of a second where no test asks for them: in many dimensions it would be ten."""
    monkeypatch.setattr("otgan.validation.validate", partial(otgan.validation.validate, audit_seconds=0.1))


@pytest.fixture
def _unwritten(monkeypatch):
    """No pages and figures where no test reads them."""
    monkeypatch.setattr("otgan.report.write_report", lambda report, folder, **_: folder / "report.html")


def test_w1_of_files(run):
    expected = otgan.wasserstein(X, Y)
    for a, b in (("a.csv", "b.csv"), ("a.npy", "b.csv")):
        code, out, err = run("w1", a, b, "--json")
        content = json.loads(out)
        assert (code, err) == (0, "")
        assert content["distance"] == pytest.approx(expected.distance, rel=1e-14)
        assert content["lower"] <= content["distance"] <= content["upper"]
        assert (content["n"], content["m"], content["kind"], content["converged"]) == (40, 30, "proven", True)
    code, out, _ = run("w1", "a.csv", "b.csv")
    assert code == 0
    assert out.startswith(f"W1 = {expected.distance:.10g}")
    assert "proven" in out


@pytest.mark.filterwarnings("default")
def test_w1_options(run):
    code, out, _ = run("w1", "a.csv", "b.csv", "--columns", "v", "-p", "2", "--json")
    assert code == 0
    assert json.loads(out)["distance"] == pytest.approx(otgan.wasserstein(X[:, 1], Y[:, 1], p=2).distance, rel=1e-14)
    code, _, err = run("w1", "a.csv", "b.csv", "--columns", "u", "--weights", "v", "--json")
    assert code == 2
    assert "weights must not be negative" in err
    np.savetxt("w.csv", np.abs(X), delimiter=",", header="u,v", comments="", fmt="%.17g")
    code, out, err = run("w1", "w.csv", "w.csv", "--columns", "u", "--weights", "v", "--json")
    assert (code, json.loads(out)["distance"]) == (0, 0)
    assert err.startswith("otgan: warning: weights sums to ")
    code, out, _ = run("w1", "a.csv", "b.csv", "--metric", "cityblock", "--json")
    assert json.loads(out)["distance"] == pytest.approx(otgan.wasserstein(X, Y, metric="cityblock").distance, rel=1e-14)


def test_w1_samples_by_seed(run):
    first, again, other = (run("w1", "a.csv", "b.csv", "--sample", 10, "--seed", s, "--json") for s in (1, 1, 2))
    assert json.loads(first[1])["n"] == 10
    assert json.loads(first[1])["distance"] == json.loads(again[1])["distance"] != json.loads(other[1])["distance"]


def test_w1_stops_where_it_is_told(run):
    rng = np.random.default_rng(1)
    for name in ("many", "more"):
        np.save(f"{name}.npy", rng.normal(size=(6000, 2)))
    _, out, _ = run("w1", "many.npy", "more.npy", "--json")
    exact = json.loads(out)
    assert exact["converged"]
    for arguments in (("--tol", "0.05"), ("--max-seconds", "0.1")):
        code, out, err = run("w1", "many.npy", "more.npy", *arguments, "--json")
        found = json.loads(out)
        assert (code, err) == (0, "")
        assert found["lower"] <= exact["distance"] <= found["upper"]
        assert found["relative_gap"] > exact["relative_gap"]
    assert found["status"].startswith("stopped at max_seconds")
    code, _, err = run("w1", "many.npy", "more.npy", "--max-seconds", "-1")
    assert (code, err) == (2, "otgan: max_seconds must be in (0, inf), got -1.0; choose a value in that range\n")


def test_w1_prints_the_bracket_so_far_after_ctrl_c(run, monkeypatch):
    look = Limits.look

    def pressed(self, **settings):
        os.kill(os.getpid(), signal.SIGINT)
        look(self, **settings)

    monkeypatch.setattr(Limits, "look", pressed)
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 6000, 2))
    np.save("x.npy", x)
    np.save("y.npy", y)
    code, out, err = run("w1", "x.npy", "y.npy", "--json")
    monkeypatch.undo()
    found = json.loads(out)
    assert (code, err) == (130, "otgan: interrupted\n")
    assert found["status"].startswith("interrupted by Ctrl-C")
    assert 0 < found["lower"] < otgan.wasserstein(x, y, tol=1e-3).upper_bound
    assert found["upper"] > otgan.wasserstein(x, y, tol=1e-3).lower_bound


BAD = [
    (["w1", "a.csv", "absent.csv"], "absent.csv must be a file"),
    (["w1", "a.csv", "."], "folder"),
    (["w1", "a.csv", "text.csv"], "text.csv"),
    (["w1", "a.csv", "ragged.csv"], "ragged.csv"),
    (["w1", "a.csv", "empty.csv"], "empty.csv"),
    (["w1", "a.csv", "nan.csv"], "must be finite"),
    (["w1", "a.csv", "three.csv"], "y must have the dimension of x, 2"),
    (["w1", "a.csv", "pickled.npy"], "pickled.npy"),
    (["w1", "a.csv", "fake.parquet"], "fake.parquet"),
    (["w1", "a.csv", "b.csv", "-p", "0"], "p must be in [1, 64], got 0"),
    (["w1", "a.csv", "b.csv", "-p", "x"], "Invalid value for '-p'"),
    (["w1", "a.csv", "b.csv", "--metric", "cos"], "metric must be one of"),
    (["w1", "a.csv", "b.csv", "--columns", "w"], "w"),
    (["w1", "a.csv", "b.csv", "--max-memory", "1e-9"], "max_memory"),
    (["w1", "a.csv", "b.csv", "--sample", "0"], "--sample must be at least 1"),
    (["w1", "a.csv"], "Missing argument 'B'"),
    (["w1", "--nonsense"], "No such option"),
    (["nonsense"], "No such command"),
    (["validate", "--pair", "nonsense"], "8gaussians"),
    (["validate", "--source", "a.csv"], "--source and --target must come together"),
    (["validate", "--pair", "wine", "--source", "a.csv", "--target", "b.csv"], "not with --pair"),
    (["validate", "--method", "nonsense"], "method must be one of"),
    (["validate", "--seed", "-1"], "--seed must be at least 0"),
    (["validate", "--held-out", "2", "--pair", "wine"], "fraction"),
    (["validate", "--steps", "0"], "steps must be at least 1"),
    (["validate", "--out", "file"], "file"),
    (["validate", "--critic", "absent.safetensors"], "absent.safetensors"),
    (["validate", "--critic", "pickled.npy"], "only .safetensors files are opened"),
    (["validate", "--critic", "nonsense"], "--critic must be a .safetensors file or MODULE:OBJECT"),
    (["validate", "--critic", "absent_module:critic"], "ModuleNotFoundError"),
    (["validate", "--critic", "mine:absent"], "no 'absent'"),
    (["validate", "--critic", "mine:number"], "be a torch module or a function of points, got number, a int"),
    (["validate", "--critic", "mine:Network"], "name an instance"),
    (["validate", "--critic", "broken:critic"], "ZeroDivisionError"),
    (["validate", "--critic", "mine:coupled", "--samples", "50"], "critic must be a function of one point"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_bad_input_is_one_line_and_code_2(run, tmp_path, arguments, message):
    (tmp_path / "text.csv").write_text("u,v\n1,two\n")
    (tmp_path / "ragged.csv").write_text("1,2\n3\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "nan.csv").write_text("1,nan\n")
    (tmp_path / "three.csv").write_text("1,2,3\n")
    (tmp_path / "fake.parquet").write_text("no parquet")
    (tmp_path / "file").write_text("in the way of a folder")
    np.save(tmp_path / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "mine.py").write_text(
        "number = 3\nclass Network: pass\ndef coupled(z): return z[:, 0] - z[:, 0].mean()\n"
    )
    sys.modules.pop("mine", None)
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("otgan: ")
    assert err.count("\n") == 1
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "runs").exists()


def test_validate_a_critic_in_a_module(run, tmp_path):
    (tmp_path / "my_critic.py").write_text("def critic(z):\n    return -z[:, 0]\n")
    code, out, err = run("validate", "--critic", "my_critic:critic", "--source", "a.npy", "--target", "b.npy", "--json")
    assert (code, err) == (0, "")
    content = json.loads(out)
    assert content["n_source"] == 40  # nothing is held out from a critic that is not trained here
    assert content["truth"]["distance"] == pytest.approx(otgan.wasserstein(X, Y).distance, rel=1e-14)
    assert content["estimate"]["value"] == pytest.approx(Y[:, 0].mean() - X[:, 0].mean())
    (folder,) = (tmp_path / "runs").iterdir()
    assert {entry.name for entry in folder.iterdir()} == {"report.html", "report.json", "report.md", "figures"}


SHORT = ["--pair", "checkerboard", "--steps", 20, "--samples", 200, "--seed", 3]


@pytest.mark.usefixtures("_small_critics", "_unwritten")
def test_train_and_judge_again_from_the_file(run, tmp_path):
    code, out, err = run("validate", *SHORT, "--json", "--out", "one")
    assert (code, err) == (0, "")
    again = run("validate", *SHORT, "--json", "--out", "two")
    assert out == again[1]
    assert out != run("validate", *SHORT[:-1], 4, "--json", "--out", "three")[1]
    loaded = run("validate", *SHORT, "--json", "--critic", tmp_path / "one" / "critic.safetensors")
    first, second = json.loads(out), json.loads(loaded[1])
    assert first["estimate"] == second["estimate"]
    assert first["slopes"] == second["slopes"]


@pytest.mark.usefixtures("_small_critics")
def test_a_table_and_its_report_go_into_the_folder_of_another(run, tmp_path, monkeypatch):
    # The page is what is looked at.
    monkeypatch.setattr("otgan.report.write.validation_figures", lambda found, _: {"bounds": bounds_figure(found)})
    assert run("validate", *SHORT, "--json", "--out", "one")[0] == 0
    report = tmp_path / "one" / "report.html"
    report.write_text("the first")
    code, out, _ = run("validate", *SHORT, "--out", "one")
    assert code == 0
    assert "Report: one/report.html" in out
    assert report.read_text() != "the first"


FEW = ["--steps", 5, "--samples", 100, "--json"]


@pytest.mark.usefixtures("_small_critics", "_unwritten")
def test_the_laws_of_a_pair_are_in_the_report(run):
    code, out, _ = run("validate", "--pair", "funnels", "--dim", 2, "--funnels", 16, *FEW)
    content = json.loads(out)
    assert code == 0
    assert content["population"]["kind"].startswith("statistical")
    w1 = otgan.pairs.funnels(dim=2, n_funnels=16, seed=0).w1
    assert content["population"]["lower"] == pytest.approx(w1.lower)
    assert run("validate", "--pair", "wine", "--dim", 3)[0] == 2


def test_the_default_critic_of_the_default_pair(run, tmp_path):
    """As a user gets it: the default network, its whole audit, the bracket of the laws, and the pages."""
    code, out, _ = run("validate", *FEW, "--out", "run")
    content = json.loads(out)
    assert code == 0
    assert content["population"]["kind"] == "proven"
    assert 0.88 < content["population"]["lower"] < content["population"]["upper"] < 0.90
    assert content["slopes"]["lower"] <= content["slopes"]["upper"]
    assert json.loads((tmp_path / "run" / "report.json").read_text())["history"]["recorded"] == 5


def test_truth_and_pairs_are_commands(run):
    code, out, _ = run("truth", "--pair", "gaussians-1d", "--json")
    assert code == 0
    assert set(json.loads(out)) == {"pair", "lower", "upper", "kind", "source"}
    code, out, _ = run("pairs", "--json")
    assert code == 0
    assert "funnels" in [row["name"] for row in json.loads(out)]


@pytest.mark.usefixtures("_small_critics", "_brief_audits", "_unwritten")
@pytest.mark.parametrize("pair", ["digits", "wine"])
def test_real_data_is_held_out(run, pair):
    code, out, _ = run("validate", "--pair", pair, "--steps", 5, "--held-out", 0.4, "--json")
    content = json.loads(out)
    assert code == 0
    assert content["n_source"] == round(0.4 * {"digits": 183, "wine": 59}[pair])
    assert content["dim"] == {"digits": 64, "wine": 13}[pair]


def test_help_teaches(run):
    code, out, _ = run("--help")
    assert code == 0
    assert "w1" in out
    assert "validate" in out
    assert "plain Euclidean distance" in run("w1", "--help")[1]
    assert "MODULE:OBJECT" in run("validate", "--help")[1]
    assert run("--version")[1].strip() == f"otgan {otgan.__version__}"


def test_w1_does_not_pay_for_torch(tmp_path):
    code = (
        "import sys\nfrom otgan.cli.main import main\n"
        "heavy = ('ot', 'torch', 'sklearn', 'pandas', 'matplotlib')\n"
        "try: main(['w1', 'a.csv', 'b.csv'])\n"
        "except SystemExit: print([m for m in heavy if sys.modules.get(m)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "[]"


def test_ctrl_c_leaves_a_training_that_goes_on_and_no_report(tmp_path):
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*OTGAN, "validate", "--steps", "100000", "--out", "run"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment,
        # A test run in the background ignores SIGINT, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    deadline = time.monotonic() + 60
    log = tmp_path / "run" / "training" / "log.jsonl"
    while not (log.exists() and log.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    stands, interrupted = err.strip().splitlines()
    assert re.fullmatch(r"otgan: training stands at step \d+; the same command goes on from there", stands)
    assert interrupted == "otgan: interrupted"
    assert out == ""
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["training"]


@pytest.mark.usefixtures("_small_critics", "_brief_audits", "_unwritten")
def test_a_training_that_is_done_is_not_done_again_and_other_settings_are_refused(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["validate", "--pair", "wine", "--batch-size", "16", "--samples", "50", "--out", "run", "--json"]
    first, again = (json.loads(run(*command, "--steps", "3")[1]) for _ in range(2))
    assert first["estimate"] == again["estimate"]
    code, _, err = run(*command, "--steps", "4")
    assert code == 2
    assert "--out must hold a training of the same options and data, got n_steps: 3 there, 4 now; " in err
    assert "pass another --out, or delete run/training" in err
