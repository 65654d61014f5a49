"""Hypothesis strategies for transport problems that are small enough to be solved with certainty."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st


@dataclass(frozen=True)
class Sample:
    x: np.ndarray
    y: np.ndarray
    a: np.ndarray | None
    b: np.ndarray | None


@st.composite
def weights(draw, n: int):
    """Equal, small integers with zeros, arbitrary, or over twelve orders of magnitude."""
    kind = draw(st.sampled_from(["equal", "integers", "arbitrary", "wide"]))
    if kind == "equal":
        return None
    entry = {
        "integers": st.integers(0, 3).map(float),
        "arbitrary": st.floats(0, 1, allow_subnormal=False),
        "wide": st.floats(-12, 0).map(lambda e: 10.0**e),
    }[kind]
    values = np.array(draw(st.lists(entry, min_size=n, max_size=n)))
    if not values.any():
        values[draw(st.integers(0, n - 1))] = 1.0
    return values / values.sum()


@st.composite
def samples(draw, max_points: int = 5, dims=(1, 2, 3, 20)):
    """Two weighted samples: n ≠ m, duplicates, shared points, lattices, all scales from 1e-6 to 1e6."""
    n, m = draw(st.integers(1, max_points)), draw(st.integers(1, max_points))
    d = draw(st.sampled_from(dims))
    scale = 10.0 ** draw(st.integers(-6, 6))
    kind = draw(st.sampled_from(["lattice", "generic", "nearby"]))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    if kind == "lattice":
        x, y = (rng.integers(-1, 2, size=(k, d)).astype(float) for k in (n, m))
    else:
        x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d))
        if kind == "nearby":
            y = x[rng.integers(0, n, m)] + 1e-5 * y
    return Sample(x * scale, y * scale, draw(weights(n)), draw(weights(m)))


def contains(lower: float, upper: float, value: Fraction) -> bool:
    return Fraction(lower) <= value <= Fraction(upper)
