"""Counterexamples that a person can read: made simpler as long as they still fail, and shown so that they paste."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from otgan.checks import FloatArray

#: Numbers that are shown of one array; a message is read, and longer ones are not.
SHOWN = 24

#: Evaluations that making a witness simpler may cost.
BUDGET = 400

Clouds = tuple[FloatArray, ...]


def show(values: FloatArray) -> str:
    """Points as nested lists that can be pasted; long ones are cut."""
    values = np.asarray(values) + 0.0  # no -0.0
    if values.size <= SHOWN:
        return str(values.tolist())
    return f"{values.reshape(-1)[:6].tolist()[:6]} … ({' x '.join(map(str, values.shape))} numbers)"


def shrink(clouds: Clouds, fails: Callable[[Clouds], bool], least: tuple[int, ...]) -> Clouds:
    """Leave points out and take simpler coordinates, as long as it still fails.

    Coordinates are changed one at a time, then each number in all of its places at once, where clouds have to agree.

    Args:
        clouds: Arrays whose first axis counts the points, (n, ...) each.
        fails: Whether clouds still show the fault.
        least: How many points each cloud must keep.

    Returns:
        Clouds that fail; the given ones, if nothing simpler does. Each change makes them strictly simpler, so that the
        search ends; after `BUDGET` evaluations it ends with what it has.
    """
    now, left = list(clouds), BUDGET

    def take_all(candidate: Clouds) -> bool:
        nonlocal left
        if not left:
            return False
        left -= 1
        if not fails(candidate):
            return False
        now[:] = candidate
        return True

    def take(k: int, cloud: FloatArray) -> bool:
        return not np.array_equal(cloud, now[k]) and take_all((*now[:k], cloud, *now[k + 1 :]))

    going = True
    while going:
        going = False
        for k in range(len(now)):
            for row in reversed(range(len(now[k]))):
                if len(now[k]) > least[k]:
                    going |= take(k, np.delete(now[k], row, axis=0))
            for digits in range(4):
                going |= take(k, now[k].round(digits) + 0.0)
            for place in np.ndindex(now[k].shape):
                going |= any(take(k, _with(now[k], place, v)) for v in simpler_numbers(float(now[k][place])))
        numbers = np.unique(np.concatenate([cloud.reshape(-1) for cloud in now]))
        for number in numbers.tolist() if len(numbers) <= SHOWN else []:
            going |= any(
                take_all(tuple(np.where(cloud == number, v, cloud) for cloud in now)) for v in simpler_numbers(number)
            )
    return tuple(now)


def _with(cloud: FloatArray, place: tuple[int, ...], value: float) -> FloatArray:
    changed = cloud.copy()
    changed[place] = value
    return changed


def simpler_numbers(value: float) -> list[float]:
    """Numbers that are simpler than this one, the simplest first."""
    near = {round(value, digits) + 0.0 for digits in range(7)}
    return sorted((v for v in {0.0, 1.0, -1.0, abs(value)} | near if _rank(v) < _rank(value)), key=_rank)


def _rank(value: float) -> tuple[int, float, bool]:
    """Short numbers before long ones, then small before large, then positive before negative."""
    size = abs(value)
    return len(repr(size)) if size != math.floor(size) else 0, size, value < 0
