"""A process of its own for one method on one problem, which can be stopped."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.entropic.checker import marginal_error
from benchmarks.entropic.peers import METHODS, OURS, Problem

ROOT = Path(__file__).parents[2]
#: Seconds for imports, compiling and, for our own method, a first run.
WARM_CAP = 900.0


class Child:
    """One method on one problem.

    Args:
        method: Name of the method.
        problem: What it is asked.
        python: Interpreter that has the method's package; our own method runs in this one.
    """

    def __init__(self, method: str, problem: Problem, python: str = sys.executable) -> None:
        self._problem = problem
        self._folder = tempfile.TemporaryDirectory(prefix="entropic-")
        sample = os.path.join(self._folder.name, "sample.npz")
        np.savez(sample, x=problem.x, y=problem.y)
        job = {"method": method, "sample": sample, "answers": self._folder.name}
        self._process = _start(python if METHODS[method].package != OURS else sys.executable)
        self._tell(json.dumps(job | {"epsilon": problem.epsilon, "tol": problem.tol}))

    def ready(self) -> dict[str, Any]:
        """Wait until everything is compiled; what went wrong, if anything did."""
        return self._reply(WARM_CAP)

    def ask(self, cap: float) -> dict[str, Any]:
        """Run it once: its seconds, and the error of its answer as we find it; or what went wrong."""
        self._tell("run")
        reply = self._reply(cap)
        if "file" in reply:
            with np.load(reply.pop("file")) as answer:
                p = self._problem
                reply["error"] = marginal_error(p.x, p.y, *p.weights, answer["f"], answer["g"], p.epsilon)
        return reply

    def end(self) -> None:
        """Stop it at once."""
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def _tell(self, line: str) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(line.encode() + b"\n")
        except BrokenPipeError:  # it has ended; so the reply will say
            return

    def _reply(self, cap: float) -> dict[str, Any]:
        out = self._process.stdout
        assert out
        if not select.select([out], [], [], cap)[0]:
            self._process.kill()
            return {"state": "over cap", "cap": cap}
        line = out.readline()
        if line:
            return dict(json.loads(line))
        return {"state": "failed", "why": f"its process ended with exit code {self._process.wait()}"}


def available(python: str, modules: Iterable[str]) -> tuple[set[str], dict[str, str]]:
    """Which of some modules an interpreter has, and the versions of what times depend on."""
    process = _start(python)
    job = json.dumps({"modules": list(modules)}).encode() + b"\n"
    out, _ = process.communicate(job)
    if not out:
        raise SystemExit(f"{python} does not run this study: it needs Python with numpy and scipy")
    reply = json.loads(out)
    return set(reply["modules"]), reply["versions"]


def _start(python: str) -> subprocess.Popen[bytes]:
    # POT imports every backend that it finds; jax and tensorflow would only take its time and memory.
    quiet = {"POT_BACKEND_DISABLE_JAX": "1", "POT_BACKEND_DISABLE_TENSORFLOW": "1", "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(
        [python, "-m", "benchmarks.entropic.serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        cwd=ROOT,
        env=os.environ | quiet | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,  # Ctrl-C is for us, who stop it
    )
