"""What a generator drew while it was trained, kept on disk."""

from __future__ import annotations

import math
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
#: Snapshots that are enough for a movie.
ENOUGH = 40
#: Images of a snapshot stand in a square of at most so many on a side, and `ENOUGH` snapshots take at most so many
#: bytes, one for each number: 8 × 8 images up to 80 × 80 in grey and 46 × 46 in colour, in colour 5 × 5 of 64 × 64, and
#: one of 373 × 373.
SIDE, MOST_BYTES = 8, 2**24
#: The largest number of a channel in 8 bits.
WHITE = 255


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

    The last step is kept whatever its number, if the training was not ended before. The file holds every snapshot up to
    the newest checkpoint, whenever a training was killed: what was drawn at later steps is drawn again, and the same.
    Images are kept as a screen shows them, in 8 bits a number, cut to [0, 1]; what is not a number is black.

    Args:
        path: The file, ``*.npz``.
        every: Steps between two snapshots.
        n_samples: Points in each.
        seed: Of the noise.
    """

    #: Asks `otgan.training.run` for the last step too.
    last = True

    def __init__(self, path: str | os.PathLike[str], *, every: int = 100, n_samples: int = 1000, seed: int = 0) -> None:
        self.every = as_count("every", every)
        self._path = Path(path)
        self._n = as_count("n_samples", n_samples, high=MAX_SAMPLES)
        self._seed = as_count("seed", seed, low=0)
        self._kept: dict[int, FloatArray] | None = None
        self._learnt: Generated | None = None

    def begin(self, learnt: Generated) -> None:
        """Take what will be drawn from."""
        self._learnt, self._kept = learnt, None

    def __call__(self, step: int, numbers: object = None) -> None:
        """Draw, and write the file."""
        if self._learnt is None:
            return
        drawn = self._learnt.sample(self._n, np.random.default_rng([self._seed, 2]))
        is_image = len(self._learnt.shape) == 3
        if is_image:
            drawn = np.round(WHITE * np.nan_to_num(np.clip(drawn, 0, 1))) / WHITE
        if self._kept is None:
            self._kept = self._kept_before(step, drawn.shape)
        self._kept[step] = drawn
        points = np.stack(list(self._kept.values()))
        arrays = {
            "steps": np.array(list(self._kept)),
            "points": np.round(WHITE * points).astype(np.uint8) if is_image else points,
        }
        archive.write(self._path, {"schema": SCHEMA}, arrays)

    def _kept_before(self, step: int, shape: tuple[int, ...]) -> dict[int, FloatArray]:
        """What an earlier process drew that the run goes on from; not the last step of a shorter one."""
        if not self._path.exists():
            return {}
        before = read_frames(self._path)
        if before.points.shape[1:] != shape:
            return {}
        return {
            k: points
            for k, points in zip(before.steps, before.points, strict=True)
            if k < step and k % self.every == 0
        }  # fmt: skip


def images_a_side(shape: tuple[int, ...]) -> int:
    """How many images on a side of the square that a snapshot shows, so that a training of them stays small on disk.

    Args:
        shape: Of one image, (c, h, w).

    Returns:
        From 8 down to 1; 0 for images so large that not one can be kept.
    """
    return min(SIDE, math.isqrt(MOST_BYTES // (ENOUGH * math.prod(shape))))


def read_frames(path: str | os.PathLike[str]) -> Frames:
    """Read what `Snapshots` kept.

    Raises:
        FileFormatError: If the file is missing, damaged or not what it should be.
    """
    with archive.reading(path):
        header, arrays = archive.read(path, ("steps", "points"))
        steps = arrays["steps"].tolist()
        points = as_real_array("points", arrays["points"])
        if arrays["points"].dtype == np.uint8:
            points = points / WHITE
        rising = all(type(k) is int for k in steps) and sorted(set(steps)) == steps
        if header != {"schema": SCHEMA} or points.ndim != 3 or len(points) != len(steps) or not rising:
            raise FileFormatError(
                f"{path}: must hold points (k, n, D) at k steps that rise, got shape {points.shape} at "
                f"{len(steps)}; delete it, or restore it"
            )
    return Frames(tuple(steps), points)
