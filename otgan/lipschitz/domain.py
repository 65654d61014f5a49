"""The domain on which a Lipschitz constant is asked for: a box, or all of space."""

from __future__ import annotations

from typing import Any

import numpy as np

from otgan.checks import FloatArray, as_real_array
from otgan.errors import InvalidShapeError, InvalidValueError

#: Beyond these, the squares of coordinates leave float64.
LARGEST = 1e100


def as_domain(domain: Any, dim: int | None = None) -> FloatArray | None:
    """Read a box.

    Args:
        domain: [(low, high), …], one pair for each coordinate, low < high; or None for all of R^d.
        dim: The number of coordinates that it must have, if known.

    Returns:
        The box, (2, d): all lows, then all highs; None for all of R^d.

    Raises:
        InvalidShapeError: If it is no list of pairs, or has another number of coordinates.
        InvalidTypeError: If a bound is not a real number.
        InvalidValueError: If a low is not below its high, or a bound is beyond 1e100.
    """
    if domain is None:
        return None
    pairs = as_real_array("domain", domain)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise InvalidShapeError(
            "domain", "have shape (d, 2)", f"shape {pairs.shape}", "write [(low, high), …], a pair for each coordinate"
        )
    if dim is not None and len(pairs) != dim:
        raise InvalidShapeError(
            "domain", f"have the critic's {dim} coordinates", f"{len(pairs)} pairs", "give one pair for each"
        )
    for low, high in pairs.tolist():
        if not low < high:
            raise InvalidValueError("domain", "have low < high in every pair", (low, high), "swap or widen them")
        if max(-low, high) > LARGEST:
            raise InvalidValueError("domain", f"stay within {LARGEST:g}", (low, high), "use None for all of R^d")
    return np.ascontiguousarray(pairs.T)


def box_around(points: FloatArray) -> FloatArray | None:
    """The smallest box that holds all points, (n, d), and has an inside, (d, 2); None where it is beyond `LARGEST`."""
    low, high = points.min(axis=0), points.max(axis=0)
    # Where all points agree in a coordinate, any width will do.
    thin = high <= low
    width = np.maximum(1e-9 * np.abs(points).max(), 1e-9)
    box = np.stack([np.where(thin, low - width, low), np.where(thin, high + width, high)], axis=1)
    return box if np.abs(box).max() <= LARGEST else None
