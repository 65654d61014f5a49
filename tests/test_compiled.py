"""Compiled loops: their cache, their announcement, and their threads."""

from __future__ import annotations

import threading

import numba
import numpy as np
import pytest

from otgan.compiled import THREADS, compilations, compiled, in_parts, thread_count


def twice(x: float) -> float:
    return x + x


@pytest.fixture
def no_cache(monkeypatch):
    """No folder for a cache can be written."""
    njit = numba.njit

    def read_only(*arguments, **settings):
        if settings.get("cache"):
            raise RuntimeError("cannot cache function 'twice': no locator available for file '<stdin>'")
        return njit(*arguments, **settings)

    monkeypatch.setattr(numba, "njit", read_only)


def test_where_nothing_can_be_written_it_compiles_all_the_same(no_cache):
    assert compiled(twice)(1.5) == 3


def test_a_compilation_is_told_once(no_cache):
    told = []
    function = compiled(fastmath=False)(twice)
    with compilations(lambda: told.append("compiling")):
        assert function(1.0) == 2
        assert told
        told.clear()
        assert function(2.0) == 4
        assert not told


def test_arithmetic_is_ieee():
    @compiled
    def divide(x: float, y: float) -> float:
        return x / y

    assert divide(1.0, 0.0) == np.inf  # and no exception, as in NumPy


@pytest.mark.parametrize("threads", ["1", "2", "7"])
def test_parts_cover_everything_once(threads, monkeypatch):
    monkeypatch.setenv(THREADS[0], threads)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: range(8), raising=False)
    assert thread_count() == int(threads)
    seen, lock = np.zeros(1000, dtype=int), threading.Lock()

    def work(start: int, stop: int) -> None:
        with lock:
            seen[start:stop] += 1

    for size in (0, 1, 5, 1000):
        seen[:] = 0
        in_parts(work, size, smallest=10)
        assert (seen[:size] == 1).all()
        assert not seen[size:].any()


def test_what_fails_in_a_part_is_raised(monkeypatch):
    monkeypatch.setenv(THREADS[0], "2")
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: range(8), raising=False)

    def work(start: int, stop: int) -> None:
        if start <= 70 < stop:
            raise ValueError("item 70")

    with pytest.raises(ValueError, match="item 70"):
        in_parts(work, 100)


def test_threads_are_limited_by_the_first_variable_that_is_set(monkeypatch):
    for name in THREADS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: range(6), raising=False)
    assert thread_count() == 6
    monkeypatch.setenv(THREADS[-1], "3")
    assert thread_count() == 3
    monkeypatch.setenv(THREADS[0], "2")
    assert thread_count() == 2
    for no_number in ("many", "0", "²"):
        monkeypatch.setenv(THREADS[0], no_number)
        assert thread_count() == 3
    monkeypatch.setenv(THREADS[-1], "100")
    assert thread_count() == 6
