"""Critics: how far is each one's number from the true W1, and how many steps does it take a second?

    python -m benchmarks critics [--only METHOD ...] [--pair PAIR ...] [--seeds N] [--seconds S] [--jobs N]
                                 [--speed] [--out FILE] [--docs [FOLDER]]

A run trains one critic for about S seconds on one thread, and judges it by `otgan.validate`. Runs go to FILE as they
come, and a study that is started again goes on where the last one stopped. `--speed` measures training steps a second
instead, beside the plain PyTorch loop; `--docs` measures nothing and writes the page of the documentation from FILE.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from benchmarks._records import begin, keep, read

FOLDER = Path(__file__).parents[1]
SCHEMA = 1


def main(arguments: list[str] | None = None) -> int:
    from benchmarks.critics.runs import PAIRS
    from otgan.critics import METHODS

    parser = argparse.ArgumentParser(prog="python -m benchmarks critics", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=sorted(METHODS), default=sorted(METHODS), metavar="METHOD")
    parser.add_argument("--pair", nargs="+", choices=sorted(PAIRS), default=list(PAIRS), metavar="PAIR")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0, help="of training, about; judging takes ten more")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at the same time")
    parser.add_argument("--repetitions", type=int, default=5, help="of each measurement of speed")
    parser.add_argument("--speed", action="store_true", help="measure steps a second instead")
    parser.add_argument("--out", type=Path, default=FOLDER / "results" / "critics.json")
    parser.add_argument("--docs", type=Path, nargs="?", const=FOLDER.parent / "docs", metavar="FOLDER")
    options = parser.parse_args(arguments)
    if options.docs:
        from benchmarks.critics.page import write_page

        print(write_page(read(options.out, SCHEMA), options.docs))
        return 0
    results = begin(options.out, SCHEMA, {"seconds": options.seconds}, {"runs": [], "laws": {}, "speed": []})
    try:
        if options.speed:
            from benchmarks.critics.speed import measure

            results["speed"] = measure(options.repetitions)
            keep(options.out, results)
        else:
            _study(results, options)
    except KeyboardInterrupt:
        print(f"interrupted; {options.out} has what was measured, and the same command goes on from there")
        return 130
    return 0


def _study(results: dict[str, Any], options: argparse.Namespace) -> None:
    """Do the runs that are missing, several at a time."""
    from joblib import Parallel, delayed

    from benchmarks.critics.runs import laws, run

    done = {(record["method"], record["pair"], record["seed"]) for record in results["runs"]}
    wanted = [(m, p, s) for s in range(options.seeds) for p in options.pair for m in options.only]
    missing = [key for key in wanted if key not in done]
    print(f"{len(missing)} runs, about {len(missing) * options.seconds / options.jobs / 60:.0f} minutes", flush=True)
    for pair in options.pair:
        if pair not in results["laws"]:
            results["laws"][pair] = laws(pair)
            keep(options.out, results)
    parallel = Parallel(n_jobs=options.jobs, return_as="generator_unordered")
    for record in parallel(delayed(run)(*key, options.seconds) for key in missing):
        results["runs"].append(record)
        keep(options.out, results)
        print(
            f"{record['method']}, {record['pair']}, seed {record['seed']}: {100 * record['error']:+.1f} %, "
            f"cosine {record['cosine']:.3f}, slope {record['seen']:.3g} to {record['proven'] or float('inf'):.3g}",
            flush=True,
        )
