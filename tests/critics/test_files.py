import json
import struct

import numpy as np
import pytest
import safetensors.torch
import torch

from otgan.critics import MLPCritic, load_critic, save_critic
from otgan.errors import CriticError, FileFormatError, InvalidTypeError


@pytest.fixture
def critic():
    critic = MLPCritic(3, hidden=(4, 5), activation="elu", seed=7)
    critic.standardize([1.0, 2.0, 3.0], 40.0)
    return critic


@pytest.fixture
def path(tmp_path):
    return tmp_path / "critic.safetensors"


def meta(**changes):
    architecture = {"kind": "mlp", "dim": 3, "hidden": [4, 5], "activation": "elu"}
    return {"otgan": json.dumps({"schema": 1, "architecture": architecture} | changes)}


def refused(path, message=" must "):
    with pytest.raises(FileFormatError, match=message) as caught:
        load_critic(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_there_and_back(critic, path):
    state = torch.random.get_rng_state()
    save_critic(critic, path)
    again = load_critic(str(path))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert again.architecture == critic.architecture
    assert not again.training
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in critic.state_dict().items())
    points = torch.randn(9, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(again(points), critic(points))


def test_an_old_file_is_replaced_and_nothing_else_is_left(critic, path):
    path.write_text("old")
    save_critic(critic, path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert load_critic(path).dim == 3


def test_a_failed_write_keeps_the_old_file(critic, path, monkeypatch):
    path.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(FileFormatError, match="No space left on device"):
        save_critic(critic, path)
    assert path.read_text() == "old"
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_cannot_be_saved(critic, path):
    with pytest.raises(InvalidTypeError, match="critic must be a Critic, such as an MLPCritic, got Linear"):
        save_critic(torch.nn.Linear(2, 1), path)
    with pytest.raises(FileFormatError, match="choose another folder"):
        save_critic(critic, path / "missing" / "critic.safetensors")
    with pytest.raises(CriticError, match=r"torch\.float64 in"):
        save_critic(MLPCritic(2).double(), path)
    with torch.no_grad():
        critic.layers[0].bias[0] = torch.nan
    with pytest.raises(CriticError, match=r"NaN or infinity in layers\.0\.bias"):
        save_critic(critic, path)
    assert not path.exists()


def test_missing_files_and_folders(path):
    refused(path, "got nothing there")
    refused(path.parent, "got a folder")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1234567",
        b"\x80\x04\x95",
        b"not a safetensors file at all, but text",
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 2**21) + b" " * 2**21,
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 2) + b"{]",
        np.random.default_rng(0).bytes(500),
    ],
    ids=["empty", "short", "pickle", "text", "huge header", "large header", "no tensors", "no json", "noise"],
)
def test_other_files(path, content):
    path.write_bytes(content)
    refused(path)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, "no 'otgan' in its metadata"),
        ({"other": "x"}, "no 'otgan' in its metadata"),
        ({"otgan": "{"}, "have JSON metadata"),
        ({"otgan": "[" * 100_000}, "have JSON metadata"),
        ({"otgan": "1" * 10_000}, "have JSON metadata"),
        ({"otgan": "[]"}, "a schema and an architecture"),
        (meta(more=1), "a schema and an architecture"),
        (meta(schema=2), "have schema 1, got 2; update otgan"),
        (meta(architecture=None), "describe a network"),
        (meta(architecture={"kind": "mlp", "dim": 2**30, "hidden": [], "activation": "elu"}), "dim must be between"),
        (
            meta(architecture={"kind": "mlp", "dim": 3, "hidden": [60000, 60000], "activation": "elu"}),
            "at most 134217728 weights",
        ),
        (meta(architecture={"kind": "mlp", "dim": 3, "hidden": [4, 6], "activation": "elu"}), "of its architecture"),
        (meta(architecture={"kind": "mlp", "dim": 3, "hidden": [1e400], "activation": "elu"}), "an integer"),
        (meta(architecture={"kind": "mlp", "dim": 3, "hidden": [4, 5], "activation": "\n" * 999}), "activation"),
    ],
)
def test_hostile_metadata(critic, path, metadata, message):
    path.write_bytes(safetensors.torch.save(critic.state_dict(), metadata))
    refused(path, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("centre"), "'centre' as None"),
        (lambda tensors: tensors.update(more=torch.zeros(1)), "'more' as"),
        (lambda tensors: tensors.update(scale=torch.ones(1)), "'scale' as"),
        (lambda tensors: tensors.update(scale=torch.ones((), dtype=torch.float64)), "'scale' as"),
        (lambda tensors: tensors.update(scale=torch.zeros(())), "a scale of 0"),
        (lambda tensors: tensors.update(centre=torch.full((3,), torch.nan)), "NaN or infinity in centre"),
    ],
)
def test_tensors_must_fit(critic, path, change, message):
    tensors = critic.state_dict()
    change(tensors)
    path.write_bytes(safetensors.torch.save(tensors, meta()))
    refused(path, message)


def test_a_cut_file(critic, path):
    save_critic(critic, path)
    path.write_bytes(path.read_bytes()[:-4])
    refused(path, "be a safetensors file")
