"""Exact W1 of two samples: how long does it take, beside POT and SciPy?

    python -m benchmarks exact [--quick] [--only CASE ...] [--max-n N] [--cap SECONDS] [--out FILE] [--docs [FOLDER]]

Every case, size and method gets a process of its own. That process solves a small problem of the same kind first, so
that nothing is imported or compiled while the clock runs; then the methods take turns, so that a machine that slows
down slows all of them. What counts as a peer's time is all that a user has to do, so the cost matrix is part of it;
reading, checking and the proven bracket are part of ours. Times are medians. A peer that takes longer than the cap is
stopped, and is not asked for larger problems of that case.

Results go to FILE as they come, and a run that is started again goes on where the last one stopped. All methods must
agree to 1e-9, and our bracket must be that narrow; else the run ends with exit code 1. `--docs` measures nothing and
writes the page of the documentation from FILE.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from benchmarks.exact.cases import CASES, plan
from benchmarks.exact.study import Study
from benchmarks.exact.tables import SECTIONS, disagreements

FOLDER = Path(__file__).parents[1]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks exact", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two small problems, in some ten seconds")
    parser.add_argument("--only", nargs="+", choices=sorted(CASES), metavar="CASE", help=f"some of {', '.join(CASES)}")
    parser.add_argument("--max-n", type=int, default=math.inf, help="leave out larger problems")
    parser.add_argument("--cap", type=float, default=300.0, help="seconds after which a peer is stopped")
    parser.add_argument(
        "--out", type=Path, default=FOLDER / "results" / "exact.json", help="file to write and go on from"
    )
    parser.add_argument(
        "--docs",
        type=Path,
        nargs="?",
        const=FOLDER.parent / "docs",
        metavar="FOLDER",
        help="write benchmarks/exact.md and images/exact-time.png there from the file, and measure nothing",
    )
    options = parser.parse_args(arguments)
    if options.docs:
        from benchmarks.exact.page import write_page

        for path in write_page(Study.read(options.out), options.docs):
            print(path)
        return 0
    study = Study.begin(options.out)
    try:
        for task in plan(quick=options.quick):
            if task.n <= options.max_n and (options.only is None or task.case in options.only):
                study.measure(task, cap=options.cap)
    except KeyboardInterrupt:
        print(f"interrupted; {options.out} has what was measured, and the same command goes on from there")
        return 130
    results = study.finish()
    for title, section in SECTIONS.items():
        print(f"\n{title}\n\n{section(results)}")
    wrong = disagreements(results)
    for line in wrong:
        print(f"\nNOT EXACT: {line}")
    return 1 if wrong else 0
