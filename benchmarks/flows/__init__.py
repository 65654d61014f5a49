"""Flows: do they draw the laws of the literature as well as published, and how straight are their paths?

    python -m benchmarks flows [--only METHOD ...] [--law LAW ...] [--seeds N] [--steps N] [--out FILE]
                               [--docs [FOLDER]]

A run trains one flow, and judges it by the exact W2 between points that it draws in 20 Euler steps and as many real
ones, beside the W2 between two real samples, and by the energy of its paths. Runs go to FILE as they come, and a study
that is started again goes on where the last one stopped. `--docs` measures nothing and writes the page of the
documentation from FILE.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks._records import begin, keep, read

FOLDER = Path(__file__).parents[1]
SCHEMA = 1


def main(arguments: list[str] | None = None) -> int:
    from benchmarks.flows.runs import LAWS, METHODS, run

    parser = argparse.ArgumentParser(prog="python -m benchmarks flows", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=METHODS, default=list(METHODS), metavar="METHOD")
    parser.add_argument("--law", nargs="+", choices=list(LAWS), default=list(LAWS), metavar="LAW")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20000, help="of each training")
    parser.add_argument("--out", type=Path, default=FOLDER / "results" / "flows.json")
    parser.add_argument("--docs", type=Path, nargs="?", const=FOLDER.parent / "docs", metavar="FOLDER")
    options = parser.parse_args(arguments)
    if options.docs:
        from benchmarks.flows.page import write_page

        print(write_page(read(options.out, SCHEMA), options.docs))
        return 0
    results = begin(options.out, SCHEMA, {"steps": options.steps}, {"runs": []})
    done = {(record["law"], record["method"], record["seed"]) for record in results["runs"]}
    wanted = [(law, m, s) for s in range(options.seeds) for law in options.law for m in options.only]
    try:
        for law, method, seed in wanted:
            if (law, method, seed) in done:
                continue
            record = run(law, method, seed, options.steps)
            results["runs"].append(record)
            keep(options.out, results)
            distances = ", ".join(f"{n}: {row['w2']:.3f} ({row['floor']:.3f})" for n, row in record["samples"].items())
            print(
                f"{method}, {law}, seed {seed}: W2 (floor) at n = {distances}; energy {record['energy']:.3f}, "
                f"least {record['transport']:.3f}; {record['seconds']:.0f} s",
                flush=True,
            )
    except KeyboardInterrupt:
        print(f"interrupted; {options.out} has what was measured, and the same command goes on from there")
        return 130
    return 0
