"""One training at a time in a folder; readers are let in, and a killed training keeps nobody out."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from otgan.errors import CheckpointError, FolderInUseError, InvalidTypeError
from otgan.training import Parts, load_checkpoint, lock, read_log, run

#: Loads the module by its path, without the rest of the room and PyTorch.
LOADED = """
import importlib.util, os, sys, time
spec = importlib.util.spec_from_file_location("lock", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from pathlib import Path
path = Path(sys.argv[2])
"""

#: Holds the file until it is killed.
HOLDER = (
    LOADED
    + """
with module.lock(path):
    print("held", flush=True)
    time.sleep(60)
"""
)

#: Lets go of the file, and takes it again, while a child of the first time lives.
FORKING = (
    LOADED
    + """
read, write = os.pipe()
with module.lock(path):
    if os.fork() == 0:
        os.close(write)
        os.read(read, 1)  # until the parent has ended
        os._exit(0)
with module.lock(path):
    print("held again")
"""
)


def train(folder, *, step=lambda k: {"k": k}, settings=None, n_steps=3, **options):
    return run(step, n_steps, parts=Parts({"net": torch.nn.Linear(1, 1)}), folder=folder, settings=settings, **options)


def test_a_second_training_in_the_folder_is_refused_and_the_first_one_goes_on(tmp_path):
    folder = tmp_path / "run"
    refused = []

    def step(k):
        for resume in (False, True, "auto"):
            before = {path.name: path.read_bytes() for path in folder.iterdir()}
            with pytest.raises(FolderInUseError, match=r"folder must be .*, got \S*/run; wait until .* another folder"):
                train(folder, resume=resume)
            assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
            refused.append(k)
        return {"k": k}

    assert train(folder, step=step).step == 3
    assert refused == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert [row["k"] for row in read_log(folder)] == [1, 2, 3]


def test_the_folder_can_be_read_meanwhile(tmp_path):
    seen = []

    def step(k):
        seen.append(
            (load_checkpoint(tmp_path / "checkpoint.safetensors").content["run"]["step"], len(read_log(tmp_path)))
        )
        with pytest.raises(FolderInUseError):  # a reader that closes the log takes no lock with it
            train(tmp_path)
        return {}

    train(tmp_path, step=step, checkpoint_every=1)
    assert seen == [(0, 0), (1, 1), (2, 2)]


def test_a_killed_process_keeps_nobody_out(tmp_path):
    assert train(tmp_path, n_steps=2).step == 2
    arguments = [lock.__file__, tmp_path / "log.jsonl"]
    with subprocess.Popen([sys.executable, "-c", HOLDER, *map(str, arguments)], stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout.readline() == b"held\n"
            with pytest.raises(FolderInUseError):
                train(tmp_path, n_steps=2, resume=True)
        finally:
            holder.kill()
    assert train(tmp_path, n_steps=2, resume=True).resumed_from == 2


@pytest.mark.skipif(sys.platform == "win32", reason="no process is forked there")
def test_a_worker_that_was_forked_meanwhile_keeps_nobody_out(tmp_path):
    arguments = [lock.__file__, tmp_path / "log.jsonl"]
    done = subprocess.run([sys.executable, "-c", FORKING, *map(str, arguments)], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("held again\n", "")


def test_an_exception_lets_go_although_its_traceback_is_kept(tmp_path):
    def fail(k):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as in_a_step:
        train(tmp_path, step=fail)
    with pytest.raises(CheckpointError) as in_the_beginning:
        train(tmp_path, settings={"other": 1}, resume=True)
    assert train(tmp_path, resume=True).step == 3
    with pytest.raises(InvalidTypeError) as in_the_first_save:
        run(lambda k: {}, 1, parts=Parts({}, numbers={"f": {"no": fail}}), folder=tmp_path / "new")
    assert train(tmp_path / "new").step == 3
    assert all(caught.tb is not None for caught in (in_a_step, in_the_beginning, in_the_first_save))


def test_where_the_file_system_has_no_locks_one_trains_without(tmp_path, monkeypatch):
    def none_here(file):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock, "_take", none_here)
    assert train(tmp_path).step == 3


def test_the_log_that_is_locked_is_left_as_it_is(tmp_path):
    path = Path(tmp_path / "log.jsonl")
    path.write_bytes(b'{"step": 1}\n')
    with lock.lock(path), pytest.raises(FolderInUseError), lock.lock(path):
        pass
    with lock.lock(path):
        pass
    assert path.read_bytes() == b'{"step": 1}\n'
