"""What a generator drew while it was trained, kept on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from otgan import archive
from otgan.checks import FloatArray, as_count, as_real_array
from otgan.errors import FileFormatError
from otgan.gan.generated import Generated
from otgan.measures.base import MAX_SAMPLES

SCHEMA = 1


@dataclass(frozen=True, eq=False)
class Frames:
    """Points at some steps of a training.

    Attributes:
        steps: Which, (k,), rising.
        points: (k, n, D), in the units of the data.
    """

    steps: tuple[int, ...]
    points: FloatArray


class Snapshots:
    """A callback of `train_gan` that draws from the same noise every few steps, and keeps what it drew in a file.

    The file holds every snapshot up to the newest checkpoint, whenever a training was killed: what was drawn at later
    steps is drawn again, and the same.

    Args:
        path: The file, ``*.npz``.
        every: Steps between two snapshots.
        n_samples: Points in each.
        seed: Of the noise.
    """

    def __init__(self, path: str | os.PathLike[str], *, every: int = 100, n_samples: int = 1000, seed: int = 0) -> None:
        self.every = as_count("every", every)
        self._path = Path(path)
        self._n = as_count("n_samples", n_samples, high=MAX_SAMPLES)
        self._seed = as_count("seed", seed, low=0)
        self._kept: dict[int, FloatArray] | None = None
        self._learnt: Generated | None = None

    def begin(self, learnt: Generated) -> None:
        """Take what will be drawn from."""
        self._learnt = learnt

    def __call__(self, step: int, numbers: object = None) -> None:
        """Draw, if it is time."""
        if self._learnt is None or step % self.every:
            return
        drawn = self._learnt.sample(self._n, np.random.default_rng([self._seed, 2]))
        if self._kept is None:
            self._kept = self._kept_before(step, drawn.shape)
        self._kept[step] = drawn
        steps, points = list(self._kept), list(self._kept.values())
        archive.write(self._path, {"schema": SCHEMA}, {"steps": np.array(steps), "points": np.stack(points)})

    def _kept_before(self, step: int, shape: tuple[int, ...]) -> dict[int, FloatArray]:
        """What an earlier process drew that the run goes on from."""
        if not self._path.exists():
            return {}
        before = read_frames(self._path)
        if before.points.shape[1:] != shape:
            return {}
        return {k: points for k, points in zip(before.steps, before.points, strict=True) if k < step}


def read_frames(path: str | os.PathLike[str]) -> Frames:
    """Read what `Snapshots` kept.

    Raises:
        FileFormatError: If the file is missing, damaged or not what it should be.
    """
    with archive.reading(path):
        header, arrays = archive.read(path, ("steps", "points"))
        steps = arrays["steps"].tolist()
        points = as_real_array("points", arrays["points"])
        rising = all(type(k) is int for k in steps) and sorted(set(steps)) == steps
        if header != {"schema": SCHEMA} or points.ndim != 3 or len(points) != len(steps) or not rising:
            raise FileFormatError(
                f"{path}: must hold points (k, n, D) at k steps that rise, got shape {points.shape} at "
                f"{len(steps)}; delete it, or restore it"
            )
    return Frames(tuple(steps), points)
