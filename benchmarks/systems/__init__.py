"""Every system on the toy laws: what does each reach in its budget, and does its own loss say so?

    python -m benchmarks systems [--only METHOD ...] [--law LAW ...] [--seeds N] [--jobs N]
                                 [--out FILE] [--docs [FOLDER]]

A run trains one generator on one thread, with the defaults and the preset steps of its method and data, and judges what
it draws at its last step. Every method runs with seeds 0, 1, …, the first seed of all of them first; no seed is picked.
Runs go to FILE as they come, and a study that is started again goes on where the last one stopped. `--docs` measures nothing and
writes docs/systems.md and its pictures from FILE.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from benchmarks._records import begin, keep, read

FOLDER = Path(__file__).parents[1]
SCHEMA = 1
#: Numbers of each run that are printed as it ends.
SHOWN = ("w1", "noise_floor", "modes_covered", "high_quality", "mode_kl")


def main(arguments: list[str] | None = None) -> int:
    from benchmarks.systems.runs import LAWS, MAIN, VARIANTS
    from otgan.gan import SYSTEMS

    parser = argparse.ArgumentParser(prog="python -m benchmarks systems", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--only", nargs="+", choices=[*SYSTEMS, *VARIANTS], default=[*SYSTEMS, *VARIANTS], metavar="METHOD"
    )
    parser.add_argument("--law", nargs="+", choices=list(LAWS), default=MAIN, metavar="LAW", help=", ".join(LAWS))
    parser.add_argument("--seeds", type=int, default=3, help="how many for each method and law")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at the same time")
    parser.add_argument("--out", type=Path, default=FOLDER / "results" / "systems.json")
    parser.add_argument("--docs", type=Path, nargs="?", const=FOLDER.parent / "docs", metavar="FOLDER")
    options = parser.parse_args(arguments)
    if options.docs:
        from benchmarks.systems.page import write_page

        for path in write_page(read(options.out, SCHEMA), options.docs):
            print(path)
        return 0
    results = begin(options.out, SCHEMA, {}, {"runs": []})
    wanted = [(method, law, seed) for seed in range(options.seeds) for law in options.law for method in options.only]
    try:
        _study(results, wanted, options)
    except KeyboardInterrupt:
        print(f"interrupted; {options.out} has what was measured, and the same command goes on from there")
        return 130
    return 0


def _study(results: dict[str, Any], wanted: list[tuple[str, str, int]], options: argparse.Namespace) -> None:
    """Do the runs that are missing, several at a time."""
    from joblib import Parallel, delayed

    from benchmarks.systems.runs import run

    done = {(record["method"], record["law"], record["seed"]) for record in results["runs"]}
    missing = [key for key in wanted if key not in done]
    print(f"{len(missing)} runs", flush=True)
    parallel = Parallel(n_jobs=options.jobs, return_as="generator_unordered")
    for record in parallel(delayed(run)(*key) for key in missing):
        results["runs"].append(record)
        keep(options.out, results)
        shown = "  ".join(f"{name} {record['quality'][name]:.3g}" for name in SHOWN)
        print(
            f"{record['method']}, {record['law']}, seed {record['seed']}: {record['seconds']:.0f} s  {shown}",
            flush=True,
        )
