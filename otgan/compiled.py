"""Compiled loops: how they are compiled, where they are cached, and how many threads run them.

Numba's own parallel loops share one pool that aborts the process when two threads enter it (its default layer is not
thread-safe), so loops here release the lock instead, and `in_parts` spreads them over threads of Python.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import Any

import numba
import numpy as np
from numba.core.event import Event, Listener, install_listener

#: Variables that set the number of threads; the first that is set counts. joblib sets all of them in its workers.
THREADS = ("OTGAN_NUM_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS")


def compiled(
    function: Callable[..., Any] | None = None, *, fastmath: set[str] | bool = False, inline: bool = False
) -> Any:
    """Compile a function on first use, and keep the machine code for later processes.

    Where neither the package's folder nor the user's cache can be written, the code is kept for this process only.

    Args:
        function: What to compile, in IEEE arithmetic; without it, the result is a decorator.
        fastmath: LLVM's names of the liberties to take with that.
        inline: Write its body out where it is called, for the innermost loops of others.
    """
    if function is None:
        return partial(compiled, fastmath=fastmath, inline=inline)
    settings: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "fastmath": fastmath,
        "inline": "always" if inline else "never",
    }
    try:
        return numba.njit(cache=True, **settings)(function)
    except RuntimeError:  # Numba's answer when no folder for its cache can be written
        return numba.njit(**settings)(function)


def plain(array: np.ndarray) -> np.ndarray:
    """The array, or a copy, as loops are compiled for: writable and in rows, or they would be compiled once more."""
    return np.require(array, requirements=["C", "A", "W"])


class _Telling(Listener):
    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell

    def on_start(self, event: Event) -> None:
        self._tell()

    def on_end(self, event: Event) -> None:
        pass


@contextmanager
def compilations(tell: Callable[[], None]) -> Iterator[None]:
    """Call tell() whenever something has to be compiled in this block, because no cache holds it yet."""
    with install_listener("numba:compile", _Telling(tell)):
        yield


def thread_count() -> int:
    """How many threads a loop may use: the cores that this process may run on, or what `THREADS` say."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for name in THREADS:
        value = os.environ.get(name, "")
        if value.isdecimal() and int(value) > 0:
            return min(int(value), cores)
    return cores


def in_parts(work: Callable[[int, int], None], size: int, *, smallest: int = 1) -> None:
    """Call work(start, stop) for parts that cover range(size), on several threads where that pays.

    Args:
        work: Releases the lock, and writes results of its own part only.
        size: Number of items.
        smallest: Items below which a part is not worth a thread.
    """
    threads = max(1, min(thread_count(), size // max(1, smallest)))
    if threads == 1:
        work(0, size)
        return
    # More parts than threads, since they take unequal times.
    count = min(4 * threads, max(threads, size // max(1, smallest)))
    edges = [size * k // count for k in range(count + 1)]
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, *edge) for edge in pairwise(edges)]:
            done.result()
