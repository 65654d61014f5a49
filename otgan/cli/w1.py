"""`otgan w1`: the exact distance between two files of points."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from otgan.measures import DiscreteMeasure
    from otgan.solution import OTSolution


def w1(
    a: Annotated[Path, typer.Argument(metavar="A", help="Source points: .csv, .tsv, .txt, .npy, .npz or .parquet.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Target points, likewise.")],
    columns: Annotated[
        str | None, typer.Option(help="Columns to use, by name or position from 0, with commas: `--columns x,y`.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Column (or array in an .npz) that holds the weights; normalised to sum to 1.")
    ] = None,
    array: Annotated[str | None, typer.Option(help="Array to take from an .npz that holds several.")] = None,
    p: Annotated[float, typer.Option("-p", help="Exponent: W_p for the metric to the power p.")] = 1.0,
    metric: Annotated[
        str, typer.Option(help="euclidean, cityblock, chebyshev, or haversine (degrees; the result is in km).")
    ] = "euclidean",
    sample: Annotated[
        int | None, typer.Option(help="Use this many random points of each file, where all would be too many.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of --sample; the same seed gives the same points.")] = 0,
    tol: Annotated[
        float, typer.Option(help="Relative width of the bracket at which to stop: 1e-3 takes a fraction of the time.")
    ] = 1e-11,
    max_seconds: Annotated[
        float | None, typer.Option(help="Stop after this time with the bracket so far, as Ctrl-C does.")
    ] = None,
    max_memory: Annotated[float | None, typer.Option(help="GiB that the solver may take (default 4).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Exact W1 between the points of two files, with a proven bracket.

    The cost is the plain Euclidean distance unless `--metric` or `-p` say otherwise; the distance is in the unit of
    the columns. One column means points on the line.

    Examples: `otgan w1 real.csv fake.csv` · `otgan w1 a.csv b.csv --columns lat,lon --metric haversine --json`
    """
    from otgan.errors import Interrupted
    from otgan.solve import MAX_MEMORY, wasserstein

    chosen = None if columns is None else [name.strip() for name in columns.split(",")]
    sides = [_read(path, chosen, weights, array) for path in (a, b)]
    if sample is not None:
        sides = _sub_samples(sides, sample, seed)
    memory = MAX_MEMORY if max_memory is None else max_memory * 2**30
    seconds = math.inf if max_seconds is None else max_seconds
    try:
        solution = wasserstein(*sides, p=p, metric=metric, tol=tol, max_seconds=seconds, max_memory=memory)
    except Interrupted as interrupted:
        _print(interrupted.partial, sampled=sample is not None, as_json=as_json)
        raise typer.Exit(130) from None
    _print(solution, sampled=sample is not None, as_json=as_json)


def _print(solution: OTSolution, *, sampled: bool, as_json: bool) -> None:
    typer.echo(json.dumps(_content(solution)) if as_json else _text(solution, sampled=sampled))


def _read(path: Path, columns: list[str] | None, weights: str | None, array: str | None) -> DiscreteMeasure:
    from otgan.files import read_points
    from otgan.measures import DiscreteMeasure

    points, mass = read_points(path, columns=columns, weights=weights, array=array)
    return DiscreteMeasure(points, mass)


def _sub_samples(sides: list[DiscreteMeasure], size: int, seed: int) -> list[DiscreteMeasure]:
    import numpy as np

    from otgan.checks import as_count
    from otgan.measures import DiscreteMeasure

    size, rng = as_count("--sample", size), np.random.default_rng(as_count("--seed", seed, low=0))
    kept = []
    for side in sides:
        rows = np.sort(rng.choice(len(side), size, replace=False)) if size < len(side) else np.arange(len(side))
        weights = side.weights[rows]
        # All weights zero is an error that DiscreteMeasure words; the sum of a part is nothing to warn about.
        kept.append(DiscreteMeasure(side.points[rows], weights / (weights.sum() or 1.0)))
    return kept


def _content(solution: OTSolution) -> dict[str, object]:
    n, m = solution.problem.shape
    return {
        "distance": solution.distance,
        "lower": solution.lower_bound,
        "upper": solution.upper_bound,
        "relative_gap": solution.relative_gap,
        "kind": "proven",
        "converged": solution.converged,
        "status": solution.status.value,
        "p": solution.p,
        "n": n,
        "m": m,
        "solver": solution.stats.solver,
        "seconds": round(solution.stats.seconds, 4),
    }


def _text(solution: OTSolution, *, sampled: bool) -> str:
    n, m = solution.problem.shape
    what = "random sub-samples of " if sampled else ""
    return "\n".join(
        (
            f"W{solution.p:g} = {solution.distance:.10g}",
            f"  bracket  [{solution.lower_bound:.17g}, {solution.upper_bound:.17g}], proven; "
            f"relative width {solution.relative_gap:.1e}",
            f"  between  {what}{n} and {m} points",
            f"  status   {solution.status.value}",
            f"  solver   {solution.stats.solver}, {solution.stats.seconds:.2f} s",
        )
    )
