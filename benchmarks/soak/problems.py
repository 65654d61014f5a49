"""Random problems, each from one number: all kinds of points, weights, metrics, exponents, methods and stops."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from otgan.checks import FloatArray

METRICS = ("euclidean", "euclidean", "cityblock", "chebyshev", "haversine")
WEIGHTS = ("equal", "random", "with zeros", "twelve orders", "integers")
#: Kinds of points; the last three relate the two samples to each other.
KINDS = ("normal", "grid", "duplicates", "collinear", "far clusters", "tiny", "huge", "any scale", "integers")
KINDS += ("shared points", "identical", "translated")


@dataclass(frozen=True, eq=False)
class Problem:
    """Two weighted samples, and how they are to be solved.

    Attributes:
        seed: The number that it is drawn from.
        kind: Kind of its points.
        weights: Kind of its weights.
        x: Source points.
        y: Target points.
        a: Source weights, or None.
        b: Target weights, or None.
        settings: Arguments of `otgan.wasserstein`.
        known: W_p, where the construction tells it.
        blur: What rounding may have done to that.
    """

    seed: int
    kind: str
    weights: str
    x: FloatArray
    y: FloatArray
    a: FloatArray | None
    b: FloatArray | None
    settings: dict[str, Any] = field(default_factory=dict)
    known: float | None = None
    blur: float = 0.0

    @property
    def stopped(self) -> bool:
        """Whether it may end early."""
        return bool({"tol", "max_iter", "max_seconds"} & self.settings.keys())

    def __str__(self) -> str:
        n, m, d = len(self.x), len(self.y), self.x.shape[1]
        return f"seed {self.seed}: {self.kind}, n = {n}, m = {m}, d = {d}, weights {self.weights}, {self.settings}"


def draw(seed: int) -> Problem:
    """The problem of a seed, always the same (but `max_seconds` stops where it stops)."""
    rng = np.random.default_rng([seed, 9])
    metric = str(rng.choice(METRICS))
    kind = str(rng.choice(KINDS))
    if metric == "haversine" and kind in ("tiny", "huge", "any scale", "translated"):
        metric = "euclidean"
    p = float(rng.choice([1.0, 1.0, 2.0, rng.uniform(1, 3)]))
    d = 2 if metric == "haversine" else 10 if rng.random() < 0.05 else int(rng.integers(1, 6))
    most = 3000 if rng.random() < 0.02 else 600
    n, m = (int(math.exp(rng.uniform(0, math.log(most)))) for _ in range(2))
    weights = str(rng.choice(WEIGHTS))
    a, b = _weights(rng, weights, n), _weights(rng, weights, m)
    x, y = (_globe if metric == "haversine" else _space)(rng, kind, n, m, d)
    known, blur = None, 0.0
    if kind in ("identical", "translated"):
        order = rng.permutation(n)
        y, b, known = x[order], None if a is None else a[order], 0.0
    if kind == "translated":
        shift = rng.normal(size=d) * 10.0 ** rng.integers(-6, 7)
        y = y + shift
        known = float(np.linalg.norm(shift, {"euclidean": 2, "cityblock": 1, "chebyshev": np.inf}[metric]))
        blur = 4 * d * np.finfo(float).eps * float(abs(y).max() + abs(x).max())
    if kind in ("tiny", "huge", "any scale"):
        most = min(150.0, 200 / p)  # the span's power p has to fit float64
        low, high = {"tiny": (-most, -most / 2), "huge": (most / 2, most), "any scale": (-most / 2, most / 2)}[kind]
        scale = 10.0 ** rng.uniform(low, high)
        x, y = scale * x, scale * y
    settings = {"metric": metric, "p": p, "method": _method(rng, d, metric), **_stop(rng)}
    return Problem(seed, kind, weights, x, y, a, b, settings, known, blur)


def _weights(rng: np.random.Generator, kind: str, n: int) -> FloatArray | None:
    if kind == "equal":
        return None
    if kind == "random":
        return rng.random(n) + 1e-9
    if kind == "with zeros":
        return rng.random(n) * (rng.random(n) < 0.6) + 1e-3 * (np.arange(n) == 0)
    if kind == "twelve orders":
        return 10.0 ** rng.uniform(-12, 0, n)
    return rng.integers(1, 10, n).astype(float)


def _space(rng: np.random.Generator, kind: str, n: int, m: int, d: int) -> tuple[FloatArray, FloatArray]:
    points = rng.normal(size=(n + m, d))
    if kind == "grid":  # many ties
        points = rng.integers(0, 1 + int(rng.integers(1, 10)), (n + m, d)) / 7
    elif kind == "duplicates":
        points = points[rng.integers(0, 1 + (n + m) // 5, n + m)]
    elif kind == "collinear":
        points = points[:, :1] * rng.normal(size=(1, d)) + rng.normal(size=(1, d))
    elif kind == "far clusters":
        points = points + 1e8 * rng.integers(0, 2, (n + m, 1))
    elif kind == "integers":
        points = rng.integers(-1000, 1001, (n + m, d)).astype(float)
    return _sides(rng, kind, points, n)


def _globe(rng: np.random.Generator, kind: str, n: int, m: int, d: int) -> tuple[FloatArray, FloatArray]:
    points = np.column_stack([rng.uniform(-90, 90, n + m), rng.uniform(-180, 180, n + m)])
    if kind in ("grid", "integers"):  # poles and both names of the date line among them
        points = np.column_stack([30 * rng.integers(-3, 4, n + m), 60 * rng.integers(-3, 4, n + m)]).astype(float)
    elif kind == "duplicates":
        points = points[rng.integers(0, 1 + (n + m) // 5, n + m)]
    elif kind == "collinear":  # a meridian
        points[:, 1] = points[0, 1]
    elif kind == "far clusters":  # a metre wide, at antipodes
        points = 1e-5 * rng.normal(size=(n + m, 2)) + np.where(rng.random((n + m, 1)) < 0.5, [20, -90], [-20, 90])
    return _sides(rng, kind, points, n)


def _sides(rng: np.random.Generator, kind: str, points: FloatArray, n: int) -> tuple[FloatArray, FloatArray]:
    x, y = points[:n].copy(), points[n:].copy()
    if kind == "shared points":
        both = rng.random(len(y)) < 0.5
        y[both] = x[rng.integers(0, n, both.sum())]
    return x, y


def _method(rng: np.random.Generator, d: int, metric: str) -> str:
    methods = ["auto", "multiscale", "dense"] + ["univariate"] * (d == 1 and metric != "haversine")
    return str(rng.choice(methods))


def _stop(rng: np.random.Generator) -> dict[str, Any]:
    kind = rng.random()
    if kind < 0.6:
        return {}
    if kind < 0.75:
        return {"tol": float(10.0 ** rng.uniform(-9, -1))}
    if kind < 0.9:
        return {"max_iter": int(math.exp(rng.uniform(0, 8)))}
    return {"max_seconds": float(10.0 ** rng.uniform(-4, -0.5))}
