"""The process that runs one method on one problem: it says when it is ready, and then runs whenever it is told to.

    python -m benchmarks.entropic.serve < job

A job is a line of JSON; so is every reply. It needs NumPy, SciPy and the method's package, and otgan for our own.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import os
import resource
import sys
import time
from importlib import metadata
from typing import Any

import numpy as np

from benchmarks.entropic.peers import CUDA, METHODS, Problem

#: Packages whose versions times depend on, beside our own.
PACKAGES = ("numpy", "scipy", "torch", "POT", "jax", "ott-jax", "geomloss", "pykeops")


def main() -> None:
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a package prints is not a reply

    def reply(**content: Any) -> None:
        replies.write(json.dumps(content) + "\n")
        replies.flush()

    job = json.loads(sys.stdin.readline())
    if "modules" in job:
        reply(modules=[name for name in job["modules"] if _there(name)], versions=_versions())
        return
    try:
        call = _prepared(job)
        reply(state="ready")
        for run, _ in enumerate(sys.stdin):
            reply(**_timed(call, f"{job['answers']}/{run}.npz"))
    except MemoryError:
        reply(state="failed", why="out of memory")
    except Exception as error:
        reply(state="failed", why=f"{type(error).__name__}: {error}"[:500])


def _prepared(job: dict[str, Any]) -> Any:
    with np.load(job["sample"]) as sample:
        problem = Problem(sample["x"], sample["y"], job["epsilon"], job["tol"])
    method = METHODS[job["method"]]
    return method.prepare(problem, **method.settings)


def _timed(call: Any, file: str) -> dict[str, Any]:
    gc.collect()
    started = time.perf_counter()
    answer = call()
    seconds = time.perf_counter() - started
    np.savez(file, f=answer.f, g=answer.g)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"state": "done", "seconds": seconds, "file": file, "said": answer.said, "peak": peak}


def _there(module: str) -> bool:
    if module == CUDA:
        return _there("torch") and importlib.import_module("torch").cuda.is_available()
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # its parent
        return False


def _versions() -> dict[str, str]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


if __name__ == "__main__":
    main()
