"""A checkpoint is read whole and undamaged, or refused in one line; it is replaced in one step."""

from __future__ import annotations

import json
import os
import pickle
import struct

import numpy as np
import pytest
import safetensors.torch
import torch

from otgan.errors import FileFormatError
from otgan.training import TrainingState, load_checkpoint, save_checkpoint
from otgan.training.checkpoint import clean


def a_state(value=1.0):
    tensors = {
        "w": torch.tensor([[value, -0.0], [float("nan"), float("inf")]]),
        "step": torch.tensor(3.0),
        "half": torch.tensor([1.5], dtype=torch.bfloat16),
        "bytes": torch.arange(5, dtype=torch.uint8),
        "none": torch.empty(0, 2, dtype=torch.float64),
    }
    return TrainingState(tensors, {"big": 2**127 + 1, "rate": 0.1, "text": "λ"})


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, a_state())
    return path


def bits(state):
    return {
        name: (tensor.dtype, tuple(tensor.shape), tensor.reshape(-1).view(torch.uint8).tolist())
        for name, tensor in state.tensors.items()
    }, state.content


def test_what_is_written_is_read(saved):
    assert bits(load_checkpoint(saved)) == bits(a_state())
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_no_truncated_file_is_read(saved):
    content = saved.read_bytes()
    for length in range(len(content)):
        saved.write_bytes(content[:length])
        with pytest.raises(FileFormatError) as caught:
            load_checkpoint(saved)
        assert "\n" not in str(caught.value)


def test_no_flipped_bit_is_taken_for_truth(saved):
    content, truth = saved.read_bytes(), bits(load_checkpoint(saved))
    rng = np.random.default_rng(0)
    refused = 0
    for place in range(len(content)):
        broken = bytearray(content)
        broken[place] ^= 1 << int(rng.integers(8))
        saved.write_bytes(broken)
        try:
            assert bits(load_checkpoint(saved)) == truth
        except FileFormatError:
            refused += 1
    assert refused >= len(content) - 8  # blanks that fill the header may change into other blanks


HEADER = json.dumps({"w": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}).encode()
FILES = {
    "empty": b"",
    "text": b"weights",
    "a pickle": pickle.dumps({"w": [1.0]}),
    "a header of 2^63 bytes": struct.pack("<Q", 2**63) + b"{}",
    "a header of 90 MB": struct.pack("<Q", 90_000_000) + b"{" + b" " * 100,
    "a tensor larger than the file": struct.pack("<Q", len(HEADER)) + HEADER + b"\0" * 4,
    "JSON without end": struct.pack("<Q", 5000) + b"[" * 5000,
    "another safetensors file": safetensors.torch.save({"w": torch.zeros(2)}),
    "no checksum": safetensors.torch.save({"w": torch.zeros(2)}, {"otgan": "{}"}),
    "a wrong checksum": safetensors.torch.save({"w": torch.zeros(2)}, {"otgan": "0" * 64 + "\n{}"}),
}


@pytest.mark.parametrize("name", FILES)
def test_other_files_are_refused(name, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(FILES[name])
    with pytest.raises(FileFormatError, match="must be"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "content",
    [
        "{", "[" * 100_000, "[1]", '{"schema": 1}', '{"schema": 2, "content": {}}', '{"schema": 1, "content": []}',
        '{"schema": 1, "content": {"n": ' + "9" * 5000 + "}}",
    ],
)  # fmt: skip
def test_metadata_with_a_right_checksum_are_not_believed_either(content, tmp_path):
    import hashlib

    path = tmp_path / "checkpoint.safetensors"
    digest = hashlib.sha256(content.encode()).hexdigest()
    path.write_bytes(safetensors.torch.save({}, {"otgan": f"{digest}\n{content}"}))
    with pytest.raises(FileFormatError):
        load_checkpoint(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(FileFormatError, match="nothing there; check the path"):
        load_checkpoint(tmp_path / "nothing.safetensors")
    with pytest.raises(FileFormatError, match="a folder"):
        load_checkpoint(tmp_path)
    with pytest.raises(FileFormatError, match="cannot be written"):
        save_checkpoint(tmp_path / "no" / "folder.safetensors", a_state())


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_checkpoint(saved, monkeypatch, call):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(FileFormatError, match=r"cannot be written \(No space left on device\)"):
        save_checkpoint(saved, a_state(2.0))
    assert bits(load_checkpoint(saved)) == bits(a_state())
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_the_new_file_is_on_the_disk_before_it_takes_the_name(saved, monkeypatch):
    """What a power failure leaves behind cannot be tested; the order of the calls that rule it out can."""
    calls = []
    for name in ("fsync", "replace"):
        usual = getattr(os, name)

        def noted(*arguments, name=name, usual=usual):
            calls.append(name)
            return usual(*arguments)

        monkeypatch.setattr(os, name, noted)
    save_checkpoint(saved, a_state(2.0))
    assert calls == ["fsync", "replace", "fsync"]


def test_leftovers_are_cleaned_and_nothing_else(saved):
    left = saved.with_name(f".{saved.name}.01234567.part")
    others = [saved.with_name("notes.part"), saved.with_name(".other.safetensors.01234567.part")]
    for path in (left, *others):
        path.write_bytes(b"x")
    clean(saved)
    assert not left.exists()
    assert saved.exists()
    assert all(path.exists() for path in others)
