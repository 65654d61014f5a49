"""Entropic transport at small epsilon: how long does it take, beside POT, OTT-JAX and GeomLoss?

    python -m benchmarks entropic [--n N ...] [--epsilon E ...] [--peer PEER ...] [--method NAME ...] [--large]
                                  [--cap SECONDS] [--python PYTHON] [--out FILE] [--docs [FOLDER]]

8 Gaussians to a standard normal sample, with the Euclidean cost, equal weights and double precision, until both
marginals together are wrong by 1e-5 at most, in L1. Whoever says that it is, one checker of ours computes it again from
the potentials, as they were returned. Every method runs in a process of its own, which imports, compiles and warms up
before the clock runs, and is stopped at the cap. Ours runs immediately before and after each run of a peer, and a ratio
is to the mean of those two, so that a machine that slows down slows both. A peer that takes less than 30 seconds runs
three times. At the smaller size several settings of each peer are tried, and the best of each goes on.

The peers are not needed by otgan, and are best kept apart from it; those that are not there are left out:

    python -m venv peers
    peers/bin/pip install numpy scipy torch POT jax ott-jax geomloss pykeops
    python -m benchmarks entropic --python peers/bin/python

Results go to FILE as they come, and a run that is started again goes on where the last one stopped. `--large` measures
otgan alone, with its peak memory. `--docs` measures nothing and writes the page of the documentation from FILE. The
exit code is 1 if ours missed the error, or took more memory than it may.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1]


def main(arguments: list[str] | None = None) -> int:
    from benchmarks.entropic.peers import GEOMLOSS, GPU, METHODS, OTT, OURS, POT
    from benchmarks.entropic.plan import EPSILONS, LARGE, SIZES, wanted

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks entropic",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--n", nargs="+", type=int, metavar="N", help=f"sizes; {SIZES} unless given")
    parser.add_argument("--epsilon", nargs="+", type=float, choices=EPSILONS, default=EPSILONS, metavar="E")
    parser.add_argument("--peer", nargs="+", choices=(POT, OTT, GEOMLOSS), default=(POT, OTT, GEOMLOSS), metavar="PEER")
    parser.add_argument("--method", nargs="+", choices=sorted(METHODS), metavar="NAME", help="these settings, as named")
    parser.add_argument("--large", action="store_true", help="measure otgan alone, on larger problems")
    parser.add_argument("--cap", type=float, default=300.0, help="seconds after which a peer is stopped")
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument(
        "--out", type=Path, default=FOLDER / "results" / "entropic.json", help="file to write and go on from"
    )
    parser.add_argument(
        "--docs",
        type=Path,
        nargs="?",
        const=FOLDER.parent / "docs",
        metavar="FOLDER",
        help="write benchmarks/entropic.md and images/entropic-time.png there from the file, and measure nothing",
    )
    options = parser.parse_args(arguments)
    from benchmarks.entropic.study import Study, read

    if options.docs:
        from benchmarks.entropic.page import write_page

        for path in write_page(read(options.out), options.docs):
            print(path)
        return 0
    study = Study(options.out, None if options.large else options.python)
    try:
        if options.large:
            for n, epsilon in LARGE:
                if epsilon in options.epsilon and n in (options.n or [n]):
                    study.alone(n, epsilon)
        else:
            for n in options.n or SIZES:
                for epsilon in options.epsilon:
                    chosen = options.method or wanted(study.records, n, epsilon)
                    for method in [*chosen, GPU]:
                        if METHODS[method].package in (*options.peer, OURS) and study.has(method):
                            study.compare(method, n, epsilon, options.cap)
    except KeyboardInterrupt:
        print(f"interrupted; {options.out} has what was measured, and the same command goes on from there")
        return 130
    return study.report()
