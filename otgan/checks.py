"""Reading what users pass as points, weights and numbers: one place, so that every boundary refuses the same way."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from otgan.errors import (
    InvalidShapeError,
    InvalidTypeError,
    InvalidValueError,
    InvalidWeightsError,
    WeightsWarning,
)

FloatArray = NDArray[np.float64]

#: Weights further than this from summing to one are announced. Rounding in float32, which is relative for each
#: weight, stays three orders of magnitude below it; counts, percentages and plain mistakes lie above.
FAR_OFF = 1e-3


def as_real_array(name: str, values: Any) -> FloatArray:
    """Read anything array-like with real entries as a finite float64 array.

    Args:
        name: How error messages call it.
        values: List, NumPy array, pandas object, or torch tensor (its values; no gradient flows).

    Returns:
        A C-contiguous float64 array of the same shape, a copy unless it was one already.

    Raises:
        InvalidTypeError: If entries are not real numbers (complex, text, objects, booleans, dates).
        InvalidShapeError: If rows have different lengths, or there are no entries.
        InvalidValueError: If an entry is NaN or infinite.
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise InvalidTypeError(name, "have no masked entries", "a masked array", "drop or fill them first")
    if type(values).__module__.startswith("scipy.sparse"):
        raise InvalidTypeError(name, "be a dense array", "a sparse matrix", "call its .toarray()")
    try:
        array = _as_array(values)
    except ValueError as error:  # NumPy's answer to ragged lists
        raise InvalidShapeError(
            name, "have rows of one length", "ragged rows", "give every point the same number of coordinates"
        ) from error
    except Exception as error:  # sparse, nested or quantised tensors, and whatever an __array__ of one's own raises
        raise InvalidTypeError(name, "be an array", f"{type(values).__name__} ({error})", "convert it first") from error
    if array.dtype.kind not in "iuf":
        what = {"b": "booleans", "c": "complex numbers", "U": "text", "S": "bytes", "O": "objects"}
        raise InvalidTypeError(
            name,
            "hold real numbers",
            f"{what.get(array.dtype.kind, str(array.dtype))} (dtype {array.dtype})",
            "convert it with astype(float), or choose its numeric columns",
        )
    if array.size == 0:
        raise InvalidShapeError(name, "not be empty", f"shape {array.shape}", "give at least one entry")
    array = np.ascontiguousarray(array, dtype=np.float64) if array.ndim else array.astype(np.float64)
    if not np.isfinite(array).all():
        where = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
        raise InvalidValueError(
            name,
            "be finite",
            f"{array[where]} at index {where if len(where) != 1 else where[0]}",
            "drop or impute such entries first",
        )
    return array


def _as_array(values: Any) -> np.ndarray:
    """What NumPy makes of it, with a hand for the types that it cannot read by itself."""
    if hasattr(values, "detach") and hasattr(values, "cpu"):  # a torch tensor, recognised without importing torch
        values = values.detach().cpu()
        # NumPy has no bfloat16, and no other 16-bit float that torch can hand over; double holds them all.
        return np.asarray(values.double().numpy() if values.is_floating_point() else values.numpy())
    if type(values).__module__.startswith("pandas") and hasattr(values, "dtypes"):
        kinds = {getattr(dtype, "kind", "O") for dtype in np.atleast_1d(np.asarray(values.dtypes, dtype=object))}
        if kinds and kinds <= set("iuf"):  # pandas' own nullable numbers come out as objects otherwise
            return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
    return np.asarray(values)


def as_points(name: str, values: Any) -> FloatArray:
    """Read points: (n, d), or (n,) for n points on the line.

    Args:
        name: How error messages call it.
        values: See `as_real_array`.

    Returns:
        Points, (n, d), float64, n ≥ 1, d ≥ 1.

    Raises:
        InvalidShapeError: If the array is neither one- nor two-dimensional, or empty.
        InvalidTypeError: If entries are not real numbers.
        InvalidValueError: If an entry is NaN or infinite.
    """
    array = as_real_array(name, values)
    if array.ndim == 1:
        return array[:, None]
    if array.ndim != 2:
        raise InvalidShapeError(
            name,
            "have shape (n, d), or (n,) for points on the line",
            f"shape {array.shape}",
            "flatten each point into one row, as in reshape(len(points), -1)",
        )
    return array


