"""What can be learnt: toy laws and points of one's own, with what is held out and what is known of them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otgan.checks import as_count, as_points
from otgan.errors import InvalidShapeError, InvalidValueError, one_line
from otgan.files import read_array, read_points
from otgan.gan.images import as_images, read_images
from otgan.measures import (
    DiscreteMeasure,
    GaussianMixture,
    Measure,
    as_measure,
    checkerboard,
    circles,
    eight_gaussians,
    empirical,
    swiss_roll,
    twenty_five_gaussians,
    two_moons,
)
from otgan.pairs.bundled import digits

#: Share of a finite data set that is held out.
HELD_OUT = 0.25
#: The name of scikit-learn's images of handwritten digits.
DIGITS = "digits"


@dataclass(frozen=True, eq=False)
class Data:
    """A law to learn.

    Attributes:
        name: For run folders and titles.
        train: What is trained on.
        held_out: What is judged on: other points, or the same law where it can be drawn from.
        shape: Of one point: (d,), or (channels, height, width).
        labels: Classes of the points of `train` and of `held_out`, where there are any.
    """

    name: str
    train: Measure
    held_out: Measure
    shape: tuple[int, ...]
    labels: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    @property
    def is_image(self) -> bool:
        """Whether points are images."""
        return len(self.shape) == 3

    @property
    def modes(self) -> GaussianMixture | None:
        """The mixture that the law is, if its modes can be counted."""
        return self.train if isinstance(self.train, GaussianMixture) else None


TOYS: Mapping[str, Callable[..., Measure]] = {
    "8gaussians": eight_gaussians,
    "25gaussians": lambda std=0.1: twenty_five_gaussians(std=std),
    "swissroll": swiss_roll,
    "moons": two_moons,
    "circles": circles,
    "checkerboard": checkerboard,
}


def get_data(data: Any, *, shape: tuple[int, ...] | None = None, seed: int = 0, **options: Any) -> Data:
    """Read what is to be learnt. Nothing is ever fetched.

    Args:
        data: A name in `TOYS`, or "digits", scikit-learn's 1,797 images of 8 × 8; points (n, d), images (n, c, h, w)
            of numbers in [0, 1] or unsigned bytes, a `Measure`, or `Data`, which is returned as it is; a file of points
            (.csv, .tsv, .txt, .parquet, .npy, .npz), a NumPy file of images, (n, c, h, w) or (n, h, w), or a folder of
            PNG or JPEG images of one size.
        shape: Of one point, where rows are flat images, as in (1, 28, 28).
        seed: Of the split of a finite data set.
        **options: Of a toy law, such as std; of a file, those of `otgan.files.read_points`, such as columns.

    Raises:
        InvalidValueError: If the name is unknown, an option does not belong, images leave [0, 1], or too few points
            have mass to be split.
        InvalidShapeError: If `shape` does not fit the points, or there are fewer than three.
        FileFormatError: If a file or folder cannot be read as what it should hold.
        MissingDependencyError: If scikit-learn is needed for "digits", Pillow for a folder, pyarrow for Parquet.
    """
    if isinstance(data, Data):
        _no_options(options, shape)
        return data
    rng = np.random.default_rng(as_count("seed", seed, low=0))
    if isinstance(data, str) and data in TOYS:
        known = signature(TOYS[data]).parameters
        _no_options({name: value for name, value in options.items() if name not in known}, shape)
        law = TOYS[data](**options)
        return Data(data, law, law, (law.dim,))
    if isinstance(data, str) and data == DIGITS:
        _no_options(options, shape)
        return _digits(rng)
    name, values = "points", data
    if isinstance(data, str | os.PathLike):
        path = _path(data)
        name, values = Path(os.path.abspath(path)).stem, _from_disk(path, options)
    else:
        _no_options(options)
    if shape is not None:
        if not isinstance(shape, tuple | list) or len(shape) not in (1, 3):
            raise InvalidShapeError("shape", "be (d,) or (c, h, w)", repr(shape), "write (1, 28, 28) for grey images")
        shape = tuple(as_count("shape", length) for length in shape)
        values = _in_shape(values, shape)
    if getattr(values, "ndim", 0) in (3, 4):
        images = as_images("data", values)
        shape, values = images.shape[1:], images.reshape(len(images), -1)
    law = as_measure("data", values)
    shape = shape or (law.dim,)
    if not isinstance(law, DiscreteMeasure):
        return Data(name, law, law, shape)
    if round(HELD_OUT * len(law)) == 0:
        raise InvalidShapeError(
            "data", "have at least 3 points, some to train on and some to judge by", len(law), "give more of them"
        )
    try:
        held_out, train = law.split(HELD_OUT, rng)
    except InvalidValueError as error:
        raise InvalidValueError(
            "data", "have points with mass to train on, and others to judge by", f"too few of {len(law)}",
            "give more of them, or weights to more of them",
        ) from error  # fmt: skip
    return Data(name, train, held_out, shape)


def _in_shape(values: Any, shape: tuple[int, ...]) -> Any:
    """Rows that are flat images as images, once their length has been held against the shape; laws as they are."""
    many = getattr(values, "ndim", 2) > 2
    length = math.prod(values.shape[1:]) if many else as_measure("data", values).dim
    if math.prod(shape) != length:
        raise InvalidShapeError(
            "shape", f"have a product of {length}, the numbers of a point", f"{shape}", "give (c, h, w) of one image"
        )
    if len(shape) != 3 or isinstance(values, Measure) or callable(values):
        return values
    return values.reshape(-1, *shape) if hasattr(values, "reshape") else np.reshape(values, (-1, *shape))


def _path(data: str | os.PathLike[str]) -> Path:
    """A path that the user means as one: it is there, or looks like a file's name."""
    path = Path(data)
    if isinstance(data, str) and not path.suffix and not os.path.exists(path):  # false for names that cannot be, too
        raise InvalidValueError(
            "data", f"be one of {', '.join([*TOYS, DIGITS])}, a file or a folder", repr(data),
            "choose one of these names, or check the path",
        )  # fmt: skip
    return path


def _from_disk(path: Path, options: Mapping[str, Any]) -> Any:
    """Points, with their weights where asked for, or images."""
    if os.path.isdir(path):
        _no_options(options)
        return read_images(path)
    _no_options({name: value for name, value in options.items() if name not in ("columns", "weights", "array")})
    if path.suffix.lower() in (".npy", ".npz") and "weights" not in options and "columns" not in options:
        values = read_array(path, **options)
        if values.ndim > 2:
            return as_images(one_line(path), values)
        as_points(one_line(path), values)
        return values  # as they are: rows of unsigned bytes may be flat images
    points, weights = read_points(path, **options)
    return points if weights is None else DiscreteMeasure(points, weights)


def _digits(rng: np.random.Generator) -> Data:
    """Of each digit a share is held out, so that no class is rarer there by chance."""
    points, labels = digits()
    apart = np.zeros(len(points), dtype=bool)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        apart[rows[: round(HELD_OUT * len(rows))]] = True
    train, held_out = (empirical(points[rows]).named(DIGITS) for rows in (~apart, apart))
    return Data(DIGITS, train, held_out, (1, 8, 8), (labels[~apart], labels[apart]))


def _no_options(options: Mapping[str, Any], shape: Any = None) -> None:
    for name, value in (dict(options) if shape is None else {**options, "shape": shape}).items():
        raise InvalidValueError(name, "be left out for such data", repr(value), "leave it out, or check its spelling")
