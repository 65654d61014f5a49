"""Pairs of weighted samples whose W1 is known by an argument, and not by a solver."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from otgan.checks import FloatArray, as_count, as_number
from otgan.errors import InvalidValueError
from otgan.exact import down, up
from otgan.interval import Interval
from otgan.testing.clouds import point_clouds, read_dims, weights
from otgan.testing.extra import DrawFn, SearchStrategy, st

#: Powers of two, so that scaling does not round either.
SCALES = (1.0, 2.0**-20, 2.0**20)

FAMILIES = ("same", "translation", "dirac", "scaled", "shared", "line")


@dataclass(frozen=True, eq=False)
class KnownW1:
    """Two weighted samples and their W1 with the Euclidean metric.

    Attributes:
        x: Source points, (n, d), in units of length.
        y: Target points, (m, d).
        a: Source weights, (n,), which sum to one up to rounding.
        b: Target weights, (m,).
        w1: The distance, in units of length, good to four units in the last place.
        family: Why it is known; see `pairs_with_known_w1`.
    """

    x: FloatArray
    y: FloatArray
    a: FloatArray
    b: FloatArray
    w1: float
    family: str

    def __post_init__(self) -> None:
        for name in ("x", "y", "a", "b"):  # lists too, so that what is printed can be pasted
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=float))

    def __repr__(self) -> str:
        arrays = ", ".join(f"{name}={getattr(self, name).tolist()}" for name in ("x", "y", "a", "b"))
        return f"KnownW1({arrays}, w1={self.w1!r}, family={self.family!r})"

    @property
    def interval(self) -> Interval:
        """W1, its rounding included."""
        # A length is good to one unit in the last place; it is weighted and summed in rationals, then rounded once.
        return Interval(down(self.w1, 4), up(self.w1, 4)) if self.w1 else Interval(0.0, 0.0)


def pairs_with_known_w1(
    dims: int | Sequence[int] = (1, 2, 3),
    *,
    max_points: int = 5,
    families: Sequence[str] = FAMILIES,
    scales: Sequence[float] = SCALES,
) -> SearchStrategy[KnownW1]:
    r"""Pairs of samples and their W1, none of it computed by optimal transport.

    - *same*: one measure twice, its points listed in another order and split in two: 0;
    - *translation* by v, parallel lines among them: ‖v‖, by the potential −⟨x, v⟩/‖v‖;
    - *dirac*: all mass in one point c, against any: the mean of ‖y − c‖, since there is one coupling only;
    - *scaled* by t ≥ 0 around c: |1 − t| times the mean of ‖x − c‖, by the potential ±‖x − c‖;
    - *shared*: a translation of one part of the mass, next to mass that both sides have at the same points, which
      changes nothing for W1;
    - *line*: any two on the line, $\int |F - G|$ in rational arithmetic.

    Args:
        dims: Dimension d, or those to choose from.
        max_points: Largest number of points of the measure that a pair is made of; sides may have twice as many.
        families: Those to choose from; *line* needs dimension 1 among dims.
        scales: What all lengths are multiplied by; powers of two keep the truth exact.

    Raises:
        InvalidTypeError, InvalidValueError: If an argument breaks its rule.

    Source: Santambrogio (2015), Optimal Transport for Applied Mathematicians, Prop. 2.17 (the line).
    """
    ds = read_dims(dims)
    unknown = [family for family in families if family not in FAMILIES]
    if unknown or not families:
        raise InvalidValueError("families", f"be among {', '.join(FAMILIES)}", unknown, "choose from these names")
    usable = [family for family in families if family != "line" or 1 in ds]
    if not usable:
        raise InvalidValueError("dims", "include 1 for the family 'line'", ds, "add 1, or another family")
    count = as_count("max_points", max_points)
    if not scales:
        raise InvalidValueError("scales", "hold a number", scales, "write (1.0,) for lengths that are not scaled")
    for scale in scales:
        if math.frexp(as_number("scales", scale, low=0, open_low=True))[0] != 0.5:
            raise InvalidValueError("scales", "be powers of two", scale, "as in 2.0**-20, so that nothing rounds")
    return _pair(ds, count, usable, list(scales))


@st.composite
def _pair(draw: DrawFn, dims: list[int], most: int, families: list[str], scales: list[float]) -> KnownW1:
    family, scale = draw(st.sampled_from(families)), draw(st.sampled_from(scales))
    d = 1 if family == "line" else draw(st.sampled_from(dims))

    def cloud(size: int) -> FloatArray:
        return draw(point_clouds(d, max_points=size, scales=(1.0,), exact=True))

    x = cloud(most)
    a = draw(weights(len(x)))
    vector = cloud(1)
    if family == "same":
        order = draw(st.permutations(range(len(x))))
        y, b = np.concatenate([x[order], x]), np.concatenate([a[order], a]) / 2
        w1 = Fraction(0)
    elif family == "translation":
        y, b = x + vector, a
        w1 = Fraction(math.hypot(*vector[0]))
    elif family == "dirac":
        y, b = vector, np.ones(1)
        w1 = _mean_length(x - vector, a)
    elif family == "scaled":
        t = draw(st.sampled_from([0.5, 2.0, 0.0, 3.0]))
        y, b = vector + t * (x - vector), a
        w1 = Fraction(abs(1 - t)) * _mean_length(x - vector, a)
    elif family == "shared":
        common = cloud(most)
        w = draw(weights(len(common)))
        x, y = np.concatenate([x, common]), np.concatenate([x + vector, common])
        share = _total(a) / (_total(a) + _total(w))
        a = b = np.concatenate([a, w]) / 2
        w1 = share * Fraction(math.hypot(*vector[0]))
    else:
        y = cloud(most)
        b = draw(weights(len(y)))
        w1 = _on_line(x[:, 0], y[:, 0], a, b)
    return KnownW1(scale * x, scale * y, a, b, scale * float(w1), family)


def _total(w: FloatArray) -> Fraction:
    return sum(map(Fraction, w.tolist()), Fraction(0))


def _mean_length(vectors: FloatArray, w: FloatArray) -> Fraction:
    pairs = zip(vectors.tolist(), w.tolist(), strict=True)
    return sum((Fraction(math.hypot(*vector)) * Fraction(weight) for vector, weight in pairs), Fraction(0)) / _total(w)


def _on_line(x: FloatArray, y: FloatArray, a: FloatArray, b: FloatArray) -> Fraction:
    """∫ |F − G| for two laws of finitely many points."""
    places = sorted({*x.tolist(), *y.tolist()})
    area, height = Fraction(0), Fraction(0)
    for here, there in pairwise(places):
        height += _total(a[x == here]) / _total(a) - _total(b[y == here]) / _total(b)
        area += abs(height) * (Fraction(there) - Fraction(here))
    return area
