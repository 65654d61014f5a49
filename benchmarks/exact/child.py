"""A process of its own for one sample and one method: its peak memory is its own, and it can be stopped."""

from __future__ import annotations

import gc
import multiprocessing
import os
import resource
import statistics
import sys
import time
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.exact.cases import CASES
from benchmarks.exact.methods import Sample, run

#: Points of the problem that is solved first: enough for the solver that larger problems get.
WARM = 1000
#: Seconds for imports, and for compiling where no earlier process has done it.
WARM_CAP = 900.0
#: Share of the free memory that a method may take; beyond it, it fails instead of the machine.
SHARE = 0.9


class Child:
    """One method on one sample, ready when asked.

    Args:
        case: Name of the case.
        n: Size.
        method: Name of the method.
    """

    def __init__(self, case: str, n: int, method: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, other = context.Pipe()
        self._process = context.Process(target=serve, args=(other, case, n, method), daemon=True)
        self._process.start()
        other.close()  # so that the end of the process is the end of the line

    def ready(self) -> dict[str, Any]:
        """Wait until the first call is over; what went wrong, if anything did."""
        return self._reply(WARM_CAP)

    def ask(self, calls: int, cap: float) -> dict[str, Any]:
        """Call the method some times in a row: seconds of each and the answer, or what went wrong."""
        self._line.send(calls)
        return self._reply(cap)

    def _reply(self, cap: float) -> dict[str, Any]:
        if not self._line.poll(cap):
            self.end()
            return {"state": "over cap", "cap": cap}
        try:
            return dict(self._line.recv())
        except EOFError:
            self._process.join()
            return {"state": "failed", "why": f"its process ended with exit code {self._process.exitcode}"}

    def end(self) -> None:
        """Stop it at once."""
        self._process.kill()
        self._process.join()


def serve(line: Connection, case: str, n: int, method: str) -> None:
    """What the process does: one call to warm up, then as many as it is asked for."""
    os.setsid()  # Ctrl-C is for the parent, which stops this process
    os.environ["POT_BACKEND_DISABLE_PYTORCH"] = "1"  # not needed, and seconds to import
    _limit_memory()
    try:
        sample = CASES[case].draw(n)
        run(method, CASES[case].draw(min(n, WARM)))
        line.send({"state": "ready"})
        while True:
            line.send(_timed(method, sample, line.recv()))
    except (EOFError, BrokenPipeError):  # the parent has gone
        return
    except MemoryError:
        line.send({"state": "failed", "why": "out of memory"})
    except Exception as error:
        line.send({"state": "failed", "why": f"{type(error).__name__}: {error}"})


def _timed(method: str, sample: Sample, calls: int) -> dict[str, Any]:
    seconds = []
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(calls):
            started = time.perf_counter()
            answer = run(method, sample)
            seconds.append(time.perf_counter() - started)
    return {
        "state": "done",
        "seconds": statistics.median(seconds),
        "calls": calls,
        "value": answer.value,
        "gap": answer.gap,
        "warnings": sorted({str(warning.message) for warning in caught}),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }


def _limit_memory() -> None:
    free = Path("/proc/meminfo")
    if free.exists():  # elsewhere there is no limit, and the system has to cope
        kilobytes = next(line.split()[1] for line in free.read_text().splitlines() if line.startswith("MemAvailable"))
        limit = int(SHARE * 1024 * int(kilobytes))
        resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))
