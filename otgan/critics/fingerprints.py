"""What a training began with, in a few letters: so that a run in a folder is not taken for one of other data."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from torch import nn

from otgan.checks import FloatArray
from otgan.measures import DiscreteMeasure, Measure


def data_fingerprint(sides: Sequence[Measure], drawn: Sequence[FloatArray]) -> str:
    """A SHA-256 of points that were drawn from each side, (n, d), and of all points and weights of a finite one."""
    digest = hashlib.sha256()
    for side, points in zip(sides, drawn, strict=True):
        whole = (side.points, side.raw_weights) if isinstance(side, DiscreteMeasure) else ()
        for array in (points, *whole):
            digest.update(f"{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def network_fingerprint(network: nn.Module) -> str:
    """A SHA-256 of a network's layers, as they show themselves, and of its state."""
    digest = hashlib.sha256(repr(network).encode())
    for name, tensor in network.state_dict().items():
        # Through float64, which holds every weight exactly: NumPy has no bfloat16.
        values = np.ascontiguousarray(tensor.detach().cpu().double().numpy())
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode() + values.tobytes())
    return digest.hexdigest()
