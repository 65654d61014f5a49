"""`otgan pairs` and `otgan truth`."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from otgan import pairs as known
from otgan.cli import main as command_line
from otgan.cli.pairs import pairs
from otgan.cli.truth import truth


@pytest.fixture
def run(capsys):
    names = {command.name for command in command_line.app.registered_commands}
    for name, function in (("pairs", pairs), ("truth", truth)):
        if name not in names:
            command_line.app.command(name)(function)

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            command_line.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return call


def test_pairs_as_json(run):
    code, out, err = run("pairs", "--json")
    assert (code, err) == (0, "")
    rows = {row["name"]: row for row in json.loads(out)}
    assert list(rows) == known.pair_names()
    for name, row in rows.items():
        assert set(row) == {"name", "description", "dim", "options", "lower", "upper", "kind"}
        pair = known.get_pair(name)
        assert (row["dim"], row["description"]) == (pair.dim, pair.description)
        if isinstance(pair, known.KnownPair):
            assert (row["lower"], row["upper"], row["kind"]) == (pair.w1.lower, pair.w1.upper, pair.w1.kind)
    assert rows["8gaussians"]["kind"] == "bracket on a grid"
    assert rows["checkerboard"]["kind"] == "bracket on a grid"
    assert rows["digits"]["kind"] == "exact solver"


def test_pairs_as_a_table(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    code, out, _ = run("pairs")
    assert code == 0
    for name in known.pair_names():
        assert name in out
    assert "1.16663" in out
    assert "statistical" in out


def test_pairs_without_sklearn(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    code, out, _ = run("pairs", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert code == 0
    assert rows["digits"]["dim"] is None
    assert "pip install" in rows["digits"]["description"]


@pytest.mark.parametrize("name", known.pair_names(known=True))
def test_truth_of_every_known_pair(run, name):
    code, out, err = run("truth", "--pair", name, "--json")
    content = json.loads(out)
    assert (code, err) == (0, "")
    assert set(content) == {"pair", "lower", "upper", "kind", "source"}
    pair = known.get_pair(name)
    assert content == {
        "pair": name,
        "lower": pair.w1.lower,
        "upper": pair.w1.upper,
        "kind": pair.w1.kind,
        "source": pair.source_reference,
    }


def test_truth_in_words(run):
    code, out, _ = run("truth", "--pair", "ellipsoid", "--dim", 5, "--seed", 3)
    assert code == 0
    assert out.startswith("W1 = 1\n")
    assert "proven" in out
    assert "5-D" in out


def test_truth_with_options(run):
    arguments = ("--pair", "funnels", "--dim", 3, "--funnels", 7, "--seed", 5, "--degree", 4, "--json")
    content = json.loads(run("truth", *arguments)[1])
    assert content["lower"] == known.funnels(3, 7, 5, 4).w1.lower


def test_truth_of_funnels_in_a_file(run, tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "some.npz"
    np.savez(path, centers_2_3=rng.uniform(-1, 1, size=(3, 2)), biases_2_3=np.zeros(3))
    code, out, _ = run("truth", "--pair", "funnels", "--dim", 2, "--funnels", 3, "--file", path, "--json")
    assert code == 0
    assert "some.npz" in json.loads(out)["source"]


def test_truth_of_finite_data(run):
    code, out, _ = run("truth", "--pair", "wine", "--json")
    content = json.loads(out)
    assert code == 0
    assert content["kind"] == "proven"
    assert content["upper"] - content["lower"] < 1e-10


BAD = [
    (("--pair", "nine"), "pair must be one of 8gaussians"),
    (("--pair", "radial", "--funnels", 3), "n_funnels must be left out for the pair radial, which takes dim"),
    (("--pair", "funnels", "--dim", 0), "dim must be at least 1"),
    (("--pair", "funnels", "--degree", 1), "degree must be in (1, inf)"),
    (("--pair", "funnels", "--file", "missing.npz"), "missing.npz: cannot be read"),
    (("--pair", "funnels", "--file", "missing.npz", "--seed", 1), "seed must be left out where a file is given"),
    ((), "--pair"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_is_one_line(run, arguments, message):
    code, out, err = run("truth", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_published_pair(run):
    path = os.environ.get("OTGAN_FUNNELS")
    if not path or not Path(path).is_file():
        pytest.skip("set OTGAN_FUNNELS to the .npz with the published parameters to run this test")
    code, out, _ = run("truth", "--pair", "funnels", "--dim", 2, "--funnels", 4, "--file", path, "--json")
    assert code == 0
    content = json.loads(out)
    assert content["lower"] <= 0.8210 + 3 * 0.0003
    assert content["upper"] >= 0.8210 - 3 * 0.0003


def test_commands_teach():
    for function in (pairs, truth):
        assert "Examples:" in function.__doc__
