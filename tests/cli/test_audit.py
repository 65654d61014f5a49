import json

import pytest
import torch

from otgan.cli.main import main
from otgan.critics import MLPCritic, save_critic


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["audit", *arguments])
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return call


@pytest.fixture
def steep(tmp_path):
    """A critic file whose Lipschitz constant is 5, and 3 where the first coordinate is positive."""
    critic = MLPCritic(2, hidden=(2,))
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.zero_()
        critic.layers[0].weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
        critic.layers[2].weight.copy_(torch.tensor([[3.0, 5.0]]))
    save_critic(critic, tmp_path / "steep.safetensors")
    return "steep.safetensors"


def test_a_broken_constant_is_shown_and_ends_with_one(run, steep):
    code, out, _ = run(steep, "--domain", "-1:1")
    assert code == 1
    assert "steep.safetensors: broken: two points show a slope above K = 1" in out
    assert "[-1, 1] × [-1, 1]" in out


def test_the_domain_decides(run, steep):
    code, out, _ = run(steep, "--domain", "0:1,-1:1", "--lipschitz", "3", "--json")
    content = json.loads(out)
    assert code == 0
    assert content["verdict"] == "kept, proven"
    assert content["lower"] <= 3 <= content["upper"] <= 3 * (1 + 1e-6)
    one, other = map(torch.tensor, content["witness"])
    assert 3 * float((one - other)[0].abs() / (one - other).norm()) == pytest.approx(content["lower"], rel=1e-6)


def test_all_of_space_is_bounded_by_the_weights(run, steep):
    code, out, _ = run(steep, "--lipschitz", "5.5", "--json")
    content = json.loads(out)
    assert code == 0
    assert content["domain"] is None
    assert content["lower"] <= 5 <= content["upper"]


def test_an_object_of_a_module_and_what_is_not_known(run, tmp_path):
    (tmp_path / "mine.py").write_text("def critic(points):\n    return points[:, 0]\n")
    code, out, _ = run("mine:critic", "--domain", "-1:1", "--dim", "3", "--lipschitz", "2")
    assert code == 0
    assert "undecided" in out
    assert "bound    none: function is no torch module" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.safetensors"], "missing.safetensors"),
        (["steep.safetensors", "--domain", "1"], "--domain must be LOW:HIGH"),
        (["steep.safetensors", "--domain", "1:0"], "domain must have low < high"),
        (["steep.safetensors", "--lipschitz", "0"], "--lipschitz must be in"),
        (["steep.safetensors", "--max-seconds", "-1"], "max_seconds must be"),
        (["steep.safetensors", "--figure", "a.png"], "--figure must come with a box"),
        (["steep.safetensors", "--domain", "-1:1", "--figure", "nowhere/a.png"], "nowhere/a.png: cannot be written"),
        (["steep.safetensors", "--domain", "-1:1", "--dim", "3"], "--dim must be the critic's own, 2, got 3"),
        (["builtins:len", "--domain", "0:1"], "--dim must be given"),
    ],
)
def test_bad_input_is_one_line_and_ends_with_two(run, steep, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_sequentials_say_their_dimension(run, tmp_path):
    (tmp_path / "net.py").write_text("from torch import nn\ncritic = nn.Sequential(nn.Linear(3, 1))\n")
    assert "[0, 1] × [0, 1] × [0, 1]" in run("net:critic", "--domain", "0:1", "--lipschitz", "9")[1]


def test_a_picture_is_drawn(run, steep, tmp_path):
    run(steep, "--domain", "-1:1", "--figure", "slopes.png")
    assert (tmp_path / "slopes.png").read_bytes().startswith(b"\x89PNG")
