"""The measurements: taken in turns, kept in a file as they come, and never taken twice."""

from __future__ import annotations

import datetime
import json
import os
import statistics
from pathlib import Path
from typing import Any

from benchmarks._machine import machine
from benchmarks.exact.cases import CASES, Task
from benchmarks.exact.child import Child
from benchmarks.exact.methods import OURS
from benchmarks.exact.tables import growth, ratios

SCHEMA = 1
#: Packages whose versions times depend on.
PACKAGES = ("otgan", "numpy", "scipy", "pot", "numba")
#: Seconds after which we are stopped ourselves: never in earnest.
OWN_CAP = 3600.0
#: A call that takes longer than this many seconds is not repeated.
LONG = 20.0
#: Seconds that a turn of short calls lasts, and how many it has at the most.
TURN, MOST = 0.2, 100


class Study:
    """All measurements so far.

    Args:
        file: JSON file that has them.
        results: What it holds: the machine, and a record for each case, size and method.
    """

    def __init__(self, file: Path, results: dict[str, Any]) -> None:
        self._file = file
        self._results = results

    @classmethod
    def begin(cls, file: Path) -> Study:
        """Go on from a file, or start a new one."""
        here = machine(*PACKAGES)
        if not file.exists():
            return cls(file, {"schema": SCHEMA, "machine": here, "records": []})
        stored = cls.read(file)
        other = {key: value for key, value in stored["machine"].items() if here.get(key) != value}
        if other:
            raise SystemExit(f"{file} was measured elsewhere ({other}): choose another --out")
        return cls(file, stored)

    @staticmethod
    def read(file: Path) -> dict[str, Any]:
        """What a file holds."""
        if not file.exists():
            raise SystemExit(f"{file} is not there: measure first")
        results = json.loads(file.read_text(encoding="utf-8"))
        if results.get("schema") != SCHEMA:
            raise SystemExit(f"{file} has schema {results.get('schema')}, not {SCHEMA}: choose another --out")
        return dict(results)

    def measure(self, task: Task, *, cap: float) -> None:
        """Measure what is missing, and write it to the file."""
        missing = [method for method in task.methods if self._wanted(task, method, cap)]
        if not missing:
            return
        caps = {method: OWN_CAP if method.startswith(OURS) else cap for method in missing}
        for method, record in _in_turns(task, caps).items():
            self._keep(task, method, record)

    def finish(self) -> dict[str, Any]:
        """Add to the file what follows from all records: ratios and growth."""
        self._results |= {"ratios": ratios(self._results), "growth": growth(self._results)}
        self._write()
        return self._results

    def _wanted(self, task: Task, method: str, cap: float) -> bool:
        """Whether there is no record yet, and no smaller problem has been too much for the method."""
        past = [r for r in self._results["records"] if (r["case"], r["method"]) == (task.case, method)]
        valid = {record["n"]: record for record in past if not self._stale(record, cap)}
        if task.n in valid:
            return False
        for n, record in valid.items():
            if n < task.n and record["state"] != "done":
                self._keep(task, method, {"state": "skipped", "cap": record.get("cap"), "why": record.get("why")})
                return False
        return True

    @staticmethod
    def _stale(record: dict[str, Any], cap: float) -> bool:
        """Whether it was cut off at less time than is now allowed."""
        return record["state"] in ("over cap", "skipped") and record.get("cap") is not None and record["cap"] < cap

    def _keep(self, task: Task, method: str, record: dict[str, Any]) -> None:
        key = {"case": task.case, "n": task.n, "method": method}
        others = [other for other in self._results["records"] if any(other[name] != key[name] for name in key)]
        record = key | {name: value for name, value in record.items() if value is not None}
        self._results["records"] = [*others, record | {"date": datetime.date.today().isoformat()}]
        self._write()
        what = f"{record['seconds']:.4g} s" if record["state"] == "done" else record["state"]
        print(f"{CASES[task.case].title}, n = {task.n}, {method}: {what}", *record.get("warnings", ()), flush=True)

    def _write(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_name(self._file.name + ".part")
        draft.write_text(json.dumps(self._results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(draft, self._file)  # a run that is killed leaves the last whole file


def _in_turns(task: Task, caps: dict[str, float]) -> dict[str, dict[str, Any]]:
    """Records of several methods on one sample. The first turn is one call, which says how many the others have."""
    children = {method: Child(task.case, task.n, method) for method in caps}
    turns: dict[str, list[dict[str, Any]]] = {method: [] for method in caps}
    try:
        for method, child in children.items():
            reply = child.ready()
            if reply["state"] != "ready":
                turns[method].append(reply)
        for turn in range(task.rounds):
            for method, child in children.items():
                past = turns[method]
                if past and (past[-1]["state"] != "done" or past[-1]["seconds"] > LONG):
                    continue
                calls = int(min(max(TURN / past[0]["seconds"], 1), MOST)) if turn else 1
                past.append(child.ask(calls, caps[method]))
    finally:
        for child in children.values():
            child.end()
    return {method: _record(past) for method, past in turns.items()}


def _record(turns: list[dict[str, Any]]) -> dict[str, Any]:
    last = turns[-1]
    if last["state"] != "done":
        return last
    # Short calls find cold caches in the first turn, which only says how long they take.
    counted = turns[1:] if last["calls"] > 1 else turns
    seconds = [turn["seconds"] for turn in counted]
    return last | {
        "seconds": statistics.median(seconds),
        "fastest": min(seconds),
        "slowest": max(seconds),
        "calls": sum(turn["calls"] for turn in counted),
    }
