"""Which data a training was on, in a few letters: so that runs of different data are not compared."""

from __future__ import annotations

import hashlib

import numpy as np

from otgan.gan.data import Data
from otgan.measures import DiscreteMeasure


def identity(data: Data) -> str:
    """A SHA-256 of the points and weights of finite data, or of how a law names itself.

    Seeds do not enter, and neither does anything that is computed: two machines agree on it, which they may not on
    the last bits of points that they draw. Laws of a user's own are told apart by their names alone; see
    `Measure.named`.
    """
    digest = hashlib.sha256(repr(tuple(data.shape)).encode())
    for side in (data.train, data.held_out):
        if isinstance(side, DiscreteMeasure):
            for array in (side.points, side.raw_weights):
                digest.update(f"{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        else:
            digest.update(repr(side).encode())
    return digest.hexdigest()
