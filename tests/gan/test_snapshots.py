import numpy as np
import pytest

from otgan.errors import FileFormatError, InvalidValueError
from otgan.gan import Snapshots, images_a_side, read_frames, train_gan

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


def test_the_last_step_is_kept_and_the_steps_before_it_are_none_the_less_the_same(tmp_path):
    for name, steps, expected in (("a", 10, (3, 6, 9, 10)), ("b", 2, (2,)), ("c", 9, (3, 6, 9))):
        watcher = Snapshots(tmp_path / f"{name}.npz", every=3, n_samples=20, seed=4)
        learnt = train_gan("moons", **{**SMALL, "steps": steps}, callbacks=[watcher])
        frames = read_frames(tmp_path / f"{name}.npz")
        assert frames.steps == expected
        assert np.array_equal(frames.points[-1], learnt.sample(20, np.random.default_rng([4, 2])))
    plain = train_gan("moons", **{**SMALL, "steps": 10})
    watched = train_gan("moons", **{**SMALL, "steps": 10}, callbacks=[snapshots(tmp_path)])
    for name, weights in plain.networks["generator"].state_dict().items():
        assert weights.equal(watched.networks["generator"].state_dict()[name])


def test_one_that_was_killed_after_its_last_snapshot_ends_as_one_that_was_not(tmp_path):
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    options = {**SMALL, "steps": 10, "every": 1}
    train_gan("moons", **options, callbacks=[snapshots(tmp_path / "whole")])

    def stop(step, numbers):
        if step == 10:
            raise KeyboardInterrupt  # its checkpoint is of step 9, its last snapshot of step 10

    kept = {"folder": tmp_path / "killed" / "run", "checkpoint_seconds": 1e-9}
    with pytest.raises(KeyboardInterrupt):
        train_gan("moons", **options, **kept, callbacks=[snapshots(tmp_path / "killed"), stop])
    assert read_frames(tmp_path / "killed" / "frames.npz").steps == (3, 6, 9, 10)
    train_gan("moons", **options, **kept, resume=True, callbacks=[snapshots(tmp_path / "killed")])
    one, other = (read_frames(tmp_path / name / "frames.npz") for name in ("whole", "killed"))
    assert one.steps == other.steps == (3, 6, 9, 10)
    assert np.array_equal(one.points, other.points)


def test_a_longer_training_keeps_no_last_step_of_a_shorter_one(tmp_path):
    """As where a run goes on beyond what was asked at first: step 7 is none of the longer one's."""
    before = Snapshots(tmp_path / "a.npz", every=3, n_samples=20, seed=4)
    learnt = train_gan("moons", **{**SMALL, "steps": 7}, callbacks=[before])
    assert read_frames(tmp_path / "a.npz").steps == (3, 6, 7)
    after = Snapshots(tmp_path / "a.npz", every=3, n_samples=20, seed=4)
    after.begin(learnt)
    after(9)
    assert read_frames(tmp_path / "a.npz").steps == (3, 6, 9)
    # The same object once more: another training begins anew.
    train_gan("moons", **{**SMALL, "steps": 4}, callbacks=[after])
    assert read_frames(tmp_path / "a.npz").steps == (3, 4)


def test_images_are_kept_as_a_screen_shows_them(tmp_path):
    images = np.random.default_rng(0).random((40, 1, 3, 4))
    options = {**SMALL, "net": "mlp", "steps": 4, "every": 1}

    def stop(step, numbers):
        if step == 4:
            raise KeyboardInterrupt

    def watcher(name):
        return Snapshots(tmp_path / name, every=2, n_samples=9)

    learnt = train_gan(images, **options, callbacks=[watcher("a.npz")])
    frames = read_frames(tmp_path / "a.npz")
    drawn = learnt.sample(9, np.random.default_rng([0, 2]))
    assert frames.points.shape == (2, 9, 12)
    np.testing.assert_allclose(frames.points[1], np.clip(drawn, 0, 1), rtol=0, atol=0.5 / 255 + 1e-12)
    assert np.array_equal(np.round(255 * frames.points), 255 * frames.points)
    with np.load(tmp_path / "a.npz") as stored:
        assert stored["points"].dtype == np.uint8
    kept = {"folder": tmp_path / "run", "checkpoint_seconds": 1e-9}
    with pytest.raises(KeyboardInterrupt):
        train_gan(images, **options, **kept, callbacks=[watcher("b.npz"), stop])
    train_gan(images, **options, **kept, resume=True, callbacks=[watcher("b.npz")])
    assert (tmp_path / "b.npz").read_bytes() == (tmp_path / "a.npz").read_bytes()


def test_what_is_no_number_is_black(tmp_path):
    learnt = train_gan(np.random.default_rng(0).random((40, 1, 3, 4)), **{**SMALL, "net": "mlp", "steps": 1})
    learnt.scale = np.nan
    watcher = Snapshots(tmp_path / "a.npz", n_samples=4)
    watcher.begin(learnt)
    watcher(1)
    assert not read_frames(tmp_path / "a.npz").points.any()


def test_forty_snapshots_of_images_take_sixteen_mebibytes_at_most():
    sides = {shape: images_a_side(shape) for shape in [(c, h, h) for c in (1, 2, 3) for h in range(1, 700, 9)]}
    for (c, h, w), side in sides.items():
        assert side == 8 or 40 * c * h * w * (side + 1) ** 2 > 2**24
        assert 40 * c * h * w * side**2 <= 2**24
    assert [images_a_side((3, h, h)) for h in (8, 32, 64, 128, 373, 374)] == [8, 8, 5, 2, 1, 0]


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
