import numpy as np
import pytest

from otgan.errors import FileFormatError, InvalidValueError
from otgan.gan import Snapshots, read_frames, train_gan

SMALL = {"hidden": (4,), "steps": 9, "batch_size": 8, "monitor": False, "threads": 1}


def snapshots(folder):
    return Snapshots(folder / "frames.npz", every=3, n_samples=20, seed=4)


def test_snapshots_are_what_was_drawn_then(tmp_path):
    learnt = train_gan("moons", **SMALL, callbacks=[snapshots(tmp_path)])
    frames = read_frames(tmp_path / "frames.npz")
    assert frames.steps == (3, 6, 9)
    assert np.array_equal(frames.points[2], learnt.sample(20, np.random.default_rng([4, 2])))
    # Of the same noise: what moves is the generator.
    assert 0 < np.abs(frames.points[2] - frames.points[1]).max() < 1


def test_a_training_that_was_killed_leaves_the_snapshots_of_one_that_was_not(tmp_path):
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()

    def stop(step, numbers):
        if step == 7:
            raise KeyboardInterrupt

    train_gan("moons", **SMALL, callbacks=[snapshots(tmp_path / "whole")])
    options = {**SMALL, "folder": tmp_path / "killed" / "run", "checkpoint_seconds": 1e-9, "every": 1}
    with pytest.raises(KeyboardInterrupt):
        train_gan("moons", **options, callbacks=[snapshots(tmp_path / "killed"), stop])
    assert read_frames(tmp_path / "killed" / "frames.npz").steps == (3, 6)
    train_gan("moons", **options, resume=True, callbacks=[snapshots(tmp_path / "killed")])
    one, other = (read_frames(tmp_path / name / "frames.npz") for name in ("whole", "killed"))
    assert one.steps == other.steps
    assert np.array_equal(one.points, other.points)


def test_bad_files_and_numbers(tmp_path):
    with pytest.raises(InvalidValueError, match="every must be at least 1"):
        Snapshots(tmp_path / "a.npz", every=0)
    np.savez(tmp_path / "a.npz", header=np.array('{"schema": 1}'), steps=[2, 1], points=np.zeros((2, 3, 2)))
    (tmp_path / "b.npz").write_bytes(b"no archive")
    np.savez(tmp_path / "c.npz", header=np.array('{"schema": 1}'), steps=[1, 2], points=np.zeros((1, 3, 2)))
    np.savez(tmp_path / "d.npz", header=np.array("{}"), steps=[1], points=np.full((1, 3, 2), np.nan))
    for name in "abcde":
        with pytest.raises(FileFormatError, match=rf"{name}\.npz"):
            read_frames(tmp_path / f"{name}.npz")
