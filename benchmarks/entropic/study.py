"""The measurements: taken in turns with ours, kept in a file as they come, and never taken twice."""

from __future__ import annotations

import datetime
import json
import math
import os
import statistics
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks._machine import machine
from benchmarks.entropic import tables
from benchmarks.entropic.child import Child, available
from benchmarks.entropic.peers import GPU, METHODS, OURS, Problem
from benchmarks.entropic.plan import TOL, Record, draw

SCHEMA = 1
#: Seconds after which we are stopped ourselves.
OWN_CAP = 3600.0
#: A peer that is quicker than this many seconds runs so many times; a slower one once.
SHORT, TIMES = 30.0, 3


class Study:
    """All measurements so far, and what it takes to go on.

    Args:
        file: JSON file that has them, or will.
        python: Interpreter that has the peers; None if no peer is asked.
    """

    def __init__(self, file: Path, python: str | None) -> None:
        self._file, self._python = file, python
        theirs = {method.module for method in METHODS.values() if method.package != OURS}
        ours = {method.module for method in METHODS.values() if method.package == OURS}
        there, versions = available(python, theirs) if python else (set(), {})
        self._there = there | available(sys.executable, ours)[0]
        here = machine("otgan", "numpy", "scipy", "numba")
        empty: dict[str, Any] = {"schema": SCHEMA, "machine": here, "peers": {}, "records": [], "large": []}
        self._results = read(file) if file.exists() else empty
        before, now = self._results["machine"] | self._results["peers"], here | versions
        other = {name: before[name] for name in now if before.get(name, now[name]) != now[name]}
        if other:
            raise SystemExit(f"{file} was measured elsewhere ({other}): choose another --out")
        self._results["peers"] |= versions

    def report(self) -> int:
        """Print what the file holds, and what it lacks; 1 if ours missed what it must reach, else 0."""
        for title, section in tables.SECTIONS.items():
            print(f"\n{title}\n\n{section(self._results)}")
        missing = sorted({method.package for name, method in METHODS.items() if not self.has(name) and name != GPU})
        if missing and self._python:
            print(f"\nnot installed, at least in part: {', '.join(missing)} (see --help)")
        wrong = tables.shortcomings(self._results)
        for line in wrong:
            print(f"\nNOT REACHED: {line}")
        return 1 if wrong else 0

    @property
    def records(self) -> list[Record]:
        """What was measured beside ours."""
        return list(self._results["records"])

    def has(self, method: str) -> bool:
        """Whether the package of a method is installed."""
        return METHODS[method].module in self._there

    def compare(self, method: str, n: int, epsilon: float, cap: float) -> None:
        """Time a peer, and ours before and after each of its runs, unless the file has it."""
        key = {"n": n, "epsilon": epsilon, "method": method}
        old = _find(self._results["records"], key)
        if old and not _stale(old, cap, self.has(OURS)):
            return
        problem = Problem(*draw(n), epsilon, TOL)
        children = [Child(method, problem, self._python)]
        try:
            if self.has(OURS):
                children.append(Child(OURS, problem))
            self._keep("records", key, _in_turns(*children, cap=cap))
        finally:
            for child in children:
                child.end()

    def alone(self, n: int, epsilon: float) -> None:
        """Time one run of ours, with the peak memory of its process, unless the file has it."""
        key = {"n": n, "epsilon": epsilon, "method": OURS}
        if _find(self._results["large"], key):
            return
        child = Child(OURS, Problem(*draw(n), epsilon, TOL))
        try:
            reply = child.ready()
            self._keep("large", key, _judged([child.ask(OWN_CAP)]) if reply["state"] == "ready" else reply)
        finally:
            child.end()

    def _keep(self, part: str, key: dict[str, Any], record: Record) -> None:
        others = [other for other in self._results[part] if any(other[name] != key[name] for name in key)]
        kept = key | record | {"date": datetime.date.today().isoformat()}
        self._results[part] = [*others, kept]
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_name(self._file.name + ".part")
        draft.write_text(json.dumps(self._results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(draft, self._file)  # a run that is killed leaves the last whole file
        print(f"n = {key['n']:,}, ε = {key['epsilon']:g}, {key['method']}: {_told(kept)}", flush=True)


def read(file: Path) -> dict[str, Any]:
    """What a file holds."""
    if not file.exists():
        raise SystemExit(f"{file} is not there: measure first")
    results = json.loads(file.read_text(encoding="utf-8"))
    if results.get("schema") != SCHEMA:
        raise SystemExit(f"{file} has schema {results.get('schema')}, not {SCHEMA}: choose another --out")
    return dict(results)


def _find(records: list[Record], key: dict[str, Any]) -> Record | None:
    return next((r for r in records if all(r[name] == value for name, value in key.items())), None)


def _stale(record: Record, cap: float, ours: bool) -> bool:
    """Whether it failed, or was cut off at less time than is now allowed, or ours was not there to compare with."""
    cut = record["state"] == "over cap" and record.get("cap", cap) < cap
    return record["state"] == "failed" or cut or (ours and "ours" not in record)


def _in_turns(peer: Child, ours: Child | None = None, *, cap: float) -> Record:
    """Ours, the peer, ours, the peer, … and ours: what each found, and ratios of a run to the two of ours beside it."""
    for child in (peer, ours):
        ready = child.ready() if child else {"state": "ready"}
        if ready["state"] != "ready":
            return ready | ({"why": f"{OURS}: {ready.get('why', 'over cap')}"} if child is ours else {})
    runs: list[Record] = []
    own = [ours.ask(OWN_CAP)] if ours else []
    while len(runs) < TIMES and not (runs and (runs[-1]["state"] != "done" or runs[-1]["seconds"] > SHORT)):
        runs.append(peer.ask(cap))
        if ours:
            own.append(ours.ask(OWN_CAP))
    record = _judged(runs)
    if ours:
        record["ours"] = _judged(own)
        if record["ours"]["state"] == "done" and record["state"] in ("done", "over cap"):
            beside = [(before["seconds"] + after["seconds"]) / 2 for before, after in pairwise(own)]
            taken = [run.get("seconds", cap) for run in runs]
            record["ratio"] = statistics.median(t / s for t, s in zip(taken, beside, strict=True))
    return record


def _judged(runs: list[Record]) -> Record:
    """One record of several runs: the median time, the largest error, and the last run's own words."""
    last = next((run for run in runs if run["state"] != "done"), runs[-1])
    if last["state"] != "done":
        return last
    error = max(run["error"] for run in runs)
    seconds = [run["seconds"] for run in runs]
    said = last | {
        "runs": seconds,
        "seconds": statistics.median(seconds),
        "error": error if math.isfinite(error) else None,
    }
    return said | {"reached": error <= TOL, "peak": max(run["peak"] for run in runs)}


def _told(record: Record) -> str:
    if record["state"] != "done":
        return f"{record['state']}{', ' + record['why'] if 'why' in record else ''}"
    ratio = f", {record['ratio']:.3g} times ours" if "ratio" in record else ""
    return f"{record['seconds']:.3g} s, error {tables.error(record['error'])}{ratio}"
