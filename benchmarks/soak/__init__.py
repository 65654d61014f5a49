"""Thousands of random problems: is one wrong, and does one hang?

    python -m benchmarks soak [--seconds S] [--most N] [--seed FIRST] [--jobs J] [--limit S] [--only SEED]

Problems are numbered, and each is drawn from its number: sizes, dimensions, metrics, exponents, kinds of points and of
weights, methods, and where the solve is stopped. A failure prints the command that repeats just that problem.

The truth comes from two sides. Weak duality, evaluated anew in long doubles by code that shares nothing with otgan:
any plan costs at least the optimum, and any feasible potentials prove at most that. And POT's `emd2` on the cost
matrix. Where POT warns it is left out, and where duality proves it wrong, which happens with weights over many orders
of magnitude, that is counted and no failure of ours. Beyond that: bounds in order, status and gap in agreement,
marginals, W_p where the construction tells it, and limits of time.

Problems are solved in other processes, which are killed where one takes longer than the limit.
"""

from __future__ import annotations

import argparse
import sys
import time

from benchmarks.soak.check import check
from benchmarks.soak.problems import draw
from benchmarks.soak.tally import Tally
from benchmarks.soak.workers import outcomes


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks soak", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=600.0, help="after these no problem is begun")
    parser.add_argument("--most", type=int, default=10**9, help="number of problems")
    parser.add_argument("--seed", type=int, default=0, help="number of the first problem")
    parser.add_argument("--jobs", type=int, default=1, help="processes that solve")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds after which a solve is said to hang")
    parser.add_argument("--only", type=int, metavar="SEED", help="this problem alone, in this process")
    options = parser.parse_args(arguments)
    if options.only is not None:
        problem = draw(options.only)
        print(problem)
        outcome = check(problem)
        print(outcome)
        return 1 if outcome.failures else 0
    tally, ends = Tally(), time.monotonic() + options.seconds
    seeds = range(options.seed, options.seed + options.most)
    try:
        for seed, outcome in outcomes(seeds, ends, jobs=options.jobs, limit=options.limit):
            problem = draw(seed)
            tally.add(problem, outcome)
            for failure in outcome.failures:
                print(f"\r{problem}\n    {failure}\n    python -m benchmarks soak --only {seed}", flush=True)
            if sys.stderr.isatty():
                print(f"\r{tally.line()}  ", end="", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("interrupted; so far:")
    print(f"\n{tally.table()}\n\n{tally.summary()}")
    return 1 if tally.failures else 0
