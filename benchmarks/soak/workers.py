"""Processes that check problems one after the other, and are killed when one hangs."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import time
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait

import numpy as np

from benchmarks.soak.check import Outcome, check
from benchmarks.soak.problems import draw

#: Seconds for imports, and for compiling where no earlier process has done it.
START = 300.0


class Worker:
    """A process that has at most one problem at a time.

    Args:
        limit: Seconds that a solve, or a peer's, may take.
    """

    def __init__(self, limit: float) -> None:
        context = multiprocessing.get_context("spawn")
        self.line, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, limit), daemon=True)
        self._process.start()
        other.close()
        self._limit = limit
        self.seed = -1
        self._stage, self._until = "start", 0.0

    def give(self, seed: int) -> None:
        """Begin a problem, once the process is ready."""
        if self._stage == "start" and (not self.line.poll(START) or self.hear() is not None):
            raise SystemExit("a process did not start")
        self.seed = seed
        self._enter("ours")
        self.line.send(seed)

    def hear(self) -> Outcome | None:
        """What it says: an outcome, or nothing yet."""
        try:
            said = self.line.recv()
        except EOFError:
            self._process.join()
            return Outcome([f"its process ended with exit code {self._process.exitcode}, at the stage {self._stage!r}"])
        if isinstance(said, Outcome):
            return said
        self._enter(said)
        return None

    def hangs(self) -> Outcome | None:
        """The outcome of a problem that takes too long. If it is the peer that does, that is no failure."""
        if time.monotonic() < self._until:
            return None
        return Outcome(
            [] if self._stage == "peer" else [f"hangs: more than {self._limit:g} s, at the stage {self._stage!r}"]
        )

    def _enter(self, stage: str) -> None:
        self._stage, self._until = stage, time.monotonic() + self._limit

    def end(self) -> None:
        """Stop it at once."""
        self._process.kill()
        self._process.join()

    @property
    def alive(self) -> bool:
        """Whether it can be given another problem."""
        return self._process.is_alive()


def outcomes(seeds: Iterable[int], ends: float, *, jobs: int, limit: float) -> Iterator[tuple[int, Outcome]]:
    """Check problems until they or the time are used up.

    Args:
        seeds: Numbers of the problems.
        ends: Time by `time.monotonic` after which no problem is begun.
        jobs: Number of processes.
        limit: Seconds after which a solve is said to hang.
    """
    left = iter(seeds)
    workers = [Worker(limit) for _ in range(jobs)]
    try:
        busy = [worker for worker in workers if _give_next(worker, left, ends)]
        while busy:
            ready = wait([worker.line for worker in busy], timeout=1.0)
            for worker in list(busy):
                outcome = worker.hear() if worker.line in ready else worker.hangs()
                if outcome is None:
                    continue
                yield worker.seed, outcome
                busy.remove(worker)
                if worker.line not in ready or not worker.alive:
                    worker.end()
                    worker = Worker(limit)
                    workers.append(worker)
                if _give_next(worker, left, ends):
                    busy.append(worker)
    finally:
        for worker in workers:
            worker.end()


def _give_next(worker: Worker, left: Iterator[int], ends: float) -> bool:
    seed = next(left, None) if time.monotonic() < ends else None
    if seed is not None:
        worker.give(seed)
    return seed is not None


def _serve(line: Connection, limit: float) -> None:
    os.setsid()  # Ctrl-C is for the parent, which stops this process
    os.environ["POT_BACKEND_DISABLE_PYTORCH"] = "1"  # not needed, and seconds to import
    import ot  # noqa: F401

    import otgan

    x = np.random.default_rng(0).normal(size=(600, 2))
    for n in (10, 600):
        otgan.wasserstein(x[:n], x[:n] + 1)
    line.send("ready")
    try:
        while True:
            seed = line.recv()
            faulthandler.dump_traceback_later(0.95 * limit)  # where it hangs, before it is killed
            line.send(check(draw(seed), line.send))
            faulthandler.cancel_dump_traceback_later()
    except (EOFError, BrokenPipeError):  # the parent has gone
        return