def as_weights(name: str, values: Any, n: int, *, points: str = "points") -> FloatArray:
    """Read weights, as given: one per point, not negative, not all zero; not normalised here.

    Args:
        name: How error messages call them.
        values: Weights, (n,), or None for n equal ones.
        n: Number of points they belong to.
        points: How error messages call those points.

    Returns:
        Weights, (n,), float64.

    Raises:
        InvalidWeightsError: If a weight is negative, NaN or infinite, all are zero, or there is not one per point.
        InvalidTypeError: If they are not real numbers.

    Warns:
        WeightsWarning: If they are far from summing to one (by more than `FAR_OFF`).
    """
    if values is None:
        return np.ones(n)
    array = as_masses(name, values, n, points=points)
    total = float(array.sum())
    if abs(total - 1) > FAR_OFF:
        warnings.warn(f"{name} sums to {total:g}, not 1; it has been normalised", WeightsWarning, stacklevel=4)
    return array


def as_masses(name: str, values: Any, n: int, *, points: str = "points") -> FloatArray:
    """Read masses, of any positive sum: one per point, not negative, not all zero.

    Args:
        name: How error messages call them.
        values: Masses, (n,).
        n: Number of points they belong to.
        points: How error messages call those points.

    Returns:
        Masses, (n,), float64.

    Raises:
        InvalidWeightsError: If a mass is negative, NaN or infinite, all are zero, or there is not one per point.
        InvalidTypeError: If they are not real numbers.
    """
    try:
        array = as_real_array(name, values)
    except InvalidShapeError as error:
        raise InvalidWeightsError(name, f"have shape ({n},)", error.value, error.fix) from None
    except InvalidValueError as error:
        raise InvalidWeightsError(name, error.rule, error.value, error.fix) from None
    if array.shape != (n,):
        raise InvalidWeightsError(
            name, f"have shape ({n},)", f"shape {array.shape}", f"give one weight for each of the {n} {points}"
        )
    if array.min() < 0:
        k = int(array.argmin())
        raise InvalidWeightsError(name, "not be negative", f"{array[k]} at index {k}", "a measure has no negative mass")
    largest = float(array.max())
    if largest == 0:
        raise InvalidWeightsError(name, "have a positive entry", "all zeros", "a measure needs some mass")
    if largest > 1e270:
        raise InvalidWeightsError(name, "stay below 1e270", f"{largest:g}", "divide all of them by their maximum")
    return array


def as_number(
    name: str,
    value: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """Read a finite real number in [low, high], without an end that is open.

    Raises:
        InvalidTypeError: If it is not a real number.
        InvalidValueError: If it is NaN, infinite, or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InvalidTypeError(name, "be a real number", repr(value), "pass an int or a float")
    try:
        number = float(value)
    except OverflowError:  # an integer beyond float64
        number = math.inf if value > 0 else -math.inf
    if (
        not math.isfinite(number)
        or number < low
        or number > high
        or (open_low and number == low)
        or (open_high and number == high)
    ):
        left = "(" if open_low or math.isinf(low) else "["
        right = ")" if open_high or math.isinf(high) else "]"
        raise InvalidValueError(name, f"be in {left}{low:g}, {high:g}{right}", number, "choose a value in that range")
    return number


def as_seconds(name: str, value: Any) -> float:
    """Read a time limit in seconds, positive; infinite for none.

    Raises:
        InvalidTypeError: If it is not a real number.
        InvalidValueError: If it is NaN or not positive.
    """
    if isinstance(value, float) and value == math.inf:
        return value
    return as_number(name, value, low=0, open_low=True)


def as_count(name: str, value: Any, *, low: int = 1, high: int | None = None) -> int:
    """Read an integer ≥ low (and ≤ high where given).

    Raises:
        InvalidTypeError: If it is not an integer.
        InvalidValueError: If it is out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InvalidTypeError(name, "be an integer", repr(value), "pass a whole number")
    if value < low or (high is not None and value > high):
        rule = f"be at least {low}" if high is None else f"be between {low} and {high}"
        raise InvalidValueError(name, rule, value, "choose a value in that range")
    return int(value)


def as_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """Read one of a few names.

    Raises:
        InvalidValueError: If it is none of them.
    """
    if not isinstance(value, str) or value not in choices:
        raise InvalidValueError(name, f"be one of {', '.join(choices)}", repr(value)[:80], "choose one of these names")
    return value


def as_generator(name: str, value: Any) -> np.random.Generator:
    """Read an explicit random generator.

    Raises:
        InvalidTypeError: If it is not a `numpy.random.Generator`.
    """
    if not isinstance(value, np.random.Generator):
        raise InvalidTypeError(name, "be a numpy.random.Generator", repr(value), "pass numpy.random.default_rng(seed)")
    return value
